"""The control channel: messages that reach a kernel while a cell runs.

ipykernel serves it on a thread of its own, so a handler there runs also while the main thread is busy, when
widget messages wait. It shares that thread with interrupt and shutdown: so nothing here runs a user's code or
waits for anything.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Mapping
from typing import Any, Protocol

from oidc_widget.signin.messages import Malformed, Message, read_message

__all__ = ["MESSAGE_TYPE", "Receiver", "deliver", "register", "running_kernel", "unregister"]

MESSAGE_TYPE = "oidc_widget_deliver"

_log = logging.getLogger(__name__)
_receivers: weakref.WeakValueDictionary[str, Receiver] = weakref.WeakValueDictionary()


class Receiver(Protocol):
    """Whoever waits for deliveries under a link's id."""

    def receive(self, message: Message, *, by_control: bool) -> bool:
        """Take a delivery in, quickly and without running anybody else's code.

        ``True``: it is of a session that was signed out of here.
        """


def register(link_id: str, receiver: Receiver) -> None:
    """Make deliveries for this link reach this receiver, for as long as it lives."""
    _receivers[link_id] = receiver
    kernel = running_kernel()
    if kernel is not None and MESSAGE_TYPE not in kernel.control_handlers:
        kernel.control_handlers[MESSAGE_TYPE] = _Handler(kernel)
        for logger in {id(one): one for one in (kernel.log, logging.getLogger("Comm"))}.values():
            logger.addFilter(_hide_contents)


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


def deliver(content: object, *, by_control: bool) -> dict[str, Any]:
    """Bring a delivery to its receiver, and return the reply; over whichever lane it came."""
    if not isinstance(content, Mapping):
        return _refuse("it is no object")
    link_id = content.get("link_id")
    receiver = _receivers.get(link_id) if isinstance(link_id, str) else None
    if receiver is None:
        return {"status": "error", "reason": "unknown_link"}
    try:
        message = read_message(content.get("event"), content.get("payload"))
    except Malformed as malformed:
        return _refuse(str(malformed))
    try:
        left = receiver.receive(message, by_control=by_control)
    except Exception as error:  # noqa: BLE001  # whatever it is, the page must be answered: it uses the other lane then
        # Neither the traceback nor the message: they may hold a token.
        _log.error("oidc_widget could not take in a delivery: %s", type(error).__name__)
        return {"status": "error"}
    return {"status": "ok", "signed_out": True} if left else {"status": "ok"}


def _refuse(why: str) -> dict[str, Any]:
    _log.warning("oidc_widget dropped a message from a page: %s", why)
    return {"status": "error", "reason": "malformed"}


class _Handler:
    """Answers ``oidc_widget_deliver`` with ``oidc_widget_deliver_reply``.

    The content is a delivery, and its answer has a ``status``; or ``deliveries``, several that a page had at
    once, and then ``replies`` has the answer of each.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def __call__(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        content = message.get("content")
        several = content.get("deliveries") if isinstance(content, Mapping) else None
        if isinstance(several, list):
            reply = {"status": "ok", "replies": [deliver(each, by_control=True) for each in several]}
        else:
            reply = deliver(content, by_control=True)
        self._kernel.session.send(stream, f"{MESSAGE_TYPE}_reply", reply, message, ident)


def _hide_contents(record: logging.LogRecord) -> bool:
    """Take what the lanes carry out of what the kernel logs with ``--debug``: whole messages."""
    if record.levelno <= logging.DEBUG and record.args:
        if isinstance(record.args, Mapping):  # `logging` unpacks a single one
            record.args = (_without_content(record.args),)
        else:
            record.args = tuple(_without_content(argument) for argument in record.args)
    return True


def _without_content(logged: object) -> object:
    """Return a message, or its content, without what is ours."""
    if not isinstance(logged, Mapping):
        return logged
    header = logged.get("header")
    if isinstance(header, Mapping) and "content" in logged:
        if header.get("msg_type") == MESSAGE_TYPE:
            return {**logged, "content": "…"}
        return {**logged, "content": _without_content(logged["content"])}
    data = logged.get("data")
    if isinstance(data, Mapping) and _is_delivery(data.get("content")):
        return {**logged, "data": "…"}  # over the widget's own comm
    return {**logged, "payload": "…"} if _is_delivery(logged) else logged


def _is_delivery(content: object) -> bool:
    return isinstance(content, Mapping) and "link_id" in content and "payload" in content
