"""Wait for what a sign-in without a window shows, without looking again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget import OIDCLogin


def shown(w: OIDCLogin, timeout: float = 20) -> Mapping[str, Any]:
    """Return the code, or the link to open by hand, as soon as it is there."""
    pages = w._sign_in.pages
    with pages.news:
        pages.news.wait_for(lambda: pages.shown or w.error, timeout)
    assert pages.shown, f"nothing is shown: {w.error}"
    return pages.shown


def changes_to(w: OIDCLogin, wanted: Callable[[], bool], timeout: float = 20) -> bool:
    """Wait until something holds that a change of the widget's state brings about."""
    with w._sign_in.pages.news:
        return w._sign_in.pages.news.wait_for(wanted, timeout)
