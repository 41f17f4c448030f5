"""When to try again what failed for a passing reason."""

from __future__ import annotations

import random

__all__ = ["RetrySchedule"]

_FIRST, _LAST = 1.0, 60.0  # seconds


class RetrySchedule:
    """Later each time, until it works.

    Parameters
    ----------
    longest : float
        Seconds between two tries, at most.
    """

    def __init__(self, longest: float = _LAST) -> None:
        self._longest = longest
        self._delay = _FIRST

    def failed(self) -> float:
        """Return the seconds to wait; spread, so that not everybody comes back at once."""
        delay, self._delay = self._delay, min(2 * self._delay, self._longest)
        return delay * random.uniform(0.75, 1.0)  # noqa: S311  # no secret depends on it

    def succeeded(self) -> None:
        """Start over."""
        self._delay = _FIRST
