"""One figure: a row of the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Figure:
    """What was measured.

    Parameters
    ----------
    what
        What it is.
    figure
        How much.
    unit
        Of what: `ms`, `µs`, `kB`, `a second`, …; empty for a ratio or a count.
    beside
        What it is compared with, in the same unit, by name.
    bar
        What is wished for, in words.
    met
        Whether it is so; None where there is no bar.
    """

    what: str
    figure: float
    unit: str = ""
    beside: Mapping[str, float] = field(default_factory=dict)
    bar: str = ""
    met: bool | None = None

    def said(self, value: float) -> str:
        """Return a value in this figure's unit, with as many digits as mean something."""
        digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2  # noqa: PLR2004
        return f"{value:,.{digits}f} {self.unit}".rstrip()

    @property
    def columns(self) -> tuple[str, str, str, str, str]:
        """What stands in the table."""
        others = " · ".join(f"{name} {self.said(value)}" for name, value in self.beside.items())
        verdict = {True: "met", False: "missed", None: ""}[self.met]
        return self.what, self.said(self.figure), others, self.bar, verdict
