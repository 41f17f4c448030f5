"""How far apart two clocks are, by an answer that took its time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from oidc_widget.diagnosis.report import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oidc_widget.oauth.answer import Answer

__all__ = ["ProviderClock", "clock_check", "least_skew"]

_NOTABLE, _LARGEST = 5.0, 900.0  # seconds; beyond the latter, ID tokens are refused


def least_skew(there: tuple[float, float], here: tuple[float, float]) -> float:
    """Return the seconds that another clock is ahead at least; less than 0: behind.

    Parameters
    ----------
    there : tuple of float
        The other clock's time: not before, not after.
    here : tuple of float
        This one's, at the same moment: not before, not after. A slow answer makes that a long moment, in
        which the clocks may agree.
    """
    lowest, highest = there[0] - here[1], there[1] - here[0]
    if lowest > 0:
        return lowest
    return min(highest, 0.0)


class ProviderClock:
    """The provider's clock, as its answers tell it (RFC 9110 §6.6.1)."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        #: Seconds that it is ahead of this machine's, at least; ``None`` until an answer has told it.
        self.skew: float | None = None

    @contextmanager
    def watch(self) -> Iterator[Callable[[Answer], Answer]]:
        """Take down when a request goes out; yield what takes its answer."""
        before = self._now()

        def take(answer: Answer) -> Answer:
            self._read(answer, (before, self._now()))
            return answer

        yield take

    def _read(self, answer: Answer, here: tuple[float, float]) -> None:
        there = answer.date
        if there is None or answer.headers.get("age", "0").strip() not in {"", "0"}:
            return  # a cache's copy: its date is that of the original (RFC 9111 §4.2.3)
        self.skew = least_skew((there, there + 1), here)  # the header has whole seconds


def clock_check(checked: str, skew: float, whose: str, other: str = "the provider's") -> Check:
    """Say what a difference between clocks means; ``skew``: seconds that the other one is ahead."""
    size = abs(skew)
    if size < _NOTABLE:
        return Check(checked, f"{whose} agrees with {other}")
    found = f"{whose} is {size:.0f} s {'behind' if skew > 0 else 'ahead of'} {other}"
    if size <= _LARGEST:
        return Check(checked, found, "note", "Sign-ins work, but set the clock by a time server (NTP).")
    return Check(checked, found, "problem", "Set the clock by a time server (NTP): ID tokens are refused.")
