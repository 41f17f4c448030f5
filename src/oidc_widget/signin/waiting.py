"""Waiting for a person to sign in, with and without blocking the thread."""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING

from oidc_widget.errors import SignInTimeout
from oidc_widget.oauth import clock
from oidc_widget.signin.browser_source import serves_comms
from oidc_widget.signin.threads import result

if TYPE_CHECKING:
    from oidc_widget.oauth.access_token import AccessToken
    from oidc_widget.signin.pages import Pages
    from oidc_widget.signin.source import Source
    from oidc_widget.signin.state import State

__all__ = ["wait", "wait_async"]


def wait(state: State, source: Source, pages: Pages, timeout: float | None) -> AccessToken:
    """Block until there is a token, and return it.

    Raises
    ------
    SignInTimeout
        Nobody signed in within ``timeout`` seconds.
    SignInError
        No token could ever arrive while this thread is blocked; or the sign-in came to nothing, and nobody
        could try again meanwhile.
    """
    arrival = state.arrival("blocking" if serves_comms() else "free")
    deadline = math.inf if timeout is None else clock.now() + timeout
    try:
        if not arrival.done():
            source.expect(deadline)
        return result(arrival, None if timeout is None else deadline - clock.now())
    except FutureTimeout as cause:
        raise _late(pages, timeout) from cause
    finally:
        arrival.cancel()  # a wait that was interrupted is not served any more


async def wait_async(state: State, source: Source, pages: Pages, timeout: float | None) -> AccessToken:
    """Do the same without blocking, in any event loop."""
    arrival = state.arrival("awaiting" if serves_comms() else "free")
    try:
        if not arrival.done():
            source.expect(None)
        return await asyncio.wait_for(asyncio.wrap_future(arrival), timeout)
    except asyncio.TimeoutError as cause:  # not yet the built-in one on Python 3.10
        raise _late(pages, timeout) from cause
    finally:
        arrival.cancel()


def _late(pages: Pages, timeout: float | None) -> SignInTimeout:
    what_to_do = "Click “Sign in”" if pages.present else "Open the link that was shown"
    return SignInTimeout(
        f"Nobody signed in within {timeout:g} s.", hint=f"{what_to_do}, or give more time: wait(timeout=…)."
    )
