"""One thread that knows when tokens end, however many there are."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Alarm", "alarm"]

_log = logging.getLogger(__name__)


class Alarm:
    """Calls back at a time of :func:`time.monotonic`; one time for each owner.

    It holds no owner alive, and its thread starts with the first time that is set.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = itertools.count()
        self._queue: list[tuple[float, int, weakref.ref[Any], Callable[[Any], object]]] = []
        self._valid: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._thread: threading.Thread | None = None

    def set(self, owner: Any, when: float, call: Callable[[Any], object]) -> None:
        """Run ``call(owner)`` then, in place of what was set for it; ``inf``: never."""
        with self._changed:
            number = self._valid[owner] = next(self._count)
            if when == float("inf"):
                return
            heapq.heappush(self._queue, (when, number, weakref.ref(owner), call))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="oidc-widget-expiry", daemon=True)
                self._thread.start()
            elif self._queue[0][1] == number:
                self._changed.notify()

    def cancel(self, owner: Any) -> None:
        """Forget what was set for this owner."""
        with self._changed:
            self._valid.pop(owner, None)

    def _run(self) -> None:
        while True:
            owner, call = self._next()
            try:
                call(owner)
            except Exception:  # noqa: BLE001  # one owner's failure must not end the others' times
                _log.exception("oidc_widget could not tell of a token's end")
            del owner  # nobody is kept alive while the next time is waited for

    def _next(self) -> tuple[Any, Callable[[Any], object]]:
        with self._changed:
            while True:
                left = self._queue[0][0] - time.monotonic() if self._queue else threading.TIMEOUT_MAX
                if left > 0:
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                    continue
                _, number, reference, call = heapq.heappop(self._queue)
                owner = reference()
                if owner is not None and self._valid.get(owner) == number:
                    return owner, call


#: The process's own.
alarm = Alarm()
