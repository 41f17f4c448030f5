"""Token requests that this process makes itself (RFC 6749 §3.2), as a public client.

What is sent and received is secret, and an exception's traceback keeps the locals of every frame that it
went through: so nothing here raises while a frame holds a token in the open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from oidc_widget.errors import OIDCError, SignInError, TokenError
from oidc_widget.oauth.access_token import VSCHARS
from oidc_widget.oauth.answer import Answer
from oidc_widget.oauth.authorization_request import refusal
from oidc_widget.oauth.http import exchange
from oidc_widget.oauth.saying import printable
from oidc_widget.oauth.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider

__all__ = ["Answer", "TokenEndpoint", "TokenResponse"]

_TIMEOUT = 10.0  # seconds
_OK = 200


@dataclass(frozen=True)
class TokenResponse:
    """What a token endpoint gave (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3)."""

    access_token: Secret
    #: Seconds, counted from the moment of the request; ``None``: the provider does not say.
    expires_in: float | None
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    #: What was granted, if the provider says so: it must where that is not what was asked for (§3.3).
    scopes: tuple[str, ...] | None = None
    #: The provider's own time when it answered (RFC 9110 §6.6.1), in seconds since the epoch.
    answered_at: float | None = None


class TokenEndpoint:
    """A provider's token endpoint, and those that are asked in the same way."""

    def __init__(self, provider: Provider, client_id: str, client: Client) -> None:
        self.provider = provider
        self.client_id = client_id
        self._client = client

    def exchange(self, code: Secret, redirect_uri: str, verifier: Secret, **more: str) -> TokenResponse:
        """Exchange an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5).

        Raises
        ------
        SignInError
            If the provider refuses, can't be reached, or answers with something else.
        """
        return self.tokens(
            self.post(
                "token_endpoint",
                lambda: {
                    "grant_type": "authorization_code",
                    "code": code.reveal(),
                    "redirect_uri": redirect_uri,
                    "code_verifier": verifier.reveal(),
                    **more,
                },
            )
        )

    def refresh(self, refresh_token: Secret, **more: str) -> Answer:
        """Ask for new tokens (RFC 6749 §6); ``more``: ``scope``, ``resource`` (RFC 8707 §2.2)."""
        return self.post(
            "token_endpoint",
            lambda: {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal(), **more},
        )

    def revoke(self, token: Secret, kind: Literal["access_token", "refresh_token"]) -> bool:
        """End a token at the provider (RFC 7009); ``False`` where that could not be done."""
        if not self.provider.offers("revocation_endpoint"):
            return False
        form = {"token_type_hint": kind}
        return self.post("revocation_endpoint", lambda: {"token": token.reveal(), **form}).status == _OK

    def tokens(self, answer: Answer) -> TokenResponse:
        """Return the tokens in an answer.

        Raises
        ------
        TokenError
            If the grant is not, or no longer, good.
        SignInError
            If the answer is another refusal, no answer, or none of RFC 6749 §5.1.
        """
        problem = self._problem(answer)
        if problem is not None:
            raise problem
        response = _read(answer)
        if response is None:
            raise SignInError(
                "The token endpoint's answer is not what RFC 6749 §5.1 asks for.",
                code="token_response_invalid",
                hint="Check the authority with the provider's administrator.",
            )
        return response

    def _problem(self, answer: Answer) -> OIDCError | None:
        if answer.status == _OK:
            return None
        address = self.provider.metadata.get("token_endpoint")
        if answer.passing:
            why = answer.failure or f"status {answer.status}"
            return SignInError(
                f"The token endpoint {address} gives no answer at the moment ({why}).",
                code="token_endpoint_unreachable",
                hint="Try again in a while.",
            )
        if answer.error == "invalid_grant":
            said = f' The provider says: "{printable(answer.description)}".' if answer.description else ""
            return TokenError(
                f"The provider no longer accepts this sign-in.{said}",
                code="invalid_grant",
                hint="Sign in again.",
            )
        if answer.error is not None:
            return refusal(
                answer.error, answer.description, self.client_id, otherwise="token_request_refused"
            )
        return SignInError(
            f"The token endpoint {address} answered with status {answer.status}.",
            code="token_request_refused",
            hint="Check the authority with the provider's administrator.",
        )

    def post(
        self,
        endpoint: str,
        form: Callable[[], dict[str, str]],
        headers: Callable[[], dict[str, str]] | None = None,
    ) -> Answer:
        """Send a form; no answer is an :class:`Answer` too.

        Parameters
        ----------
        endpoint : str
            The member of the metadata that names the address.
        form : callable
            Returns the parameters, in a frame that no traceback sees.
        headers : callable, optional
            Returns the headers that prove who asks, where a secret does.

        Raises
        ------
        DiscoveryError
            If the provider has no such endpoint.
        """
        address, named = self.provider.endpoint(endpoint), {"client_id": self.client_id}
        return exchange(
            self._client, "POST", address, timeout=_TIMEOUT, form=lambda: {**form(), **named}, headers=headers
        )


def _read(answer: Answer) -> TokenResponse | None:
    document = answer.document
    access_token, kind = document.get("access_token"), document.get("token_type")
    if not isinstance(access_token, str) or not VSCHARS.fullmatch(access_token):
        return None
    # RFC 6749 §7.1: an unknown type is not to be used
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return None
    refresh_token, id_token = document.get("refresh_token"), document.get("id_token")
    if any(
        token is not None and not (isinstance(token, str) and token) for token in (refresh_token, id_token)
    ):
        return None
    scope = document.get("scope")
    return TokenResponse(
        access_token=Secret(access_token),
        expires_in=_seconds(document.get("expires_in")),
        refresh_token=None if refresh_token is None else Secret(refresh_token),
        id_token=None if id_token is None else Secret(id_token),
        scopes=tuple(scope.split()) if isinstance(scope, str) else None,
        answered_at=answer.date,
    )


def _seconds(value: Any) -> float | None:
    """Read a lifetime; what is no positive number means that the provider does not say."""
    try:
        seconds = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < float("inf") else None
