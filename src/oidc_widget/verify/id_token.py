"""The ID token that comes with the tokens, verified (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from functools import partial
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import DiscoveryError, OIDCError, SignInError, UnknownKey
from oidc_widget.verify import TokenVerifier, verify_access_token_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from oidc_widget.oauth.provider import Provider
    from oidc_widget.oauth.token_endpoint import TokenResponse

__all__ = ["IdTokenVerifier", "account_name"]

#: How far a provider's clock may be off, in seconds, before its tokens count as old or as not yet made.
_LARGEST_SKEW = 900


class IdTokenVerifier:
    """Verifies one client's ID tokens.

    Parameters
    ----------
    provider : Provider
        Who issues them.
    client_id : str
        Whom they must be for.
    client : httpx.Client
        The way to the provider's keys.
    """

    def __init__(self, provider: Provider, client_id: str, client: httpx.Client) -> None:
        self._skew = 0.0
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
        # It was made just now, so `iat` tells the provider's time; beyond the limit it is an old token.
        self._skew = _skew(response)
        claims, failure = _judged(self._verifier, response, nonce)
        if isinstance(failure, UnknownKey):
            # The key may be new, and the keys may not have been had just now: one without any keys tells.
            fresh = self._make()
            claims, failure = _judged(fresh, response, nonce)
            if failure is None:
                self._verifier = fresh
        if isinstance(failure, DiscoveryError):
            raise failure
        if failure is not None:
            raise _invalid(failure.message) from failure
        if sub is not None and claims.get("sub") != sub:
            raise _invalid("it names another person than before")
        return claims


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


def _skew(response: TokenResponse) -> float:
    try:
        payload = response.id_token.reveal().split(".")[1] if response.id_token else ""
        issued = float(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iat"])
    except (ValueError, TypeError, LookupError):
        return 0.0  # its verification says so
    skew = issued - time.time()
    return skew if abs(skew) <= _LARGEST_SKEW else 0.0


def account_name(claims: Mapping[str, Any] | None) -> str | None:
    """Return the name to show for a person (OpenID Connect Core §5.1)."""
    for name in ("name", "preferred_username", "email", "sub"):
        value = (claims or {}).get(name)
        if isinstance(value, str) and value:
            return value
    return None
