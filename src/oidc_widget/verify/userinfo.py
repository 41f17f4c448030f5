"""Ask the provider for claims that a token leaves out (OpenID Connect Core §5.3)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import InvalidClaim
from oidc_widget.oauth.http import json_object
from oidc_widget.oauth.provider import discover
from oidc_widget.oauth.userinfo import ask_userinfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.oauth.http import Client

__all__ = ["fetch_userinfo"]


def fetch_userinfo(
    client: Client,
    token: str,
    claims: Mapping[str, Any],
    *,
    timeout: float,
    allow_insecure_http: bool,
) -> Mapping[str, Any]:
    """Fetch the claims about a token's subject from its issuer.

    Parameters
    ----------
    client : Client
        The way to the network.
    token : str
        An access token with the scope ``openid``.
    claims : mapping
        Its verified claims.
    timeout : float
        Seconds for each answer.
    allow_insecure_http : bool
        See :func:`~oidc_widget.oauth.http.require_secure_url`.

    Returns
    -------
    mapping
        The claims, read-only. Aggregated and distributed ones (§5.6.2) stay references.

    Raises
    ------
    DiscoveryError
        If they can't be had.
    InvalidClaim
        If they are about somebody else (§5.3.2).
    """
    provider = discover(client, str(claims.get("iss")), timeout=timeout, exact=True)
    answer, address = ask_userinfo(
        client, provider, lambda: token, timeout=timeout, allow_insecure_http=allow_insecure_http
    )
    told = json_object(answer, address)
    if told.get("sub") is None or told["sub"] != claims.get("sub"):
        raise InvalidClaim("The provider's answer is about somebody else than the token.", claim="sub")
    return MappingProxyType(told)
