"""What a widget knows of its sign-in, and asks its page, for ``w.diagnose()``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from oidc_widget.diagnosis.diagnose import PATIENCE, Known, PageAnswer
from oidc_widget.oauth import clock
from oidc_widget.signin.threads import wait_for

if TYPE_CHECKING:
    from oidc_widget.signin.sign_in import SignIn

__all__ = ["known_to"]

#: Seconds that a page has to say that it is there.
_CALL = 3.0


def known_to(sign_in: SignIn) -> Known:
    """Ask the page that shows the widget, and add what the kernel knows; takes some seconds."""
    now = sign_in.state.now
    return Known(
        request=sign_in.request,
        page=_ask_page(sign_in),
        label=sign_in.options.get("label"),
        error=now.error,
        token=now.token,
    )


def _ask_page(sign_in: SignIn) -> PageAnswer:
    pages = sign_in.pages
    if not pages.present:
        pages.call()  # it may have been shown in this very moment
        wait_for(pages.news, lambda: pages.present, clock.now() + _CALL)
    if not pages.present:
        return PageAnswer(missing="no page")
    if sign_in.browser.obstacle(blocking=True) is not None:
        return PageAnswer(missing="busy")
    asked_at = time.time()
    facts = pages.diagnose(PATIENCE)
    if facts is None:
        return PageAnswer(missing="silent")
    return PageAnswer(facts, asked_at=asked_at, answered_at=time.time())
