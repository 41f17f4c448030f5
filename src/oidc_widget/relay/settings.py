"""One provider's settings in ``c.OIDCWidget.providers``, read key by key: a complaint names its key."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError
from oidc_widget.oauth.http import is_secure
from oidc_widget.parameters import texts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ProviderSettings"]


class ProviderSettings:
    """The settings of one provider.

    Parameters
    ----------
    name : str
        The provider's name.
    values : Mapping
        What the administrator wrote.

    Raises
    ------
    ConfigurationError
        From each method: the key's value is of the wrong kind.
    """

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self._name = name
        self._values = values
        self._known: set[str] = set()

    def fail(self, key: str, sentence: str) -> NoReturn:
        """Complain about a key. The sentence must not quote its value, which may be a secret."""
        raise ConfigurationError(f"c.OIDCWidget.providers[{self._name!r}][{key!r}]: {sentence}")

    def has(self, key: str) -> bool:
        """Tell whether the administrator wrote the key."""
        return key in self._values

    def _get(self, key: str, kind: type, kind_name: str) -> Any:
        self._known.add(key)
        value = self._values.get(key)
        if value is not None and not isinstance(value, kind):
            self.fail(key, f"must be {kind_name}, not {type(value).__name__}.")
        return value

    def text(self, key: str) -> str | None:
        """Return a text that is not empty, if there is one."""
        value: str | None = self._get(key, str, "a text")
        if value is not None and not value.strip():
            self.fail(key, "is empty; leave the key out instead.")
        return value

    def required(self, key: str) -> str:
        """Return a text that must be there."""
        value = self.text(key)
        if value is None:
            self.fail(key, "is missing.")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """Return one of several texts, if there is one."""
        value = self.text(key)
        if value is not None and value not in choices:
            self.fail(key, f"must be one of {', '.join(choices)}.")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a truth value."""
        value: bool | None = self._get(key, bool, "True or False")
        return default if value is None else value

    def address(self, key: str) -> str | None:
        """Return an address that codes and tokens may be sent to, if there is one."""
        value = self.text(key)
        if value is not None and not is_secure(value):
            self.fail(key, "must be an https address; http is for addresses on this machine only.")
        if value is not None and urlsplit(value).fragment:
            self.fail(key, "must have no fragment (#…).")
        return value

    def web_address(self, key: str) -> str | None:
        """Return an address of any web page, if there is one."""
        value = self.text(key)
        if value is not None and not value.startswith(("https://", "http://")):
            self.fail(key, "must be a full address (https://…).")
        return value

    def words(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return a list of words, written as a list or in one text."""
        value = self._get(key, (str, list, tuple), "a list of texts")  # type: ignore[arg-type]  # as isinstance
        if value is None:
            return default
        try:
            return tuple(texts(key, value))
        except ConfigurationError:
            self.fail(key, "must be a list of texts.")

    def texts(self, key: str) -> dict[str, str]:
        """Return a mapping of texts to texts."""
        value = self._get(key, dict, "a dictionary") or {}
        if not all(isinstance(item, str) for pair in value.items() for item in pair):
            self.fail(key, "must have texts as keys and values.")
        return dict(value)

    def finish(self) -> None:
        """Complain about keys that nobody asked for, which are mostly misspelt."""
        for key in self._values:
            if key not in self._known:
                near = difflib.get_close_matches(str(key), sorted(self._known), n=1)
                self.fail(key, f"is no known key; did you mean {near[0]!r}?" if near else "is no known key.")
