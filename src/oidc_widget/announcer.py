"""Runs what a person registered, one thing after the other, off the threads that must not wait."""

from __future__ import annotations

import contextvars
import queue
import sys
import threading
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Announcer:
    """A thread for one widget's observers.

    It starts with the first announcement and carries the context of the cell in which the announcer was
    made: what an observer prints appears under that cell, where the person who wrote it looks.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._context = contextvars.copy_context()
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, call: Callable[[], object]) -> None:
        """Run ``call`` after all that was put before it; an exception of its own ends nothing else."""
        self._calls.put(call)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._context.run, args=(self._run,), name=self._name, daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            try:
                call()
            except Exception:  # noqa: BLE001  # an observer may raise anything; it is shown, and the next one runs
                traceback.print_exc()
            finally:
                del call
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
