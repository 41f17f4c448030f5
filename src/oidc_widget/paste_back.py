"""Signing in by hand: open a link, and paste the address that the provider sends you to.

For providers without a device flow, where no window can be opened. The redirect address need not lead
anywhere (RFC 8252 §7.3 is the model): the browser shows an error page, and its address bar holds the answer.
"""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.authorization_request import AuthorizationRequest
from oidc_widget.errors import SignInError
from oidc_widget.express_lane import running_kernel
from oidc_widget.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.discovery import Provider
    from oidc_widget.token_endpoint import TokenEndpoint, TokenResponse

__all__ = ["DEFAULT_REDIRECT_URI", "PasteBack", "prompt"]

#: What to register where ``redirect_uri`` is not given: nothing answers there, and nothing has to.
DEFAULT_REDIRECT_URI = "http://localhost/oidc-widget/callback"

#: The field's name, in the widget and in a terminal.
FIELD = "Address you landed on"


class PasteBack:
    """One sign-in by hand.

    Parameters
    ----------
    provider : Provider
        Who signs the person in.
    request : mapping
        ``client_id``, ``scopes``, …, ``redirect_uri``, as in ``OIDCLogin``.
    """

    def __init__(self, provider: Provider, request: Mapping[str, Any]) -> None:
        self._redirect_uri: str = request.get("redirect_uri") or DEFAULT_REDIRECT_URI
        self._sent = AuthorizationRequest.make(provider, request, self._redirect_uri)
        self._targets = {name: request[name] for name in ("resource", "audience") if request.get(name)}
        self._code: Secret | None = None

    @property
    def url(self) -> str:
        """The link to open."""
        return self._sent.url

    @property
    def redirect_uri(self) -> str:
        """Where the person lands: to be registered with the provider."""
        return self._redirect_uri

    @property
    def nonce(self) -> str:
        """What the ID token must name."""
        return self._sent.nonce

    def accept(self, address: str) -> None:
        """Check what was pasted: the address, or the part of it from the question mark.

        Raises
        ------
        SignInError
            If it does not answer this request: ``state`` and ``iss`` (RFC 9207) are checked, as ever.
        """
        text = address.strip().strip("<>\"'")
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = urlsplit("")
        query = parts.query or ("" if parts.scheme else text.lstrip("?"))
        if not query or "=" not in query:
            raise SignInError(
                "That is not the address that the provider sends you to.",
                code="authorization_failed",
                hint=f"After the sign-in, copy the whole address; it begins with {self._redirect_uri}?",
            )
        self._code = Secret(self._sent.code_from(query))

    def exchange(self, endpoint: TokenEndpoint) -> TokenResponse:
        """Exchange the code that was pasted; raises like :meth:`TokenEndpoint.exchange`."""
        code, self._code = self._code, None
        if code is None:
            raise SignInError("No address was pasted yet.", code="authorization_failed")
        return endpoint.exchange(code, self._redirect_uri, Secret(self._sent.verifier), **self._targets)


def prompt(accept: Callable[[str], None]) -> None:
    """Ask for the address in this terminal, until one is good.

    Raises
    ------
    SignInError
        If nobody can be asked, because there is no terminal.
    """
    while not _accepted(accept, _answer()):
        pass


def _accepted(accept: Callable[[str], None], address: str) -> bool:
    try:
        accept(address)
    except SignInError as error:
        if error.code not in {"authorization_failed", "state_mismatch"}:
            raise
        sys.stdout.write(f"{error}\n")
        return False
    return True


def _answer() -> str:
    try:
        if running_kernel() is not None:
            # A kernel asks its frontend; where that can't answer, it raises NotImplementedError. The address
            # holds a code: what is typed into a password field is not written into the notebook.
            return getpass.getpass(f"{FIELD}: ")
        if sys.stdin is not None and sys.stdin.isatty():
            return input(f"{FIELD}: ")
    except (EOFError, NotImplementedError):
        pass
    raise SignInError(
        "Nobody can be asked for the address here: there is no terminal.",
        code="no_terminal",
        hint="Hand it in with w.paste(address).",
    )
