"""What a protected resource says of itself: whom to ask for tokens (RFC 9728)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from oidc_widget.errors import ConfigurationError
from oidc_widget.oauth.http import require_secure_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.verify.verifier import TokenVerifier

__all__ = ["ResourceMetadata"]

_WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


class ResourceMetadata:
    """The document of one resource.

    Parameters
    ----------
    resource : str
        The resource's identifier (RFC 9728 §1.2): its public address, without a fragment.
    verifier : TokenVerifier
        Who is accepted there.
    extra : mapping
        Further members (§2), e.g. ``scopes_supported`` or ``resource_name``.

    Raises
    ------
    ConfigurationError
        If the identifier is none, or a member contradicts it.
    """

    def __init__(self, resource: str, verifier: TokenVerifier, extra: Mapping[str, Any]) -> None:
        require_secure_url(resource, what="The resource")
        parts = urlsplit(resource)
        if "#" in resource or parts.query:
            raise ConfigurationError("A resource is an address without a query and without a fragment.")
        if not isinstance(extra, dict) or extra.get("resource", resource) != resource:
            raise ConfigurationError(
                "resource_metadata is a mapping of members, and names no other resource."
            )
        # §3.1: put in before the path; a slash that is all of the path goes.
        #: The path at which it is served.
        self.path = _WELL_KNOWN + ("" if parts.path == "/" else parts.path)
        #: Where others find it.
        self.url = urlunsplit((parts.scheme, parts.netloc, self.path, "", ""))
        self.origin = f"{parts.scheme}://{parts.netloc}"
        issuers = getattr(verifier, "issuers", ())
        dpop = getattr(verifier, "dpop", None)
        self.document: dict[str, Any] = {
            "resource": resource,
            **({"authorization_servers": list(issuers)} if issuers else {}),
            "bearer_methods_supported": [] if dpop is not None and dpop.required else ["header"],
            **(
                {
                    "dpop_signing_alg_values_supported": list(dpop.algorithms),
                    "dpop_bound_access_tokens_required": dpop.required,
                }
                if dpop is not None
                else {}
            ),
            **extra,
        }

    def taken(self) -> ConfigurationError:
        """Return what is raised where another protection has the same resource."""
        return ConfigurationError(
            f"{self.document['resource']} is the resource of two protections.", hint="Each names its own."
        )
