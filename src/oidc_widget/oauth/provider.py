"""A provider as the kernel knows it, where the kernel itself signs in or looks what is wrong.

OpenID Connect Discovery 1.0. The rules are the browser's (``frontend/oauth/provider.ts``): https, but for
this machine; of what a person wrote, a slash at the end is forgiven; redirects of the document are followed,
because the document names its issuer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError, DiscoveryError
from oidc_widget.oauth.http import fetch_json, require_secure_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

__all__ = ["WELL_KNOWN", "Provider", "discover", "discovery_address", "parse_authority"]

WELL_KNOWN = "/.well-known/openid-configuration"

#: Seconds that a provider may take for one answer.
TIMEOUT = 10.0

_MOST_REDIRECTS = 3


@dataclass(frozen=True)
class Provider:
    """A provider's metadata.

    Parameters
    ----------
    issuer : str
        What the provider calls itself, letter by letter: what its tokens must name.
    metadata : mapping
        Its discovery document.
    """

    issuer: str
    metadata: Mapping[str, Any]

    def endpoint(self, name: str) -> str:
        """Return the address of an endpoint that is needed.

        Parameters
        ----------
        name : str
            The member of the metadata, such as ``token_endpoint``.

        Raises
        ------
        DiscoveryError
            If there is none, or it is neither https nor on this machine.
        """
        address = self.metadata.get(name)
        if address is None:
            raise DiscoveryError(
                f"The provider {self.issuer} announces no {name}.",
                hint="Ask the provider's administrator whether it offers that.",
            )
        try:
            secure = require_secure_url(address, what=f"The {name} of {self.issuer}")
        except ConfigurationError as error:
            raise DiscoveryError(error.message) from error
        if self.issuer.startswith("https:") and not secure.startswith("https:"):
            # A provider elsewhere has no business with this machine's own ports.
            raise DiscoveryError(f"The {name} of {self.issuer} is not https.")
        return secure

    def offers(self, name: str) -> bool:
        """Whether the provider announces this endpoint."""
        return isinstance(self.metadata.get(name), str)


def parse_authority(authority: str) -> str:
    """Return the issuer's address that a person's ``authority`` means.

    Raises
    ------
    ConfigurationError
        If it is no web address, or plain http to another machine.
    """
    issuer = authority.strip().removesuffix(WELL_KNOWN)
    try:
        return require_secure_url(issuer, what="The authority")
    except ConfigurationError as error:
        raise ConfigurationError(
            error.message,
            code="invalid_authority",
            hint="Give the provider's issuer address, such as https://idp.example.com; "
            "plain http is for a provider on this machine only.",
        ) from error


def discovery_address(issuer: str) -> str:
    """Return where the discovery document is (OpenID Connect Discovery 1.0 §4)."""
    return issuer.rstrip("/") + WELL_KNOWN


def discover(client: httpx.Client, authority: str, *, timeout: float = TIMEOUT) -> Provider:
    """Fetch a provider's metadata.

    Parameters
    ----------
    client : httpx.Client
        The way to the network.
    authority : str
        The issuer's address, with or without ``/.well-known/openid-configuration``.
    timeout : float
        Seconds that the answer may take.

    Raises
    ------
    ConfigurationError
        If the authority is no usable address.
    DiscoveryError
        If the metadata can't be fetched, or is another issuer's (OpenID Connect Discovery 1.0 §4.3).
    """
    wanted = parse_authority(authority)
    metadata = fetch_json(client, discovery_address(wanted), timeout=timeout, redirects=_MOST_REDIRECTS)
    issuer = metadata.get("issuer")
    if not isinstance(issuer, str):
        raise DiscoveryError(
            f"There is no discovery document at {discovery_address(wanted)}.",
            hint="The authority is the provider's issuer address; some have a path, such as /realms/NAME.",
        )
    if _same(issuer) != _same(wanted):
        raise DiscoveryError(
            f"The provider at {wanted} calls itself {issuer}.",
            code="issuer_mismatch",
            hint="Use the address that it calls itself by as the authority.",
        )
    return Provider(issuer, metadata)


def _same(issuer: str) -> tuple[str, str, str, str]:
    """Return what tells issuers apart: host names know no capitals."""
    parts = urlsplit(issuer)
    return parts.scheme.lower(), parts.netloc.lower(), parts.path.rstrip("/"), parts.query
