"""Time that neither sleep nor a clock that is set can hold back."""

from __future__ import annotations

import time

__all__ = ["now"]

#: Seconds that the two clocks may drift apart before one of them counts as moved.
_DRIFT = 1.0
#: How far the wall clock is from the monotonic one, and the seconds that the latter missed so far. Replaced
#: as a whole, without a lock: two threads that see the same jump write the same.
_apart = (time.time() - time.monotonic(), 0.0)


def now() -> float:
    """Return seconds, ever growing: on the monotonic or on the wall clock, whichever moved further.

    :func:`time.monotonic` stands still while the computer sleeps, and :func:`time.time` may be set back. The
    twin of ``systemClock`` in ``frontend/vault/clock.ts``. Its origin means nothing; only differences do.
    """
    global _apart  # noqa: PLW0603  # the process has one clock
    steady, wall = time.monotonic(), time.time()
    distance, missed = _apart
    moved = wall - steady - distance
    if abs(moved) > _DRIFT:
        missed += max(0.0, moved)
        _apart = (distance + moved, missed)
    return steady + missed
