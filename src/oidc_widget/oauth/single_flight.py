"""Many callers, one piece of work: whoever comes first starts it, the rest wait for the same result."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SingleFlight"]

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Run a function at most once at a time, for threads and event loops alike.

    The work has a thread of its own: a caller that gives up, or a task that is cancelled,
    takes nobody else's result away, and an event loop is never blocked.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None
        self._landed = 0
        self._left_at = 0.0

    @property
    def landed(self) -> int:
        """How many flights have ended. Read it before you look whether one is needed."""
        return self._landed

    @property
    def age(self) -> float:
        """For how many seconds the flight under way has been under way; 0 if none is."""
        return time.monotonic() - self._left_at if self._flight is not None else 0.0

    def wait(self, timeout: float, *, landed: int, give_up: bool = True) -> None:
        """Join the flight under way, or start one, and wait for its end.

        Parameters
        ----------
        timeout : float
            Seconds to wait.
        landed : int
            :attr:`landed` as it was when a flight was found to be needed. If one has ended
            since, this returns at once: look again whether it is still needed.
        give_up : bool
            Whether a flight that takes longer is of no use any more. Otherwise it goes on behind the caller,
            who returns.

        Raises
        ------
        TimeoutError
            If it takes longer; the next caller starts anew.
        BaseException
            What the work raised.
        """
        flight = self._join(landed)
        if flight is not None:
            wait([flight], timeout)
            self._land(flight, give_up=give_up)

    async def wait_async(self, timeout: float, *, landed: int, give_up: bool = True) -> None:
        """Do the same as :meth:`wait`, without blocking the event loop."""
        flight = self._join(landed)
        if flight is not None:
            arrival = asyncio.wrap_future(flight)
            arrival.add_done_callback(_retrieve)
            await asyncio.wait({arrival}, timeout=timeout)  # cancels nothing, also when it is cancelled
            self._land(flight, give_up=give_up)

    def _join(self, landed: int) -> Future[T] | None:
        with self._lock:
            if self._flight is not None:
                return self._flight
            if self._landed != landed:
                return None
            flight: Future[T] = Future()
            flight.set_running_or_notify_cancel()
            self._flight = flight
            self._left_at = time.monotonic()
        threading.Thread(target=self._fly, args=(flight,), name="oidc-widget-verify", daemon=True).start()
        return flight

    def _fly(self, flight: Future[T]) -> None:
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001  (it belongs to those who wait, whatever it is)
            self._leave(flight)
            flight.set_exception(error)
        else:
            self._leave(flight)
            flight.set_result(result)

    def _land(self, flight: Future[T], *, give_up: bool) -> None:
        if flight.done():
            flight.result()
        elif give_up:
            self._leave(flight)
            raise TimeoutError

    def _leave(self, flight: Future[T]) -> None:
        with self._lock:
            if self._flight is flight:
                self._flight = None
                self._landed += 1


def _retrieve(arrival: asyncio.Future[T]) -> None:
    # Else asyncio logs an error that no one asked for, when its only waiter was cancelled.
    if not arrival.cancelled():
        arrival.exception()
