"""The configuration keys that the web frameworks' adapters share: ``OIDC_`` and a parameter's name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from oidc_widget.errors import ConfigurationError
from oidc_widget.verify.dpop import DPoP
from oidc_widget.verify.introspection import Introspection
from oidc_widget.verify.settings import names
from oidc_widget.verify.verifier import TokenVerifier

__all__ = ["configured", "is_as_in", "settings_from", "snapshot"]

_ALWAYS_VERIFIED: Final = frozenset({"signature", "iss", "exp"})
_PARAMETERS: Final = tuple(inspect.signature(TokenVerifier).parameters)
#: What is the protection's own, and not the verifier's.
_OWN: Final = ("realm", "header_prefix", "resource", "resource_metadata", "fetch_keys")
_KEYS: Final = tuple(f"OIDC_{name.upper()}" for name in (*_PARAMETERS, *_OWN))


def configured(config: Mapping[str, Any], name: str) -> Any:
    """Return what a configuration says; None if nothing, for which the environment has an empty text.

    Parameters
    ----------
    config : mapping
        ``app.config``, or any other mapping.
    name : str
        The parameter.
    """
    value = config.get(f"OIDC_{name.upper()}")
    return None if value == "" else value


def settings_from(config: Mapping[str, Any]) -> dict[str, Any]:
    """Read the ``OIDC_…`` keys of a configuration.

    Parameters
    ----------
    config : mapping
        ``app.config``, or any other mapping.

    Returns
    -------
    dict
        Parameters of :class:`~oidc_widget.verify.TokenVerifier`.

    Raises
    ------
    ConfigurationError
        If two of them contradict each other.
    """
    settings = {name: value for name in _PARAMETERS if (value := configured(config, name)) is not None}
    settings.setdefault("issuer", ())
    if "verify_claims" in settings:
        chosen = frozenset(names(settings["verify_claims"], "verify_claims")) - _ALWAYS_VERIFIED
        settings["verify_claims"] = chosen - {"aud"}
        if "aud" not in chosen:
            if "audience" in settings:
                raise ConfigurationError(
                    "OIDC_AUDIENCE is set, and OIDC_VERIFY_CLAIMS leaves 'aud' out.",
                    hint="Add 'aud', or, to accept tokens for any other service too, unset OIDC_AUDIENCE.",
                )
            settings["skip_audience_check"] = True
    for name, make in (("introspection", _introspection(settings["issuer"])), ("dpop", DPoP)):
        if isinstance(settings.get(name), Mapping):
            settings[name] = _made(make, settings[name], f"OIDC_{name.upper()}")
    return settings


def snapshot(config: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a configuration says now, to notice when it says something else.

    Parameters
    ----------
    config : mapping
        The configuration. Lists and mappings in it may be changed in place, so they are copied.
    """
    return tuple(
        deepcopy(value) if isinstance(value, (list, dict, set)) else value for value in map(config.get, _KEYS)
    )


def is_as_in(config: Mapping[str, Any], before: tuple[Any, ...]) -> bool:
    """Tell whether a configuration says what it said when a snapshot was made."""
    return tuple(map(config.get, _KEYS)) == before


def _introspection(issuer: Any) -> Callable[..., Introspection]:
    def make(**options: Any) -> Introspection:
        if isinstance(issuer, str) and "endpoint" not in options:
            options.setdefault("issuer", issuer)
        return Introspection(**options)

    return make


def _made(make: Callable[..., Any], options: Mapping[str, Any], key: str) -> Any:
    try:
        return make(**options)
    except TypeError as error:
        raise ConfigurationError(f"{key} holds a member that is unknown, or lacks one: {error}.") from None
