"""Signing in by hand: open a link, and paste the address that the provider sends you to.

For providers without a device flow, where no window can be opened. The redirect address need not lead
anywhere (RFC 8252 §7.3 is the model): the browser shows an error page, and its address bar holds the answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError, OIDCError, SignInError
from oidc_widget.oauth.authorization_request import AuthorizationRequest
from oidc_widget.oauth.callback_address import own_address
from oidc_widget.oauth.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.oauth.provider import Provider
    from oidc_widget.oauth.token_endpoint import TokenEndpoint, TokenResponse

__all__ = ["DEFAULT_CALLBACK", "FIELD", "PastedRedirect", "nobody_to_ask", "redirect_address"]

#: Nothing answers there, and nothing has to; each issuer has an address of its own below.
DEFAULT_CALLBACK = "http://localhost/oidc-widget/callback"

#: The field's name, in the widget and in a terminal.
FIELD = "Address you landed on"

_OURS = re.compile(r"(.*/oidc-widget/callback)(/.*)?$")


def redirect_address(issuer: str, given: str | None) -> str:
    """Return the address to register with an issuer, where the person did not give one of her own.

    This process knows nothing of what an administrator vouches for, so no issuer gets an address of ours that
    is another's too (RFC 9700 §4.4.2.2).

    Raises
    ------
    ConfigurationError
        The one that was given is a callback of ours, but not this issuer's own.
    """
    if given is None:
        return own_address(DEFAULT_CALLBACK, issuer)
    ours = _OURS.match(urlsplit(given).path)
    if ours:
        callback = urlsplit(given)._replace(path=ours[1], query="", fragment="").geturl()
        own = own_address(callback, issuer)
        if given != own:
            raise ConfigurationError(
                f"The redirect address {given} is not {issuer}'s own, so that another provider could be sent "
                "its answers.",
                code="redirect_uri_mismatch",
                hint=f"Register {own} and use that, or leave redirect_uri out and register "
                f"{own_address(DEFAULT_CALLBACK, issuer)}.",
            )
    return given


class PastedRedirect:
    """One sign-in by hand.

    Parameters
    ----------
    provider : Provider
        Who signs the person in.
    request : mapping
        ``client_id``, ``scopes``, …, ``redirect_uri``, as in ``OIDCLogin``.

    Raises
    ------
    ConfigurationError
        See :func:`redirect_address`.
    """

    #: The person is asked for the address that she landed on.
    asks = True

    def __init__(self, provider: Provider, request: Mapping[str, Any]) -> None:
        #: Where the person lands: to be registered with the provider.
        self.redirect_uri = redirect_address(provider.issuer, request.get("redirect_uri"))
        self._sent = AuthorizationRequest.make(provider, request, self.redirect_uri)
        self._targets = {name: request[name] for name in ("resource", "audience") if request.get(name)}
        self._answer: Secret | OIDCError | None = None

    @property
    def url(self) -> str:
        """The link to open."""
        return self._sent.url

    @property
    def nonce(self) -> str:
        """What the ID token must name."""
        return self._sent.nonce

    @property
    def answered(self) -> bool:
        """Whether an address was accepted; none more is needed."""
        return self._answer is not None

    @property
    def refused(self) -> bool:
        """Whether the answer is a refusal."""
        return isinstance(self._answer, OIDCError)

    def accept(self, address: str) -> None:
        """Take the address that was pasted, if it answers this request: a refusal does, too.

        Raises
        ------
        SignInError
            If it does not; another one may be pasted.
        """
        parameters = self._sent.parameters_of(self._query(address.strip().strip("<>\"'")))
        try:
            self._answer = Secret(self._sent.code_from(parameters))
        except OIDCError as refusal:
            self._answer = refusal.with_traceback(None)  # its frames hold the code

    def _query(self, address: str) -> str:
        """Return what the provider added to the address: in the query, or in the fragment."""
        own = urlsplit(self.redirect_uri)
        try:
            landed = urlsplit(address)
            there = (landed.scheme.lower(), landed.netloc.lower(), landed.path)
            answer = landed.query if "=" in landed.query else landed.fragment
        except ValueError:
            there, answer = ("", "", ""), ""
        if own.query and answer.startswith(f"{own.query}&"):
            answer = answer[len(own.query) + 1 :]
        # Another path is another issuer's, or nobody's (RFC 9700 §4.4.2.2).
        if there != (own.scheme.lower(), own.netloc.lower(), own.path) or "=" not in answer:
            raise SignInError(
                "That is not the address that the provider sends you to.",
                code="authorization_failed",
                hint=f"After the sign-in, copy the whole address; it begins with {self.redirect_uri}?",
            )
        return answer

    def exchange(self, endpoint: TokenEndpoint) -> TokenResponse:
        """Exchange the code; raises what the provider said, and like :meth:`TokenEndpoint.exchange`."""
        answer = self._answer
        if not isinstance(answer, Secret):
            raise answer or SignInError("No address was pasted yet.", code="authorization_failed")
        return endpoint.exchange(answer, self.redirect_uri, Secret(self._sent.verifier), **self._targets)


def nobody_to_ask() -> SignInError:
    """Return what is said where nobody can be asked while a cell waits."""
    return SignInError(
        "While this cell waits, nobody can hand in the address that the sign-in ends at.",
        code="no_terminal",
        hint="w.wait() without a timeout asks for it here. Or hand it in first, in the widget or with "
        "w.paste(address), and run this cell then.",
    )
