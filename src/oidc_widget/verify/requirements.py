"""What one route demands of a good token: scopes, roles, permissions, and how its subject signed in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar

from oidc_widget.errors import (
    ConfigurationError,
    InsufficientAuthentication,
    InsufficientPermission,
    InsufficientRole,
    InsufficientScope,
)
from oidc_widget.verify.claims import permissions_of, roles_of, scopes_of
from oidc_widget.verify.settings import names, seconds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from typing_extensions import Self

    from oidc_widget.verify.settings import Names, Seconds

Several = TypeVar("Several", bound="tuple[str, ...]")

__all__ = ["AllOf", "AnyOf", "Needed", "Requirements"]


class AnyOf(tuple[str, ...]):
    """Names of which one is enough, for a route's ``scopes``, ``roles`` or ``permissions``.

    Parameters
    ----------
    *several : str
        The names.
    """

    __slots__ = ()

    def __new__(cls, *several: str) -> Self:
        """Take the names one by one."""
        return super().__new__(cls, names(several, "AnyOf"))

    def met_by(self, held: Collection[str]) -> bool:
        """Tell whether one of the names is among those that a token has."""
        return not self or any(name in held for name in self)


class AllOf(tuple[str, ...]):
    """Names all of which are needed, for a route's ``scopes``, ``roles`` or ``permissions``.

    Parameters
    ----------
    *several : str
        The names.
    """

    __slots__ = ()

    def __new__(cls, *several: str) -> Self:
        """Take the names one by one."""
        return super().__new__(cls, names(several, "AllOf"))

    def met_by(self, held: Collection[str]) -> bool:
        """Tell whether all the names are among those that a token has."""
        return all(name in held for name in self)


_NOTHING: Final = AllOf()


class Needed(TypedDict, total=False):
    """What :meth:`Requirements.read` takes, for the adapters that hand it on."""

    scopes: Names
    roles: Names | None
    permissions: Names | None
    acr: Names | None
    max_age: Seconds | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What one route demands, read once. Without anything, any good token will do."""

    scopes: AnyOf | AllOf = _NOTHING
    roles: AnyOf | AllOf = _NOTHING
    permissions: AnyOf | AllOf = _NOTHING
    acr: tuple[str, ...] = ()
    max_age: float | None = None

    @classmethod
    def read(
        cls,
        *,
        scopes: Names = (),
        roles: Names | None = None,
        permissions: Names | None = None,
        acr: Names | None = None,
        max_age: Seconds | None = None,
    ) -> Requirements:
        """Read what a route's author wrote.

        Parameters
        ----------
        scopes : str or collection of str
            What the token must allow: all of them, unless it is an :class:`AnyOf`.
        roles, permissions : str or collection of str, optional
            What its subject must have: one of them is enough, unless it is an :class:`AllOf`.
        acr : str or collection of str, optional
            The authentication contexts of which the sign-in must have had one (OIDC Core §2, RFC 9470).
        max_age : float or timedelta, optional
            Seconds that the sign-in may be old.

        Raises
        ------
        ConfigurationError
            If one is no name, no time, or an empty list: a list that came out empty by mistake would let
            everybody in.
        """
        if scopes in ((), []) and roles is None and permissions is None and acr is None and max_age is None:
            return _ANY_GOOD_TOKEN  # what most requests need, each of them
        return cls(
            scopes=scopes if isinstance(scopes, AnyOf) else AllOf(*names(scopes, "scopes")),
            roles=_any(roles, "roles"),
            permissions=_any(permissions, "permissions"),
            acr=() if acr is None else _some(names(acr, "acr"), "acr"),
            max_age=None if max_age is None else seconds(max_age, "max_age"),
        )

    def check(
        self, claims: Mapping[str, Any], *, clients: Collection[str] = (), now: float, leeway: float
    ) -> None:
        """Check verified claims for all but scopes, which are the token's and not its subject's.

        Parameters
        ----------
        claims : mapping
            The claims.
        clients : collection of str
            The service's own names; see :func:`~oidc_widget.verify.claims.roles_of`.
        now : float
            Seconds since the epoch.
        leeway : float
            Seconds by which clocks may differ.

        Raises
        ------
        InsufficientAuthentication, InsufficientRole, InsufficientPermission
            The first thing that is missing.
        """
        if self.acr or self.max_age is not None:
            self._check_authentication(claims, now - leeway)
        if self.roles and not self.roles.met_by(roles_of(claims, clients)):
            raise InsufficientRole(
                f"The token lacks the role {_listed(self.roles)}.",
                roles=self.roles,
                hint=_elsewhere(claims, "roles"),
            )
        if self.permissions and not self.permissions.met_by(permissions_of(claims)):
            raise InsufficientPermission(
                f"The token lacks the permission {_listed(self.permissions)}.",
                permissions=self.permissions,
                hint=_elsewhere(claims, "permissions"),
            )

    def check_scopes(self, claims: Mapping[str, Any]) -> None:
        """Check what the token allows (RFC 6750 §3.1).

        Raises
        ------
        InsufficientScope
            If a scope is missing.
        """
        granted = scopes_of(claims)
        if not self.scopes.met_by(granted):
            missing = [scope for scope in self.scopes if scope not in granted]
            listed = _listed(self.scopes) if isinstance(self.scopes, AnyOf) else " ".join(missing)
            raise InsufficientScope(
                f"The token lacks the scope {listed}.",
                scopes=self.scopes,
                hint="Sign in again and ask for it.",
            )

    def _check_authentication(self, claims: Mapping[str, Any], now: float) -> None:
        """RFC 9470 §3: the answer tells what to ask the authorization server for."""
        if self.acr and claims.get("acr") not in self.acr:
            why = "The sign-in was not of the kind that is needed here."
        elif self.max_age is not None and not _is_within(claims.get("auth_time"), now - self.max_age):
            why = "The sign-in is too long ago for this."
        else:
            return
        raise InsufficientAuthentication(
            why, acr=self.acr, max_age=self.max_age, hint="Sign in again, as acr_values and max_age say."
        )


_ANY_GOOD_TOKEN: Final = Requirements()


def _any(value: Names | None, what: str) -> AnyOf | AllOf:
    if value is None:
        return _NOTHING
    return _some(value if isinstance(value, (AnyOf, AllOf)) else AnyOf(*names(value, what)), what)


def _some(value: Several, what: str) -> Several:
    if not value:
        raise ConfigurationError(f"{what} is an empty list: it would let everybody in.")
    return value


def _is_within(auth_time: object, earliest: float) -> bool:
    # Without a time, it may be any time ago. A bool is an int in Python, and 1e999 is read as infinity.
    if isinstance(auth_time, bool) or not isinstance(auth_time, (int, float)):
        return False
    return earliest <= auth_time < math.inf


def _listed(needed: AnyOf | AllOf) -> str:
    return (" or " if isinstance(needed, AnyOf) else " and ").join(needed)


def _elsewhere(claims: Mapping[str, Any], name: str) -> str | None:
    """Say that a claim is only referred to (OIDC Core §5.6.2): such claims are not fetched."""
    referred = claims.get("_claim_names")
    if isinstance(referred, dict) and name in referred:
        return f"The token only says where {name!r} is kept (a distributed claim), which is not supported."
    return None
