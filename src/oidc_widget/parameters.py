"""What a person may write in a call of ours, checked where it is written."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from oidc_widget.errors import ConfigurationError

__all__ = ["explained", "flag", "parameters", "text", "texts"]

_F = TypeVar("_F", bound=Callable[..., Any])

#: What people write for a parameter of another name, and what they mean.
_MEANT = {
    "access_token": "nothing: the sign-in brings it, as w.access_token",
    "acr_values": "extra_params={'acr_values': …}",
    "client_secret": "nothing: a notebook can keep no secret. Use a public client, or provider=… for one "
    "whose secret the Jupyter server's administrator configured",
    "issuer": "authority",
    "issuer_url": "authority",
    "login_hint": "extra_params={'login_hint': …}",
    "max_age": "extra_params={'max_age': …}",
    "name": "label",
    "prompt": "extra_params={'prompt': …}",
    "redirect_url": "redirect_uri",
    "scope": "scopes",
    "server_metadata_url": "authority",
    "url": "authority",
}

#: Their values are JSON: OpenID Connect Core §5.5, RFC 9396 §2.
_JSON = frozenset({"authorization_details", "claims"})


class _WrongCall(ConfigurationError, TypeError):  # noqa: N818  # it says what happened
    """Python's own error for such a call, with what was meant."""


def explained(function: _F) -> _F:
    """Have a call with a wrong or a surplus argument say what was meant."""
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as cause:
            raise _wrong_call(signature, len(args), list(kwargs), str(cause)) from None
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]  # it takes what the function takes


def _wrong_call(signature: inspect.Signature, count: int, names: list[str], why: str) -> _WrongCall:
    kinds = signature.parameters
    unknown = [name for name in names if name not in kinds]
    if unknown:
        name = unknown[0]
        meant = _MEANT.get(name) or _alike(name, list(kinds))
        return _WrongCall(
            f"{name} is no parameter.",
            hint=f"Write {meant} instead." if meant and not meant.startswith("nothing") else _instead(meant),
        )
    by_place = [one for one in kinds.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    if count > len(by_place):
        return _WrongCall(
            f"Only {', '.join(one.name for one in by_place[1:])} may be given without their names.",
            hint="Write the others with theirs: scopes=…, label=….",
        )
    return _WrongCall(f"The call is wrong: {why}.")


def _alike(name: str, known: list[str]) -> str | None:
    import difflib  # noqa: PLC0415  # for mistakes only, and a twentieth of what importing a widget takes

    close = difflib.get_close_matches(name, known, n=1)
    return close[0] if close else None


def _instead(meant: str | None) -> str:
    return meant[0].upper() + meant[1:] + "." if meant else "help(OIDCLogin) names those that there are."


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
