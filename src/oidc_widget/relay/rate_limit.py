"""How often one user may ask for something."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["RateLimit"]

_MANY = 1000  # buckets


class RateLimit:
    """A token bucket for each key.

    Parameters
    ----------
    burst : int
        How many requests may come at once.
    per_second : float
        How many more each second allows.
    now : callable, optional
        The clock, in seconds; monotonic.
    """

    def __init__(self, burst: int, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._per_second = per_second
        self._now = now
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def wait(self, key: Hashable) -> float:
        """Count a request, unless it comes too soon.

        Returns
        -------
        float
            0, or how many seconds to wait.
        """
        now = self._now()
        left, then = self._buckets.get(key, (float(self._burst), now))
        left = min(self._burst, left + (now - then) * self._per_second)
        if left < 1:
            return (1 - left) / self._per_second
        self._buckets[key] = (left - 1, now)
        self._forget(now)
        return 0

    def _forget(self, now: float) -> None:
        """Drop full buckets once there are many, so that memory stays bounded."""
        if len(self._buckets) > _MANY:
            full = self._burst / self._per_second
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket[1] < full}
