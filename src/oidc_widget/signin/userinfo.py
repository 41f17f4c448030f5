"""What the provider's userinfo endpoint says of the person (OpenID Connect Core §5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oidc_widget.errors import ConfigurationError, DiscoveryError, TokenError
from oidc_widget.oauth.http import open_client
from oidc_widget.oauth.provider import discover
from oidc_widget.oauth.userinfo import ask_userinfo
from oidc_widget.signin.claims import PersonClaims
from oidc_widget.signin.token_cache import OWN

if TYPE_CHECKING:
    from oidc_widget.signin.sign_in import SignIn

__all__ = ["userinfo"]

_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403
_MIN_TTL = 30.0  # seconds


def userinfo(sign_in: SignIn, timeout: float) -> PersonClaims:
    """Ask, and compare ``sub`` with the ID token's (§5.3.2).

    Raises
    ------
    TokenError
        There is no token, or the endpoint does not accept it.
    DiscoveryError
        The provider can't be reached, has no such endpoint, or its answer is not usable.
    """
    token = sign_in.token(OWN, _MIN_TTL, 60)
    claims = sign_in.state.now.claims or {}
    # With `provider=`, the kernel knows the issuer by the ID token alone.
    authority = sign_in.request.get("authority") or claims.get("iss")
    if authority is None:
        raise ConfigurationError(
            "This kernel does not know the provider's address: ask for the scope openid."
        )
    with open_client() as client:
        provider = discover(client, authority, timeout=timeout)
        answer, address = ask_userinfo(client, provider, lambda: token.value, timeout=timeout)
    if answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
        raise TokenError(
            f"{address} does not accept the access token (status {answer.status}).",
            hint="It is for another API if `resource` or `audience` was asked for; and it needs openid.",
        )
    if answer.status != _OK or not answer.document:
        why = answer.failure or f"status {answer.status}"
        raise DiscoveryError(
            f"{address} gave no claims as JSON ({why}).",
            code="provider_unreachable" if answer.passing else "discovery_failed",
            hint="Try again in a while." if answer.passing else "Ask the provider's administrator.",
        )
    if answer.document.get("sub") != claims.get("sub", answer.document.get("sub")):
        raise TokenError(
            f"{address} tells of another person than the ID token (sub), so its answer was not used.",
            code="id_token_invalid",
            hint="Sign in again; if it happens again, tell the administrator.",
        )
    return PersonClaims(answer.document)
