"""The browser's shared workers: which there are, and their end, as the browser's task manager brings it."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession

#: The vault's name in a browser that lets it outlive its pages.
VAULT = f"oidc-widget {version('oidc-widget')} extended"

#: Seconds that a worker may take to end.
PATIENCE = 20


def shared_workers(session: CDPSession) -> set[str]:
    """Return the targets of the browser's shared workers."""
    targets = session.send("Target.getTargets")["targetInfos"]
    return {target["targetId"] for target in targets if target["type"] == "shared_worker"}


def end_shared_workers(browser: Browser) -> int:
    """End each, wait until they are gone, and return how many there were."""
    session = browser.new_browser_cdp_session()
    ended = shared_workers(session)
    for worker in ended:
        session.send("Target.closeTarget", {"targetId": worker})
    deadline = time.monotonic() + PATIENCE
    while ended & shared_workers(session):
        assert time.monotonic() < deadline, "the worker goes on"
    session.detach()
    return len(ended)
