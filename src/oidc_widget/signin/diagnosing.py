"""What a widget knows of its sign-in, and asks its page, for ``w.diagnose()``."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from oidc_widget.diagnosis.diagnose import PATIENCE, Known, PageAnswer

if TYPE_CHECKING:
    from oidc_widget.signin.sign_in import Desk

__all__ = ["known_to"]


def known_to(desk: Desk) -> Known:
    """Ask the page that shows the widget, and add what the kernel knows; takes some seconds."""
    state = desk.keeper.state
    return Known(
        request=desk.request,
        page=_ask_page(desk),
        label=desk.options.get("label"),
        error=state.error,
        token=state.token,
    )


def _ask_page(desk: Desk) -> PageAnswer:
    if not desk.browser.present:
        return PageAnswer(missing="no page")
    if desk.browser.obstacle(blocking=True) is not None:
        return PageAnswer(missing="busy")
    question, asked_at = uuid.uuid4().hex, time.time()
    desk.tell("diagnose", id=question)
    with desk.news:
        desk.news.wait_for(lambda: question in desk.reports, PATIENCE)
        facts = desk.reports.pop(question, None)
    if facts is None:
        return PageAnswer(missing="silent")
    return PageAnswer(facts, asked_at=asked_at, answered_at=time.time())
