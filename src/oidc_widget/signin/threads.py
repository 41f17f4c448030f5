"""Who does what on which thread: one that knows when, some that may wait, and ways to wait for them.

Neither the kernel's control thread nor an event loop may wait or run a person's code. So what has its time is
handed to the :class:`Scheduler`, what may take long to a :class:`Worker`, and what a person registered to
:class:`Observers`, who share a queue with nothing of ours.
"""

from __future__ import annotations

import contextvars
import heapq
import itertools
import logging
import math
import os
import queue
import sys
import threading
import traceback
import weakref
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from oidc_widget.oauth import clock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Observers", "Scheduler", "Timer", "Worker", "result", "scheduler", "wait_for", "weakly"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

#: Seconds. A wait stands still while the computer sleeps, so what is due is looked at again soon after.
_LONGEST_WAIT = 5.0
#: Seconds. Windows runs no signal handler while a thread waits for a lock, so each wait must end by itself.
_SLICE = 0.5


class Timer:
    """A call and its time; made by :meth:`Scheduler.at`."""

    __slots__ = ("_call", "when")

    def __init__(self, when: float, call: Callable[[], object]) -> None:
        self.when = when
        self._call: Callable[[], object] | None = call

    @property
    def cancelled(self) -> bool:
        """Whether nothing will be called any more."""
        return self._call is None

    def cancel(self) -> None:
        """Forget the call, and whatever it holds."""
        self._call = None

    def run(self) -> None:
        """Call it, once."""
        call, self._call = self._call, None
        if call is not None:
            _run_one(call)


class Scheduler:
    """Makes calls at their times, on one thread for the whole process; none of them may wait.

    What comes in goes through a :class:`queue.SimpleQueue`, so that a finalizer may hand something in,
    whatever lock the thread holds that it interrupts.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._incoming: queue.SimpleQueue[Timer] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Have the thread run, before a finalizer needs it, which had better start none."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="oidc-widget-timer", daemon=True)
                self._thread.start()

    def at(self, when: float, call: Callable[[], object]) -> Timer:
        """Make this call at a time of :func:`oidc_widget.oauth.clock.now`; ``inf``: never."""
        timer = Timer(when, call)
        if when < math.inf:
            self._incoming.put(timer)
            if self._thread is None:
                self.start()
        return timer

    def soon(self, call: Callable[[], object]) -> None:
        """Make this call as soon as possible."""
        self.at(-math.inf, call)

    def _run(self) -> None:
        order = itertools.count()
        waiting: list[tuple[float, int, Timer]] = []
        while True:
            left = min(max(0.0, waiting[0][0] - clock.now()), _LONGEST_WAIT) if waiting else None
            try:
                timer = self._incoming.get(timeout=left)
                heapq.heappush(waiting, (timer.when, next(order), timer))
                del timer
            except queue.Empty:
                # The cancelled ones need not lie there for the hour that a token would have lived.
                waiting = [entry for entry in waiting if not entry[2].cancelled]
                heapq.heapify(waiting)
            while waiting and waiting[0][0] <= clock.now():
                heapq.heappop(waiting)[2].run()


#: The process's own.
scheduler = Scheduler()
if hasattr(os, "register_at_fork"):
    # A child has none of its parent's threads, and perhaps a lock that one of them held.
    os.register_at_fork(after_in_child=scheduler._reset)  # noqa: SLF001  # its own module


def weakly(method: Callable[[], object]) -> Callable[[], object]:
    """Return a call of this method that keeps its object alive for nobody."""
    reference: weakref.WeakMethod[Any] = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call


class Worker:
    """Makes one call after the other, off the threads that must not wait.

    Its thread ends when it has nothing to do.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._calls: deque[Callable[[], object]] = deque()
        self._timers: set[Timer] = set()
        self._runs = False

    def put(self, call: Callable[[], object], delay: float = 0.0) -> None:
        """Make ``call`` after so many seconds, and after what was put before for an earlier time."""
        if delay > 0:
            self._put_later(call, delay)
            return
        with self._lock:
            self._calls.append(call)
            start, self._runs = not self._runs, True
        if start:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _put_later(self, call: Callable[[], object], delay: float) -> None:
        timer = scheduler.at(clock.now() + delay, partial(self.put, call))
        with self._lock:
            self._timers = {one for one in self._timers if not one.cancelled} | {timer}

    def clear(self) -> None:
        """Forget what has not begun."""
        with self._lock:
            self._calls.clear()
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            _run_one(call)
            del call  # it may be the last that holds a widget

    def _next(self) -> Callable[[], object] | None:
        with self._lock:
            if self._calls:
                return self._calls.popleft()
            self._runs = False
            return None


def _run_one(call: Callable[[], object]) -> None:
    try:
        call()
    except BaseException as error:  # noqa: BLE001  # whatever it is, what comes next must run all the same
        # Not its traceback: the locals of a sign-in's frames are nothing for a log.
        _log.error("oidc_widget: %s in the background: %s", type(error).__name__, error)


class Observers:
    """Runs what a person registered, one thing after the other, on a thread that nothing of ours waits for.

    It carries the context of the cell in which it was made: what an observer prints appears under that cell,
    where the person who wrote it looks.
    """

    def __init__(self, name: str) -> None:
        self._context = contextvars.copy_context()
        self._worker = Worker(name)

    def put(self, call: Callable[[], object]) -> None:
        """Run ``call`` after all that was put before it; an exception of its own ends nothing else."""
        self._worker.put(partial(self._context.run, _observe, call))


def _observe(call: Callable[[], object]) -> None:
    try:
        call()
    except BaseException:  # noqa: BLE001  # an observer may raise anything, `SystemExit` too; it is shown
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # there are processes without
                stream.flush()


def result(future: Future[_T], timeout: float | None) -> _T:
    """Return the future's result within ``timeout`` seconds, or its exception; an interrupt gets through.

    Raises
    ------
    concurrent.futures.TimeoutError
        There is none yet.
    """
    deadline = math.inf if timeout is None else clock.now() + timeout
    while True:
        left = deadline - clock.now()
        if left <= _SLICE or future.done():
            return future.result(max(0.0, left))
        try:
            return future.result(_SLICE)
        except FutureTimeout:
            continue  # done meanwhile, perhaps with just such an exception: the next round tells


def wait_for(changed: threading.Condition, met: Callable[[], object], deadline: float) -> bool:
    """Wait until this is met, looking whenever something changed; ``False``: not by the deadline.

    ``deadline``: a time of :func:`oidc_widget.oauth.clock.now`; ``inf``: none.
    """
    with changed:
        while not met():
            left = deadline - clock.now()
            if left <= 0:
                return False
            changed.wait(min(left, _SLICE))
    return True
