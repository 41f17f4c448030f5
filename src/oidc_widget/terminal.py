"""``oidc-widget token``: an access token for a terminal, from an open page of this Jupyter server."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError, MissingExtra, OIDCError, TokenError
from oidc_widget.oauth.access_token import VSCHARS
from oidc_widget.oauth.http import exchange, open_client, require_secure_url
from oidc_widget.oauth.saying import printable
from oidc_widget.oauth.secret import Secret

if TYPE_CHECKING:
    from oidc_widget.oauth.answer import Answer

__all__ = ["PID_VARIABLE", "print_token"]

#: Set by our server extension for all that the server starts: the server's process.
PID_VARIABLE = "OIDC_WIDGET_SERVER_PID"

_UNAVAILABLE = "server_unavailable"
_OK, _NOT_FOUND = 200, 404
#: Seconds beyond what the server waits for a page: its own answer says more than silence does.
_MARGIN = 5
_LONGEST_SENTENCE = 2000
_CODE = re.compile(r"[a-z_]{1,64}")


@dataclass(frozen=True)
class _Server:
    """A Jupyter server of this machine, and what signs in to it."""

    url: str
    token: Secret = field(repr=False)

    def headers(self) -> dict[str, str]:
        token = self.token.reveal()
        if token:
            return {"Authorization": f"token {token}"}
        # Where nobody has to sign in, the server still wants its cookie said twice.
        xsrf = secrets.token_urlsafe(16)
        return {"Cookie": f"_xsrf={xsrf}", "X-XSRFToken": xsrf}


def print_token(provider: str, timeout: int) -> int:
    """Print an access token, and nothing else, on a line of its own, and return the exit code.

    Parameters
    ----------
    provider : str
        The name of a configured provider, or the host or address of another one.
    timeout : int
        Seconds that a page may take.

    Raises
    ------
    OIDCError
        There is no server here, no page of it that may answer, or no token.
    """
    print(_ask(_find_server(), provider, timeout).reveal())  # noqa: T201  # what it is for
    return 0


def _ask(server: _Server, provider: str, timeout: int) -> Secret:
    url = require_secure_url(
        f"{server.url}oidc-widget/api/terminal-token", what="The Jupyter server's address"
    )
    content = json.dumps({"provider": provider, "timeout": timeout}).encode()
    with open_client() as client:
        answer = exchange(
            client,
            "POST",
            url,
            timeout=timeout + _MARGIN,
            headers=lambda: {"Content-Type": "application/json", **server.headers()},
            content=content,
        )
    token = answer.document.get("access_token")
    if answer.status == _OK and isinstance(token, str) and VSCHARS.fullmatch(token):
        return Secret(token)
    raise _refusal(answer, server)


def _refusal(answer: Answer, server: _Server) -> OIDCError:
    """Return what the server says no with, in words for a terminal."""
    if answer.failure is not None:
        return TokenError(
            f"The Jupyter server at {server.url} can't be reached: {answer.failure}.",
            code=_UNAVAILABLE,
            hint="Open a new terminal, if the server was restarted.",
        )
    code, sentence = answer.error or "", answer.description or ""
    if code == "not_signed_in_to_jupyter":
        return TokenError(
            f"The Jupyter server at {server.url} does not know this terminal.",
            code="not_signed_in_to_jupyter",
            hint="Where people sign in by password alone, set c.IdentityProvider.token too.",
        )
    if _CODE.fullmatch(code) and sentence:
        return TokenError(printable(sentence, _LONGEST_SENTENCE), code=code)
    return TokenError(
        f"The Jupyter server at {server.url} has no tokens for terminals (status {answer.status}).",
        code=_UNAVAILABLE,
        hint="Install this version of oidc-widget also where the Jupyter server runs, and restart it.",
    )


def _find_server() -> _Server:
    """Find the server whose terminal or kernel has started this process; else the only one there is.

    Jupyter Server writes down where each running server is, readable for its user alone
    (``jpserver-PID.json``). What it tells terminals itself, ``JUPYTER_SERVER_URL``, is of the time before it
    has found a free port.
    """
    pid = os.environ.get(PID_VARIABLE)
    fitting = [server for server in _running_servers() if pid is None or str(server.get("pid")) == pid]
    if not fitting:
        raise TokenError(
            "This is no terminal of a Jupyter server that still runs.",
            code=_UNAVAILABLE,
            hint="Run this in a new terminal of JupyterLab, as the user who started it.",
        )
    if len(fitting) > 1:
        raise ConfigurationError(
            f"Several Jupyter servers run here: {', '.join(printable(server['url']) for server in fitting)}.",
            hint="Run this in a terminal of the one that you mean.",
        )
    return _Server(_on_this_machine(fitting[0]["url"]), Secret(str(fitting[0].get("token") or "")))


def _running_servers() -> list[dict[str, Any]]:
    """Read what servers wrote down.

    ``jupyter_server.list_running_servers`` does the same, and takes seconds to import.
    """
    try:
        from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415  # only here
    except ImportError as error:
        raise MissingExtra(
            "This Python environment knows nothing of Jupyter.",
            hint="Run this with the oidc-widget of an environment that has it.",
        ) from error
    found = []
    for path in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        try:
            server = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):  # it ends, or is being written
            continue
        if isinstance(server, dict) and isinstance(server.get("url"), str):
            found.append(server)
    return found


def _on_this_machine(url: str) -> str:
    """Return the address by loopback, where the server listens everywhere, by the machine's name."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname == socket.gethostname().lower() and parts.port:
        parts = parts._replace(netloc=f"127.0.0.1:{parts.port}")
    return parts.geturl()
