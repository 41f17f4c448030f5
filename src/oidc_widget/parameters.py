"""What a person may write in a call of ours, checked where it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oidc_widget.errors import ConfigurationError

__all__ = ["parameters", "text", "texts"]


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
    """Return a list of texts, from one or from a text with spaces between.

    Raises
    ------
    ConfigurationError
        It is neither.
    """
    if isinstance(value, str):
        return value.split()  # the form that the standards write scopes in (RFC 6749 §3.3)
    try:
        return [text(name, item, needed=True) or "" for item in value]
    except TypeError as cause:
        raise ConfigurationError(f"{name} is {value!r}, but must be a list of texts.") from cause


def parameters(value: Any) -> dict[str, str]:
    """Return parameters for the authorization request, with texts as values.

    Raises
    ------
    ConfigurationError
        It is no mapping, or a name is no text.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise ConfigurationError(f"extra_params is {value!r}, but must be a mapping with texts as keys.")
    return {name: str(item) for name, item in value.items()}
