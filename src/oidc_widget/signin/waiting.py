"""Waiting for a person to sign in, with and without blocking the thread."""

from __future__ import annotations

import asyncio
import math
import time
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING

from oidc_widget.errors import SignInError, SignInTimeout
from oidc_widget.signin.browser_source import serves_comms
from oidc_widget.signin.interruptible import result, wait_for

if TYPE_CHECKING:
    from oidc_widget.signin.sign_in import Desk

__all__ = ["PAGE_PATIENCE", "wait", "wait_async"]

#: Seconds within which a page that shows the widget tells so; a slow network and a cold start fit in.
PAGE_PATIENCE = 15.0


def wait(desk: Desk, timeout: float | None) -> str:
    """Block until there is a token, and return it.

    Raises
    ------
    SignInTimeout
        Nobody signed in within ``timeout`` seconds.
    SignInError
        No token could ever arrive while this thread is blocked; or the sign-in came to nothing, and nobody
        could try again meanwhile.
    """
    arrival = desk.keeper.arrival("blocking" if serves_comms() else "free")
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    try:
        if not arrival.done():
            desk.source.expect()
            _check_lane(desk, deadline, timeout)
            desk.source.converse(deadline)
        return result(arrival, None if timeout is None else deadline - time.monotonic()).value
    except FutureTimeout as cause:
        raise _late(timeout) from cause
    finally:
        arrival.cancel()  # a wait that was interrupted is not served any more


async def wait_async(desk: Desk, timeout: float | None) -> str:
    """Do the same without blocking, in any event loop."""
    arrival = desk.keeper.arrival("awaiting" if serves_comms() else "free")
    try:
        if not arrival.done():
            desk.source.expect()
            obstacle = desk.source.obstacle(blocking=False)
            if obstacle is not None:
                raise obstacle
        return (await asyncio.wait_for(asyncio.wrap_future(arrival), timeout)).value
    except asyncio.TimeoutError as cause:  # not yet the built-in one on Python 3.10
        raise _late(timeout) from cause
    finally:
        arrival.cancel()


def _check_lane(desk: Desk, deadline: float, timeout: float | None) -> None:
    """Make sure that a page is there, and that its messages come through to a blocked kernel.

    In "Run all", the widget was displayed a moment ago, and its page comes while this waits.
    """
    patience = PAGE_PATIENCE if timeout is None else min(timeout, PAGE_PATIENCE)
    wait_for(
        desk.news,
        lambda: desk.keeper.state.access_token is not None or desk.source.reachable(),
        min(deadline, time.monotonic() + patience),
    )
    obstacle = desk.source.obstacle(blocking=True)
    if obstacle is not None:
        raise obstacle
    if desk.source.reachable() or desk.keeper.state.access_token is not None:
        return
    if timeout is not None and timeout <= patience:
        raise _late(timeout)
    raise SignInError(
        f"No page with this widget has answered within {patience:g} s, so nobody can sign in while this cell "
        "blocks the kernel.",
        code="no_page",
        hint="Show the widget in one cell and use `await w` in another one, which doesn't block the kernel; "
        'or use flow="device" where there is no browser.',
    )


def _late(timeout: float | None) -> SignInTimeout:
    return SignInTimeout(
        f"Nobody signed in within {timeout:g} s.", hint="Click “Sign in”, or give more time: wait(timeout=…)."
    )
