"""A provider and its metadata: the one place that reads discovery documents.

OpenID Connect Discovery 1.0. The rules are the browser's (``frontend/oauth/provider.ts``): https, but for
this machine; issuers are compared letter by letter, though a slash at the end of what a person wrote is
forgiven; redirects of the document are followed, because the document names its issuer; of its members those
are kept that somebody here asks for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import ConfigurationError, DiscoveryError
from oidc_widget.oauth.http import fetch_json, require_secure_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.oauth.http import Client

__all__ = [
    "MAX_AGE",
    "WELL_KNOWN",
    "Provider",
    "discover",
    "discovery_address",
    "parse_authority",
]

WELL_KNOWN = "/.well-known/openid-configuration"

#: Seconds that a provider may take for one answer.
TIMEOUT = 10.0
#: Seconds after which what a provider says about itself is to be read again.
MAX_AGE = 3600.0

_MOST_REDIRECTS = 3


def _address(value: object) -> object:
    return value  # looked at when it is needed, so that what is wrong with it is told then


def _texts(value: object) -> list[str] | None:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


#: What is kept of a discovery document, and of which kind it must be: OpenID Connect Discovery 1.0 §3,
#: RFC 8414 §2, RFC 8628 §4, RFC 9126 §5, RFC 9207 §3, OpenID Connect RP-Initiated Logout 1.0 §2.1.
_MEMBERS: dict[str, Callable[[object], Any]] = {
    **dict.fromkeys(
        (
            "issuer",
            "authorization_endpoint",
            "device_authorization_endpoint",
            "end_session_endpoint",
            "introspection_endpoint",
            "jwks_uri",
            "pushed_authorization_request_endpoint",
            "revocation_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
        ),
        _address,
    ),
    **dict.fromkeys(
        (
            "acr_values_supported",
            "claims_supported",
            "code_challenge_methods_supported",
            "dpop_signing_alg_values_supported",
            "grant_types_supported",
            "id_token_signing_alg_values_supported",
            "introspection_endpoint_auth_methods_supported",
            "prompt_values_supported",
            "response_modes_supported",
            "response_types_supported",
            "revocation_endpoint_auth_methods_supported",
            "scopes_supported",
            "token_endpoint_auth_methods_supported",
            "userinfo_signing_alg_values_supported",
        ),
        _texts,
    ),
    **dict.fromkeys(
        (
            "authorization_response_iss_parameter_supported",
            "claims_parameter_supported",
            "require_pushed_authorization_requests",
            "require_signed_request_object",
        ),
        _flag,
    ),
}


@dataclass(frozen=True)
class Provider:
    """A provider's metadata.

    Parameters
    ----------
    issuer : str
        What the provider calls itself, letter by letter: what its tokens must name.
    metadata : mapping
        What is kept of its discovery document.
    read_at : float
        When that was read, in seconds of :func:`time.monotonic`.
    """

    issuer: str
    metadata: Mapping[str, Any]
    read_at: float = field(default_factory=time.monotonic, compare=False)

    @property
    def aged(self) -> bool:
        """Whether the metadata should be read again."""
        return time.monotonic() - self.read_at > MAX_AGE

    def endpoint(self, name: str, *, allow_insecure_http: bool = False) -> str:
        """Return the address of an endpoint that is needed.

        Parameters
        ----------
        name : str
            The member of the metadata, such as ``token_endpoint``.
        allow_insecure_http : bool
            See :func:`~oidc_widget.oauth.http.require_secure_url`.

        Raises
        ------
        DiscoveryError
            If there is none, or it is neither https nor on this machine.
        """
        address = self.metadata.get(name)
        if address is None:
            raise DiscoveryError(
                f"The {name} in the metadata of {self.issuer} is missing.",
                hint="Ask the provider's administrator whether it offers that.",
            )
        try:
            secure = require_secure_url(
                address, what=f"The {name} of {self.issuer}", allow_insecure_http=allow_insecure_http
            )
        except ConfigurationError as error:
            raise DiscoveryError(error.message, code=error.code, hint=error.hint) from error
        if self.issuer.startswith("https:") and not (secure.startswith("https:") or allow_insecure_http):
            # A provider elsewhere has no business with this machine's own ports.
            raise DiscoveryError(f"The {name} of {self.issuer} is not https.", code="insecure_url")
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


def discover(client: Client, authority: str, *, timeout: float = TIMEOUT, exact: bool = False) -> Provider:
    """Fetch a provider's metadata.

    Parameters
    ----------
    client : Client
        The way to the network.
    authority : str
        The issuer's address; unless ``exact``, with or without ``/.well-known/openid-configuration`` and a
        slash at its end.
    timeout : float
        Seconds that the answer may take.
    exact : bool
        Whether ``authority`` is the issuer as it stands in the tokens, checked where it was configured.

    Raises
    ------
    ConfigurationError
        If the authority is no usable address.
    DiscoveryError
        If the metadata can't be fetched, or is another issuer's (OpenID Connect Discovery 1.0 §4.3).
    """
    wanted = authority if exact else parse_authority(authority)
    redirects = 0 if exact else _MOST_REDIRECTS
    document = fetch_json(client, discovery_address(wanted), timeout=timeout, redirects=redirects)
    return _provider(wanted, document, exact=exact)


def _provider(wanted: str, document: Mapping[str, Any], *, exact: bool) -> Provider:
    issuer = document.get("issuer")
    if not isinstance(issuer, str):
        raise DiscoveryError(
            f"There is no discovery document at {discovery_address(wanted)}.",
            hint="The authority is the provider's issuer address; some have a path, such as /realms/NAME.",
        )
    if issuer != wanted and (exact or issuer.removesuffix("/") != wanted.removesuffix("/")):
        raise DiscoveryError(
            f"{discovery_address(wanted)} says that its issuer is {issuer[:300]!r}, not {wanted!r}.",
            code="issuer_mismatch",
            hint="Write the issuer exactly as the provider does, letter by letter.",
        )
    kept = {name: read(document.get(name)) for name, read in _MEMBERS.items()}
    return Provider(issuer, {name: value for name, value in kept.items() if value is not None})
