"""What a verified ID token says of a person, made to be looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PersonClaims", "readable"]

_LEFT = "text-align:left"


class PersonClaims(Mapping[str, Any]):
    """Claims as a read-only mapping that shows itself like a dictionary, and as a table in a notebook.

    Parameters
    ----------
    claims : mapping
        The verified claims (OpenID Connect Core §2, §5.1).
    """

    __slots__ = ("_claims",)

    def __init__(self, claims: Mapping[str, Any]) -> None:
        self._claims = dict(claims)

    def __getitem__(self, name: str) -> Any:
        return self._claims[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __repr__(self) -> str:
        return repr(self._claims)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style={_LEFT}>{escape(str(name))}<td style={_LEFT}>{escape(_text(value))}"
            for name, value in self._claims.items()
        )
        return f"<table><tbody>{rows}</table>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001  # the signature is IPython's
        if cycle:
            printer.text("{…}")
        else:
            printer.pretty(self._claims)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def readable(claims: Mapping[str, Any] | None) -> PersonClaims | None:
    """Return the claims as somebody may look at them, but not write to them."""
    return None if claims is None else PersonClaims(claims)
