"""Runs what a person registered, one thing after the other, off the threads that must not wait."""

from __future__ import annotations

import contextvars
import sys
import traceback
from functools import partial
from typing import TYPE_CHECKING

from oidc_widget.signin.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable


class Announcer:
    """A thread for one widget's observers, while there is something to tell them.

    It carries the context of the cell in which the announcer was made: what an observer prints appears under
    that cell, where the person who wrote it looks.
    """

    def __init__(self, name: str) -> None:
        self._context = contextvars.copy_context()
        self._worker = Worker(name)

    def put(self, call: Callable[[], object]) -> None:
        """Run ``call`` after all that was put before it; an exception of its own ends nothing else."""
        self._worker.put(partial(self._context.run, _announce, call))


def _announce(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception:  # noqa: BLE001  # an observer may raise anything; it is shown, and the next one runs
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
