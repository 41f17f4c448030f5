"""When to try again what failed for a passing reason."""

from __future__ import annotations

import random

__all__ = ["RetrySchedule"]

_FIRST, _LAST = 1.0, 60.0  # seconds


class RetrySchedule:
    """Later each time, until it works."""

    def __init__(self) -> None:
        self._delay = _FIRST

    def failed(self) -> float:
        """Return the seconds to wait; spread, so that not everybody comes back at once."""
        delay, self._delay = self._delay, min(2 * self._delay, _LAST)
        return delay * random.uniform(0.75, 1.0)  # noqa: S311  # no secret depends on it

    def succeeded(self) -> None:
        """Start over."""
        self._delay = _FIRST
