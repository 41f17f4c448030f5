"""A provider's metadata (OpenID Connect Discovery 1.0 §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oidc_widget.errors import ConfigurationError, DiscoveryError
from oidc_widget.oauth.http import fetch_json, require_secure_url

if TYPE_CHECKING:
    from oidc_widget.oauth.http import Client

__all__ = ["discover", "endpoint"]


def discover(client: Client, issuer: str, *, timeout: float) -> dict[str, Any]:
    """Fetch a provider's metadata.

    Parameters
    ----------
    client : Client
        The way to the network.
    issuer : str
        The issuer, exactly as it stands in the tokens.
    timeout : float
        Seconds that the answer may take.

    Returns
    -------
    dict
        The metadata.

    Raises
    ------
    DiscoveryError
        If it can't be fetched, or is another issuer's (OIDC Discovery §4.3).
    """
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    metadata = fetch_json(client, url, timeout=timeout)
    if metadata.get("issuer") != issuer:
        raise DiscoveryError(
            f"{url} says that its issuer is {metadata.get('issuer')!r}, not {issuer!r}.",
            code="issuer_mismatch",
            hint="Write the issuer exactly as the provider does, down to a slash at its end.",
        )
    return metadata


def endpoint(metadata: dict[str, Any], name: str, *, allow_insecure_http: bool = False) -> str:
    """Take an address out of a provider's metadata.

    Parameters
    ----------
    metadata : dict
        The metadata.
    name : str
        The member, e.g. ``jwks_uri``.
    allow_insecure_http : bool
        See :func:`~oidc_widget.oauth.http.require_secure_url`.

    Returns
    -------
    str
        The address.

    Raises
    ------
    DiscoveryError
        If there is none, or it may not be trusted.
    """
    what = f"The {name} in the metadata of {metadata.get('issuer')}"
    if metadata.get(name) is None:
        raise DiscoveryError(f"{what} is missing.")
    try:
        return require_secure_url(metadata[name], what=what, allow_insecure_http=allow_insecure_http)
    except ConfigurationError as error:
        raise DiscoveryError(error.message, code=error.code, hint=error.hint) from error
