"""What every part of the demo provider works with."""

# mypy: allow-subclassing-any, disable-error-code="import-untyped"
# (Authlib ships no types)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import OAuth2Error

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from oidc_widget.demo.store import Store

#: What ID tokens and access tokens are signed with.
ALGORITHM = "RS256"


class InvalidTargetError(OAuth2Error):
    """The requested resource is unknown, or not among those that the person allowed (RFC 8707 §2)."""

    error = "invalid_target"
    description = "The requested resource is unknown, or was not granted."


@dataclass(frozen=True)
class Realm:
    """One provider's identity and memory.

    Attributes
    ----------
    issuer : str
        The issuer identifier, an origin without a trailing slash.
    resources : tuple of str
        The resource servers that access tokens can be for; the first is the default (RFC 9068 §3).
    token_lifetime : int
        How long access tokens are good for, in seconds.
    keys : KeySet
        The signing key, made when the demo starts.
    store : Store
    """

    issuer: str
    resources: tuple[str, ...]
    token_lifetime: int
    keys: KeySet
    store: Store

    def requested_resources(self, parameters: Any) -> tuple[str, ...]:
        """Read ``resource`` (RFC 8707 §2), or ``audience``, the older name that some providers use.

        Returns
        -------
        tuple of str
            Known resources, each once; empty when the request names none.

        Raises
        ------
        InvalidTargetError
            When a resource is not known here.
        """
        # "http://api" and "http://api/" name the same resource (RFC 3986 §6.2.3); URL parsers add the slash.
        known = {resource.rstrip("/"): resource for resource in self.resources}
        named = [*parameters.getlist("resource"), *parameters.getlist("audience")]
        try:
            return tuple(dict.fromkeys(known[name.rstrip("/")] for name in named))
        except KeyError as error:
            raise InvalidTargetError from error

    def granted_resources(self, parameters: Any) -> tuple[str, ...]:
        """Return the requested resources, or else the default one; see :meth:`requested_resources`."""
        return self.requested_resources(parameters) or self.resources[:1]
