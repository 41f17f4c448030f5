"""What a verified token says."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["Claims", "permissions_of", "roles_of", "scopes_of"]


class Claims(Mapping[str, Any]):
    """The claims of a verified token: a read-only mapping.

    It never holds the token, and its ``repr`` shows names only: claims are personal data.

    Parameters
    ----------
    claims : mapping
        The JWT's claims, or the answer of introspection (RFC 7662 §2.2).
    header : mapping
        The JWT's header; empty for an opaque token.
    from_cache : bool
        Whether the token had been verified before and was only looked up this time.
    """

    __slots__ = ("_claims", "_header", "from_cache")

    def __init__(
        self, claims: dict[str, Any], header: dict[str, Any] | None = None, *, from_cache: bool = False
    ) -> None:
        self._claims = claims
        self._header = header
        self.from_cache = from_cache

    def __getitem__(self, name: str) -> Any:
        return self._claims[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __repr__(self) -> str:
        return f"<Claims: {', '.join(self._claims)}>"

    @property
    def header(self) -> Mapping[str, Any]:
        """The token's header (RFC 7515 §4), verified with the token."""
        return MappingProxyType(self._header or {})

    @property
    def issuer(self) -> str | None:
        """``iss``."""
        return self._claims.get("iss")

    @property
    def subject(self) -> str | None:
        """``sub``: who the token is about, unique within the issuer."""
        return self._claims.get("sub")

    @property
    def scopes(self) -> frozenset[str]:
        """What the token allows: ``scope`` (RFC 9068 §2.2.3), or the older ``scp``."""
        return scopes_of(self._claims)

    @property
    def roles(self) -> frozenset[str]:
        """What its subject is: ``roles`` (RFC 9068 §2.2.3.1, Entra) and Keycloak's ``realm_access``."""
        return roles_of(self._claims)

    @property
    def permissions(self) -> frozenset[str]:
        """What its subject may do: ``permissions`` (Auth0)."""
        return permissions_of(self._claims)


def scopes_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes among claims, written as a string or as a list.

    Parameters
    ----------
    claims : mapping
        Claims.

    Returns
    -------
    frozenset of str
        Empty if there are none, or they are of the wrong kind. Where ``scope`` is empty, ``scp`` counts.
    """
    scope = claims.get("scope")
    if scope is None or scope in ("", []):
        scope = claims.get("scp")
    return _words(scope)


def roles_of(claims: Mapping[str, Any], clients: Collection[str] = ()) -> frozenset[str]:
    """Return the roles among claims.

    Parameters
    ----------
    claims : mapping
        Claims.
    clients : collection of str
        A service's own names: what Keycloak's ``resource_access`` says of these counts too, and of no others.

    Returns
    -------
    frozenset of str
        Empty if there are none, or they are of the wrong kind.
    """
    access = claims.get("resource_access")
    places = [claims, claims.get("realm_access")]
    if isinstance(access, Mapping):
        places += [access.get(client) for client in clients]
    lists = [place.get("roles") for place in places if isinstance(place, Mapping)]
    return frozenset(role for several in lists for role in _items(several))


def permissions_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the permissions among claims.

    Parameters
    ----------
    claims : mapping
        Claims.

    Returns
    -------
    frozenset of str
        Empty if there are none, or they are of the wrong kind.
    """
    return _items(claims.get("permissions"))


def _words(value: object) -> frozenset[str]:
    return frozenset(value.split()) if isinstance(value, str) else _items(value)


def _items(value: object) -> frozenset[str]:
    """Return the strings of a list; one string is one item, since a role's name may hold spaces."""
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, (list, tuple, set, frozenset)):
        return frozenset(item for item in value if isinstance(item, str))
    return frozenset()
