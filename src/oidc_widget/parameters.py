"""What a person may write in a call of ours, checked where it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from oidc_widget.errors import ConfigurationError

__all__ = ["flag", "parameters", "text", "texts"]

#: Their values are JSON: OpenID Connect Core §5.5, RFC 9396 §2.
_JSON = frozenset({"authorization_details", "claims"})


def text(name: str, value: Any, *, needed: bool = False) -> str | None:
    """Return a text without spaces around it; ``None`` stays what it is unless it is needed.

    Raises
    ------
    ConfigurationError
        It is missing, empty or no text.
    """
    if value is None and not needed:
        return None
    if not isinstance(value, str) or not value.strip():
        missing = "missing" if value is None else f"{value!r}"
        raise ConfigurationError(f"{name} is {missing}, but must be a text that is not empty.")
    return value.strip()


def texts(name: str, value: Any) -> list[str]:
    """Return a list of words, from one of texts or from a text with spaces between.

    Raises
    ------
    ConfigurationError
        It is neither.
    """
    items = [value] if isinstance(value, str) else value
    try:
        # A space separates scopes (RFC 6749 §3.3), so none can have one.
        return [word for item in items for word in (text(name, item, needed=True) or "").split()]
    except TypeError as cause:
        raise ConfigurationError(f"{name} is {value!r}, but must be a list of texts.") from cause


def flag(name: str, value: Any) -> bool:
    """Return what is true or false already; ``"no"`` would count as true.

    Raises
    ------
    ConfigurationError
        It is neither.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} is {value!r}, but must be True or False.")
    return value


def parameters(name: str, value: Any) -> dict[str, str]:
    """Return parameters for the authorization request as they are sent; what is ``None`` is left out.

    Raises
    ------
    ConfigurationError
        It is no mapping, a name is no text, or a value is nothing that can be sent.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigurationError(f"{name} is {value!r}, but must be a mapping with texts as keys.")
    return {key: _parameter(f"{name}[{key!r}]", key, item) for key, item in value.items() if item is not None}


def _parameter(name: str, key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if key not in _JSON:
        raise ConfigurationError(f"{name} is {value!r}, but must be a text or a whole number.")
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as cause:
        raise ConfigurationError(
            f"{name} is {value!r}, but must be a text, or be made of what JSON has."
        ) from cause
