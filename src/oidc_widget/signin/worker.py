"""A thread that does one thing after the other, each at its time."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Worker"]

_log = logging.getLogger(__name__)


class Worker:
    """Runs calls off the threads that must not wait. Its thread ends when nothing is left to do.

    Parameters
    ----------
    name : str
        The thread's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._count = itertools.count()
        self._calls: list[tuple[float, int, Callable[[], object]]] = []
        self._thread: threading.Thread | None = None

    def put(self, call: Callable[[], object], delay: float = 0.0) -> None:
        """Run ``call`` after so many seconds, or as soon as what is running then has ended."""
        with self._changed:
            heapq.heappush(self._calls, (time.monotonic() + delay, next(self._count), call))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()

    def clear(self) -> None:
        """Forget what has not begun."""
        with self._changed:
            self._calls.clear()
            self._changed.notify()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            _run_one(call)
            del call

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            while self._calls:
                left = self._calls[0][0] - time.monotonic()
                if left <= 0:
                    return heapq.heappop(self._calls)[2]
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            self._thread = None
            return None


def _run_one(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001  # the next call must run all the same
        # Not its traceback: the locals of a sign-in's frames are nothing for a log.
        _log.error("oidc_widget: %s in the background: %s", type(error).__name__, error)
