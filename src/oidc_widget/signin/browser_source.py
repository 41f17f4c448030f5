"""The browser's vault as a source of tokens; it is reached through the pages that show the widget."""

from __future__ import annotations

import threading
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import SignInError
from oidc_widget.oauth import clock
from oidc_widget.signin.control_channel import running_kernel
from oidc_widget.signin.nobody import nobody_here, what_to_set
from oidc_widget.signin.pages import no_page, no_page_for_a_token
from oidc_widget.signin.threads import scheduler, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.errors import OIDCError
    from oidc_widget.signin.pages import Pages
    from oidc_widget.signin.state import State
    from oidc_widget.signin.token_cache import Target, TokenCache

__all__ = ["FIRST_PATIENCE", "PATIENCE", "BrowserSource", "serves_comms", "takes_comms_while_awaiting"]

#: Seconds within which a page that is on its way shows the widget; a slow network and a cold start fit in.
FIRST_PATIENCE = 15.0
#: Seconds within which a page answers that was there.
PATIENCE = 5.0
#: Seconds that one has that did not answer the last time.
_LAST_PATIENCE = 1.0


class BrowserSource:
    """Passes on what is asked; parameters as :class:`~oidc_widget.signin.source.Source` says."""

    def __init__(
        self,
        request: Mapping[str, Any],
        options: Mapping[str, Any],
        state: State,
        cache: TokenCache,
        pages: Pages,
    ) -> None:
        del request, options  # the page has them from the widget's own state
        self._state = state
        self._cache = cache
        self._pages = pages

    @property
    def busy(self) -> bool:
        """Whether one of the pages can open a window, so that somebody is, or will be, signed in by it."""
        return self._pages.windowed

    def sign_in(self) -> None:
        """Have the pages show the button or a link: no window opens without a click."""
        self._pages.tell("sign_in")

    def sign_out(self) -> None:
        """End the session in the vault, for all who use it."""
        self._pages.tell("sign_out")

    def refresh(self) -> None:
        """Ask the vault for a new token now."""
        self._pages.tell("refresh")

    def request_token(self, question_id: str, target: Target, min_ttl: float | None) -> None:  # noqa: ARG002  # the vault gets a new one
        """Ask the vault; its ``answer`` event carries the id. Where no page is left, the answer is that."""
        patience = _LAST_PATIENCE if self._pages.silent else PATIENCE
        scopes = None if target.scopes is None else list(target.scopes)
        self._pages.call()
        self._pages.tell("refresh", id=question_id, resource=target.resource, scopes=scopes)
        scheduler.at(clock.now() + patience, partial(self._give_up, question_id))

    def _give_up(self, question_id: str) -> None:
        if self._pages.silent:
            self._cache.answer(question_id, no_page_for_a_token())

    def expect(self, deadline: float | None) -> None:
        """Make sure that a page is there whose messages come through.

        In "Run all", the widget was displayed a moment ago, and its page comes while this waits.
        """
        why = None if self._pages.present else nobody_here()
        obstacle = what_to_set(why) if why else self.obstacle(blocking=deadline is not None)
        if obstacle is not None:
            raise obstacle
        if deadline is None or not serves_comms():
            return  # a page may still come, and nothing is held up
        pages, known = self._pages, self._pages.present
        if known:
            pages.call()
        patience = PATIENCE if known else FIRST_PATIENCE

        def settled() -> bool:
            heard = pages.answered(by_control=True) if known else pages.present
            return heard or self._state.now.access_token is not None

        met = wait_for(pages.news, settled, min(deadline, clock.now() + patience))
        if not met and clock.now() < deadline:
            pages.reaches_busy_kernel = False  # whoever could is gone
            raise no_page(patience, known=known)
        obstacle = self.obstacle(blocking=True)
        if obstacle is not None and self._state.now.access_token is None:
            raise obstacle

    def obstacle(self, *, blocking: bool) -> OIDCError | None:
        """Name the one case: a page answers by the widget's own comm only, which this thread serves."""
        if not self._pages.present or self._pages.reaches_busy_kernel or not serves_comms():
            return None
        if not blocking:
            return None if takes_comms_while_awaiting() else _unreachable()
        return _no_lane()


def _no_lane() -> SignInError:
    return SignInError(
        "This page can't hand over a token while a cell blocks the kernel.",
        code="no_express_lane",
        hint="Use `await w` (or `await w.token_async()`), which doesn't block it.",
    )


def _unreachable() -> SignInError:
    return SignInError(
        "This page can't hand over a token while a cell runs in this kernel.",
        code="no_express_lane",
        hint="Sign in first, and run this cell then; a newer ipykernel (7 or later) can wait.",
    )


def takes_comms_while_awaiting() -> bool:
    """Whether the kernel takes widget messages, sent over a subshell, while a cell awaits."""
    return int(version("ipykernel").partition(".")[0]) >= 7  # noqa: PLR2004  # where subshells begin


def serves_comms() -> bool:
    """Whether this thread is the one on which the kernel handles widget messages."""
    return running_kernel() is not None and threading.current_thread() is threading.main_thread()
