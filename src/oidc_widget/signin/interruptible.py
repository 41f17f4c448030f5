"""Waiting for a result in such a way that an interrupt gets through on every platform."""

from __future__ import annotations

import math
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

__all__ = ["result", "wait_for"]

_T = TypeVar("_T")

#: Seconds. Windows runs no signal handler while a thread waits for a lock, so each wait must end by itself.
_SLICE = 0.5


def result(future: Future[_T], timeout: float | None) -> _T:
    """Return the future's result within ``timeout`` seconds, or its exception.

    Raises
    ------
    concurrent.futures.TimeoutError
        There is none yet.
    """
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        if left <= _SLICE or future.done():
            return future.result(max(0.0, left))
        try:
            return future.result(_SLICE)
        except FutureTimeout:
            continue  # done meanwhile, perhaps with just such an exception: the next round tells


def wait_for(changed: threading.Condition, met: Callable[[], object], deadline: float) -> bool:
    """Wait until this is met, looking whenever something changed; ``False``: not by the deadline.

    ``deadline``: a time of :func:`time.monotonic`; ``inf``: none.
    """
    with changed:
        while not met():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            changed.wait(min(left, _SLICE))
    return True
