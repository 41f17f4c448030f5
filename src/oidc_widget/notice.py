"""What is said where a sign-in was started, for those who see no widget."""

from __future__ import annotations

import contextvars
from functools import partial
from uuid import uuid4

from oidc_widget.express_lane import running_kernel

__all__ = ["Notice"]


class Notice:
    """Texts of one sign-in, said where the code ran that made this object.

    In a kernel each text takes the place of the one before: a link to sign in by hand holds ``state`` and
    ``nonce``, which do not belong in the file of a notebook. In a terminal they follow each other.
    """

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._display_id: str | None = None

    def move(self) -> None:
        """Say what comes next where the caller runs."""
        self._context = contextvars.copy_context()

    def show(self, text: str) -> None:
        """Say it here, also if something was said elsewhere; that changes too."""
        if running_kernel() is None:
            self._context.run(partial(print, text, flush=True))
            return
        shown = self._display_id is not None
        self._display_id = self._display_id or uuid4().hex
        if shown:
            self._publish(text, update=True)
        self._publish(text, update=False)

    def replace(self, text: str) -> None:
        """Say it in place of what was said, if anything was."""
        if self._display_id is not None:
            self._publish(text, update=True)

    def follow(self, text: str) -> None:
        """Say it after what was said: in its place, where that can be done."""
        if self._display_id is None:
            self.show(text)
        else:
            self._publish(text, update=True)

    def _publish(self, text: str, *, update: bool) -> None:
        from IPython.display import display, update_display  # noqa: PLC0415  # a kernel has it

        publish = update_display if update else display
        self._context.run(partial(publish, {"text/plain": text}, raw=True, display_id=self._display_id))
