"""The ID token that comes with the tokens, verified (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from functools import partial
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import DiscoveryError, OIDCError, SignInError, UnknownKey
from oidc_widget.oauth.saying import printable
from oidc_widget.verify import TokenVerifier, verify_access_token_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider
    from oidc_widget.oauth.token_endpoint import TokenResponse

__all__ = ["IdTokenVerifier", "account_name"]

#: How far a provider's clock may be off, in seconds, before its tokens count as old or as not yet made.
_LARGEST_SKEW = 900.0
#: What a refresh must not change (OpenID Connect Core §12.2), where both ID tokens say it.
_KEPT = ("sub", "azp", "auth_time", "nonce")


class IdTokenVerifier:
    """Verifies one client's ID tokens.

    Parameters
    ----------
    provider : Provider
        Who issues them.
    client_id : str
        Whom they must be for.
    client : Client
        The way to the provider's keys.
    """

    def __init__(self, provider: Provider, client_id: str, client: Client) -> None:
        #: Seconds that the provider's clock is ahead, as far as that is known.
        self._skew = 0.0
        self._first: Mapping[str, Any] = {}
        self._make = partial(
            TokenVerifier,
            provider.issuer,
            client_id,
            token_type="id",  # noqa: S106  # a kind, no password
            jwks_uri=provider.endpoint("jwks_uri"),
            http_client=client,
            now=lambda: time.time() + self._skew,
        )
        self._verifier = self._make()

    def claims(
        self, response: TokenResponse, *, nonce: str | None = None, sub: str | None = None
    ) -> Mapping[str, Any] | None:
        """Return the verified claims of the ID token in a response; ``None`` if there is none.

        The first one is that of the sign-in; those of later responses are of the same sign-in, refreshed.

        Parameters
        ----------
        response : TokenResponse
            It comes straight from the token endpoint.
        nonce : str, optional
            What was sent with the authentication request.
        sub : str, optional
            Who must have signed in: a refresh changes nobody's identity (OpenID Connect Core §12.2).

        Raises
        ------
        SignInError
            If the token is not acceptable.
        DiscoveryError
            If the provider's keys can't be had.
        """
        if response.id_token is None:
            return None
        before, self._skew = self._skew, self._skew_at(response, nonce)
        claims, failure = self._verified(response, nonce)
        if failure is not None:
            self._skew = before
            raise failure if isinstance(failure, DiscoveryError) else _invalid(failure.message) from failure
        if not claims["sub"]:
            raise _invalid("it names nobody (sub is empty).")
        same = {"sub": sub, **self._first} if sub is not None else self._first
        for name in _KEPT:
            if name in claims and same.get(name) is not None and not _alike(name, claims[name], same[name]):
                what = "names another person than" if name == "sub" else f"has another {name} than"
                raise _invalid(f"it {what} the sign-in's.")
        self._first = self._first or claims
        return claims

    def _skew_at(self, response: TokenResponse, nonce: str | None) -> float:
        """Return how far ahead the provider's clock is at most believed to be.

        A nonce of ours proves that the token was made for this sign-in, so its ``iat`` tells the provider's
        time. No other token may tell by what time it is to be judged; but the answer that brought it does.
        """
        there = response.answered_at if nonce is None else _issued_at(response)
        skew = self._skew if there is None else there - time.time()
        return skew if abs(skew) <= _LARGEST_SKEW else 0.0

    def _verified(
        self, response: TokenResponse, nonce: str | None
    ) -> tuple[dict[str, Any], OIDCError | None]:
        claims, failure = _judged(self._verifier, response, nonce)
        if isinstance(failure, UnknownKey):
            # The key may be new, and the keys may not have been had just now: one without any keys tells.
            fresh = self._make()
            claims, failure = _judged(fresh, response, nonce)
            if failure is None:
                self._verifier = fresh
        return claims, failure


def _alike(name: str, one: Any, other: Any) -> bool:
    """Compare what a refresh must not change; some providers reckon ``auth_time`` anew, and round it."""
    if name == "auth_time" and isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) <= 1
    return bool(one == other)


def _judged(
    verifier: TokenVerifier, response: TokenResponse, nonce: str | None
) -> tuple[dict[str, Any], OIDCError | None]:
    """Return the claims, or why they are not believed, without a traceback: its frames hold the token."""
    if response.id_token is None:
        return {}, None
    try:
        claims = verifier.verify(response.id_token.reveal(), nonce=nonce)
        if claims.get("at_hash") is not None:
            verify_access_token_hash(response.access_token.reveal(), claims)
    except OIDCError as error:
        return {}, error.with_traceback(None)
    return dict(claims), None


def _invalid(why: str) -> SignInError:
    return SignInError(
        f"The provider's ID token was not accepted: {why}",
        code="id_token_invalid",
        hint="Try again; if it happens again, tell the provider's administrator.",
    )


def _issued_at(response: TokenResponse) -> float | None:
    try:
        payload = response.id_token.reveal().split(".")[1] if response.id_token else ""
        issued = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iat"]
        return None if isinstance(issued, bool) else float(issued)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return None  # its verification says so


def account_name(claims: Mapping[str, Any] | None) -> str | None:
    """Return the name to show for a person (OpenID Connect Core §5.1)."""
    for name in ("name", "preferred_username", "email", "sub"):
        value = (claims or {}).get(name)
        if isinstance(value, str) and value:
            return printable(value)
    return None
