"""What a verifier was given, checked: each mistake here would let the wrong tokens in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from oidc_widget.errors import ConfigurationError
from oidc_widget.verify.keyring import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS, KeyRing, OfflineKeys
from oidc_widget.verify.keys import OfflineSource

if TYPE_CHECKING:
    from oidc_widget.verify.keys import KeySource

__all__ = ["Names", "checked_algorithms", "names", "offline_sources"]

#: One name or several.
Names: TypeAlias = "str | Collection[str]"


def names(value: Names, what: str) -> tuple[str, ...]:
    """Read one name or several.

    Parameters
    ----------
    value : str or collection of str
        The names; scopes may also be one string with spaces (RFC 6749 §3.3).
    what : str
        What they are, for the error.

    Returns
    -------
    tuple of str
        The names.

    Raises
    ------
    ConfigurationError
        If one of them is no string, or empty.
    """
    if isinstance(value, str):
        several: tuple[str, ...] = tuple(value.split()) if what == "scopes" else (value,)
    else:
        several = tuple(value)
    if not all(isinstance(name, str) and name for name in several):
        raise ConfigurationError(f"{what} must be a name, or several.")
    return several


def checked_algorithms(algorithms: Names | None, *, offline: bool) -> frozenset[str] | None:
    """Check which algorithms the caller accepts (RFC 8725 §3.1 and §3.2).

    Parameters
    ----------
    algorithms : str or collection of str or None
        Their names.
    offline : bool
        Whether the keys are the caller's too.

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


def offline_sources(
    issuers: tuple[str, ...], keys: OfflineKeys | Mapping[str, OfflineKeys], *, symmetric: bool
) -> dict[str, KeySource]:
    """Give each issuer its offline keys.

    Parameters
    ----------
    issuers : tuple of str
        The issuers.
    keys : offline keys, or a mapping from issuers to them
        See :meth:`KeyRing.from_offline`.
    symmetric : bool
        Whether shared secrets count.

    Returns
    -------
    dict
        From each issuer to its keys.

    Raises
    ------
    ConfigurationError
        If an issuer is left without usable keys.
    """
    if len(issuers) == 1 and not (isinstance(keys, Mapping) and issuers[0] in keys):
        by_issuer: Mapping[str, Any] = {issuers[0]: keys}
    elif isinstance(keys, Mapping) and set(keys) == set(issuers):
        by_issuer = keys
    else:
        raise ConfigurationError("With several issuers, keys must map each of them to its own.")
    return {
        name: OfflineSource(KeyRing.from_offline(given, symmetric=symmetric))
        for name, given in by_issuer.items()
    }
