"""The express lane: messages that reach a kernel while a cell runs.

ipykernel serves the control channel on a thread of its own, so a handler there runs also while the main
thread is busy, when widget messages wait. It shares that thread with interrupt and shutdown: so nothing
here runs a user's code or waits for anything.
"""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_TYPE = "oidc_widget_deliver"

_log = logging.getLogger(__name__)
_receivers: weakref.WeakValueDictionary[str, Receiver] = weakref.WeakValueDictionary()


class Receiver(Protocol):
    """Whoever waits for deliveries under a link's id."""

    def receive(self, event: str, payload: Mapping[str, Any], *, express: bool) -> bool:
        """Take a delivery in, quickly and without running anybody else's code.

        ``True``: it is of a session that was signed out of here.
        """


def register(link_id: str, receiver: Receiver) -> None:
    """Make deliveries for this link reach this receiver, for as long as it lives."""
    _receivers[link_id] = receiver
    kernel = running_kernel()
    if kernel is not None and MESSAGE_TYPE not in kernel.control_handlers:
        kernel.control_handlers[MESSAGE_TYPE] = _Handler(kernel)


def unregister(link_id: str) -> None:
    """Let no more deliveries for this link come in."""
    _receivers.pop(link_id, None)


def running_kernel() -> Any | None:
    """Return the ipykernel that runs in this process, or ``None`` (a script, a terminal)."""
    try:
        from ipykernel.kernelbase import Kernel  # noqa: PLC0415  # only where there is a kernel at all
    except ImportError:
        return None
    return Kernel.instance() if Kernel.initialized() else None


class _Handler:
    """Answers ``oidc_widget_deliver`` with ``oidc_widget_deliver_reply`` and a ``status``."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def __call__(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        try:
            reply = self._deliver(message.get("content") or {})
        except Exception:  # noqa: BLE001  # whatever it is, the page must be answered
            # The widget's own comm carries the message then. The content may hold a token: it is not logged.
            _log.exception("oidc_widget could not take in a delivery")
            reply = {"status": "error"}
        self._kernel.session.send(stream, f"{MESSAGE_TYPE}_reply", reply, message, ident)

    @staticmethod
    def _deliver(content: Mapping[str, Any]) -> dict[str, Any]:
        receiver = _receivers.get(str(content.get("link_id")))
        if receiver is None:
            return {"status": "error", "reason": "unknown_link"}
        left = receiver.receive(str(content["event"]), content.get("payload") or {}, express=True)
        return {"status": "ok", "signed_out": True} if left else {"status": "ok"}
