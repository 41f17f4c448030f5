"""What is said where a sign-in was started, for those who see no widget."""

from __future__ import annotations

import contextlib
import threading
from typing import Any
from uuid import uuid4

from oidc_widget.signin.control_channel import running_kernel

__all__ = ["Notice"]


class Notice:
    """The texts of one sign-in, said where the code ran that made this object; from any thread.

    In a notebook what was shown gives way to the last word: a link to sign in by hand holds ``state`` and
    ``nonce``, which do not belong in a file. In a terminal the texts follow each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._display_id: str | None = None
        self._heading = ""
        self._over = False
        self.move()

    def move(self) -> None:
        """Say what comes next where the caller runs."""
        kernel = running_kernel()
        # Kept, because what a thread publishes later would belong to whatever the kernel does then.
        self._parent = None if kernel is None else kernel.get_parent("shell")

    def show(self, text: str, heading: str) -> None:
        """Say what to do; the heading is what stays of it."""
        with self._lock:
            if self._over:
                return
            if running_kernel() is None:
                _print(text)
                return
            if self._display_id is not None:
                self._publish("update_display_data", text)
            self._display_id = self._display_id or uuid4().hex
            self._heading = heading
            self._publish("display_data", text)

    def close(self, text: str) -> None:
        """Say the last word in place of what was shown, if anything was; whoever started it knows already."""
        with self._lock:
            self._over = True
            if self._display_id is not None:
                self._publish("update_display_data", text)

    def end(self, text: str) -> None:
        """Say the last word to whoever started it."""
        with self._lock:
            self._over = True
            if running_kernel() is None:
                _print(text)
                return
            if self._display_id is not None:
                self._publish("update_display_data", self._heading)
            # An output of its own: not every frontend (Jupyter Console) replaces what it has shown.
            self._display_id = None
            self._publish("display_data", text)

    def _publish(self, kind: str, text: str) -> None:
        kernel = running_kernel()
        if kernel is None or kernel.session is None:
            return
        transient = {} if self._display_id is None else {"display_id": self._display_id}
        content: dict[str, Any] = {"data": {"text/plain": text}, "metadata": {}, "transient": transient}
        kernel.session.send(kernel.iopub_socket, kind, content, parent=self._parent, ident=b"display_data")


def _print(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # a terminal that is gone takes no token with it
        print(text, flush=True)  # noqa: T201  # for a person at a terminal
