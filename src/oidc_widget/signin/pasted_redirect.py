"""Signing in by hand: open a link, and paste the address that the provider sends you to.

For providers without a device flow, where no window can be opened. The redirect address need not lead
anywhere (RFC 8252 §7.3 is the model): the browser shows an error page, and its address bar holds the answer.
"""

from __future__ import annotations

import getpass
import math
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import SignInError
from oidc_widget.oauth.authorization_request import AuthorizationRequest
from oidc_widget.oauth.secret import Secret
from oidc_widget.signin.control_channel import running_kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.oauth.provider import Provider
    from oidc_widget.oauth.token_endpoint import TokenEndpoint, TokenResponse

__all__ = ["DEFAULT_REDIRECT_URI", "PasteBack", "nobody_to_ask", "prompt"]

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
        #: An address was accepted; none more is needed.
        self.answered = False

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
        self.answered = True

    def exchange(self, endpoint: TokenEndpoint) -> TokenResponse:
        """Exchange the code that was pasted; raises like :meth:`TokenEndpoint.exchange`."""
        code, self._code = self._code, None
        if code is None:
            raise SignInError("No address was pasted yet.", code="authorization_failed")
        return endpoint.exchange(code, self._redirect_uri, Secret(self._sent.verifier), **self._targets)


def nobody_to_ask() -> SignInError:
    """Return what is said where nobody can be asked while a cell waits."""
    return SignInError(
        "While this cell waits, nobody can hand in the address that the sign-in ends at.",
        code="no_terminal",
        hint="w.wait() without a timeout asks for it here. Or hand it in first, in the widget or with "
        "w.paste(address), and run this cell then.",
    )


def prompt(accept: Callable[[str], None], wanted: Callable[[], bool], deadline: float) -> None:
    """Ask for the address in this terminal, until one is good or none is wanted any more.

    Parameters
    ----------
    accept : callable
        Takes an address, or raises a ``SignInError``.
    wanted : callable
        Tells whether an address is still needed.
    deadline : float
        When to stop, as a time of :func:`time.monotonic`; ``inf``: never.

    Raises
    ------
    SignInError
        If nobody can be asked, because there is no terminal, or a kernel's cell has a deadline.
    """
    while wanted():
        address = _answer(deadline)
        if address is None or not wanted() or _accepted(accept, address):
            return


def _accepted(accept: Callable[[str], None], address: str) -> bool:
    try:
        accept(address)
    except SignInError as error:
        if error.code not in {"authorization_failed", "state_mismatch"}:
            raise
        sys.stdout.write(f"{error}\n")
        return False
    return True


def _answer(deadline: float) -> str | None:
    try:
        if running_kernel() is not None:
            if deadline < math.inf:
                raise nobody_to_ask()  # a question to the frontend can't be taken back
            # A kernel asks its frontend; where that can't answer, it raises NotImplementedError. The address
            # holds a code: what is typed into a password field is not written into the notebook.
            return getpass.getpass(f"{FIELD}: ")
        if sys.stdin is not None and sys.stdin.isatty():
            return input(f"{FIELD}: ") if deadline == math.inf else _typed(deadline)
    except (EOFError, NotImplementedError):
        pass
    raise SignInError(
        "Nobody can be asked for the address here: there is no terminal.",
        code="no_terminal",
        hint="Hand it in with w.paste(address).",
    )


def _typed(deadline: float) -> str | None:
    """Ask in a terminal for a while; no thread stays behind that would take a later line away."""
    sys.stdout.write(f"{FIELD}: ")
    sys.stdout.flush()
    if not _is_typed(deadline):
        sys.stdout.write("\n")
        return None
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


if sys.platform == "win32":
    import msvcrt

    def _is_typed(deadline: float) -> bool:
        """Wait for the first key: who has begun to type is let finish."""
        while not msvcrt.kbhit():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

else:
    import select

    def _is_typed(deadline: float) -> bool:
        """Wait for a line."""
        return bool(select.select([sys.stdin], [], [], max(0.0, deadline - time.monotonic()))[0])
