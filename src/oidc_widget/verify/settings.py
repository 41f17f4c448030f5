"""What people write as a setting, read in one way each: a mistake here would let the wrong tokens in.

The same readers serve parameters, ``app.config`` and the environment, where everything is text.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from oidc_widget.errors import ConfigurationError
from oidc_widget.verify.keyring import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS

__all__ = ["Names", "Seconds", "checked_algorithms", "flag", "names", "seconds", "whole"]

#: One name or several.
Names: TypeAlias = "str | Collection[str]"
#: A time span.
Seconds: TypeAlias = "float | timedelta"

#: Where a name can't hold a space, one string may hold several (RFC 6749 §3.3, OIDC Core §3.1.2.1).
_SPACED: Final = frozenset({"acr", "algorithms", "required_claims", "scopes", "verify_claims"})
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


def names(value: Names, what: str) -> tuple[str, ...]:
    """Read one name or several: a string is never taken apart into letters.

    Parameters
    ----------
    value : str or collection of str
        The names. One string is one name; where names can't hold spaces, several separated by them.
    what : str
        The setting.

    Raises
    ------
    ConfigurationError
        If one of them is no string, or empty.
    """
    if isinstance(value, str):
        several: tuple[object, ...] = tuple(value.split()) if what in _SPACED else (value,)
    elif isinstance(value, Mapping) or not isinstance(value, Iterable):
        several = (None,)
    else:
        several = tuple(value)
    named = tuple(name for name in several if isinstance(name, str) and name.strip())
    if len(named) != len(several):
        raise ConfigurationError(f"{what} must be a name, or a list of names.")
    return named


def seconds(value: object, what: str) -> float:
    """Read a time span.

    Parameters
    ----------
    value : float, timedelta or str
        Seconds; as text, a number of them.
    what : str
        The setting.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    ConfigurationError
        If it is no finite number of them, or below 0: NaN and infinity never pass, so nothing would expire.
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    elif isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value < 0
    ):
        raise ConfigurationError(f"{what} must be a number of seconds, 0 or more, or a timedelta.")
    return value


def whole(value: object, what: str) -> int:
    """Read a number of things.

    Returns
    -------
    int
        0 or more.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"{what} must be a whole number, 0 or more.")
    return value


def flag(value: object, what: str) -> bool:
    """Read a yes or no: the text ``"false"`` is none of Python's false values.

    Raises
    ------
    ConfigurationError
        If it is neither.
    """
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in _YES | _NO:
        raise ConfigurationError(f"{what} must be true or false.")
    return text in _YES


def checked_algorithms(algorithms: Names | None, *, offline: bool) -> frozenset[str] | None:
    """Check which algorithms the caller accepts (RFC 8725 §3.1 and §3.2).

    Returns
    -------
    frozenset of str or None
        None where the caller leaves it to discovery.

    Raises
    ------
    ConfigurationError
        If one is unknown or ``none``, or a secret would be mixed up with public keys.
    """
    if algorithms is None:
        return None
    given = frozenset(names(algorithms, "algorithms"))
    hmac = given & set(HMAC_ALGORITHMS)
    if unknown := given - hmac - set(ASYMMETRIC_ALGORITHMS):
        raise ConfigurationError(
            f"Not a signature algorithm that may be used: {', '.join(sorted(unknown))}.",
            code="invalid_algorithms",
            hint=f"Choose of {', '.join(ASYMMETRIC_ALGORITHMS)}.",
        )
    if not given:
        raise ConfigurationError(
            "algorithms is empty, so that no token could be accepted.", code="invalid_algorithms"
        )
    if hmac and (not offline or given != hmac):
        raise ConfigurationError(
            "HMAC can't be accepted together with published keys: whoever knows the public key could sign.",
            code="invalid_algorithms",
            hint="It takes a shared secret: give that in keys, as a JWK of type 'oct', and nothing else.",
        )
    return given
