"""What was checked: each line says what, what was found, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Check", "Report", "Verdict"]

Verdict = Literal["ok", "note", "problem", "unknown"]

_MARKS: dict[Verdict, str] = {"ok": "✓", "note": "!", "problem": "✗", "unknown": "?"}
_WIDTH = 26  # characters, of the column that names what was checked


@dataclass(frozen=True)
class Check:
    """One check.

    Parameters
    ----------
    checked : str
        What was checked.
    found : str
        What was found.
    verdict : {"ok", "note", "problem", "unknown"}
        ``"note"``: it works, but somebody may want to know; ``"unknown"``: it could not be found out.
    advice : str, optional
        What to do.
    """

    checked: str
    found: str
    verdict: Verdict = "ok"
    advice: str | None = None

    def __str__(self) -> str:
        line = f"{_MARKS[self.verdict]} {self.checked:<{_WIDTH}} {self.found}"
        return line if self.advice is None else f"{line}\n{' ' * (_WIDTH + 3)}→ {self.advice}"


class Report(Sequence[Check]):
    """All checks, in the order in which they were made; shown as lines of text."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self._checks = tuple(checks)

    @overload
    def __getitem__(self, index: int) -> Check: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Check, ...]: ...
    def __getitem__(self, index: int | slice) -> Check | tuple[Check, ...]:
        return self._checks[index]

    def __len__(self) -> int:
        return len(self._checks)

    @property
    def problems(self) -> tuple[Check, ...]:
        """What keeps people from signing in."""
        return tuple(check for check in self if check.verdict == "problem")

    @property
    def ok(self) -> bool:
        """Whether nothing keeps people from signing in."""
        return not self.problems

    def __repr__(self) -> str:
        return "\n".join([*map(str, self), self._summary()])

    def _summary(self) -> str:
        count = len(self.problems)
        if count:
            return f"{count} problem was found." if count == 1 else f"{count} problems were found."
        if any(check.verdict == "unknown" for check in self):
            return "No problem was found in what could be checked."
        return "No problem was found."
