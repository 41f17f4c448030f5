"""How somebody signed in, held against what was asked for (OpenID Connect Core §3.1.2.1, §3.1.3.7)."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import SignInError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["require_authentication"]

#: Seconds: `iat` and `auth_time` are whole ones, and the way to the provider takes time.
_LEEWAY = 5.0


def require_authentication(claims: Mapping[str, Any] | None, request: Mapping[str, Any], when: float) -> None:
    """Make sure that ``max_age`` and ``acr_values`` of a request were heeded.

    Parameters
    ----------
    claims : mapping, optional
        The verified ID token's.
    request : mapping
        With ``extra_params``, as in ``OIDCLogin``.
    when : float
        The provider's time at which the person had to be authenticated, in seconds since the epoch.

    Raises
    ------
    SignInError
        They were not, or the provider does not say so.
    """
    parameters, said = request.get("extra_params") or {}, claims or {}
    max_age = parameters.get("max_age")
    if max_age is not None:
        _require_age(said.get("auth_time"), str(max_age), when)
    wanted = str(parameters.get("acr_values") or "").split() or _essential_acr(parameters.get("claims"))
    if wanted and said.get("acr") not in wanted:
        got = said.get("acr")
        raise SignInError(
            f"The sign-in was to be of the kind {' or '.join(wanted)}, but "
            + (
                f"it was {str(got)[:60]!r}."
                if got is not None
                else "the provider doesn't say of which it was."
            ),
            code="acr_mismatch",
            hint="Sign in again; leave acr_values out where the provider sends no acr.",
        )


def _require_age(auth_time: object, max_age: str, when: float) -> None:
    try:
        longest = float(max_age)
    except ValueError:
        longest = math.nan
    known = isinstance(auth_time, int | float) and not isinstance(auth_time, bool)
    if known and when - float(auth_time) <= longest + _LEEWAY:  # type: ignore[arg-type]  # it is known
        return
    raise SignInError(
        f"The sign-in was to be no older than {max_age} s (max_age), but "
        + ("it is." if known else "the provider doesn't say when it was (auth_time)."),
        code="id_token_invalid",
        hint="Sign in again." if known else "Leave max_age out where the provider sends no auth_time.",
    )


def _essential_acr(claims: object) -> list[str]:
    """Return the values of an essential ``acr`` claim (§5.5.1.1), if there is one."""
    try:
        asked = json.loads(claims)["id_token"]["acr"] if isinstance(claims, str) else {}
        values = asked.get("values", [asked["value"]] if "value" in asked else [])
        return [str(value) for value in values] if asked.get("essential") is True else []
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
