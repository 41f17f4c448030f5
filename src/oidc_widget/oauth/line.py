"""The line that a request is on, for whoever no longer waits for its answer."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

__all__ = ["Line", "current_line", "take_line"]


class Line:
    """One request's connection, from when it is answered until it is given back."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_cut = False

    def carry(self, connected: socket.socket) -> None:
        """Say which connection it is.

        Raises
        ------
        ConnectionAbortedError
            If it was cut before.
        """
        self._socket = connected  # first: who cuts looks for it last
        if self._is_cut:
            raise ConnectionAbortedError("nobody waits for the answer any more")

    def give_back(self) -> None:
        """Say that the connection is another request's from now on."""
        self._socket = None

    def cut(self) -> None:
        """End it: a server that drips would else hold the thread that reads for ever."""
        self._is_cut = True
        if (connected := self._socket) is not None:
            with suppress(OSError):
                # Below TLS, whose own state belongs to the thread that reads.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


_of_thread = threading.local()


def take_line(line: Line) -> None:
    """Make it the line of what this thread asks."""
    _of_thread.line = line


def current_line() -> Line:
    """Return this thread's line; one that nobody cuts if it has none."""
    line: Line | None = getattr(_of_thread, "line", None)
    return line or Line()
