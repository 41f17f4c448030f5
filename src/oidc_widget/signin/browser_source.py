"""Where tokens come from: the browser's vault, or this process itself (device flow)."""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from oidc_widget.errors import SignInError
from oidc_widget.signin.control_channel import running_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.errors import OIDCError
    from oidc_widget.signin.sign_in import Desk
    from oidc_widget.signin.token_cache import Target

__all__ = ["BrowserSource", "Source", "serves_comms", "takes_comms_while_awaiting"]


class Source(Protocol):
    """Can be asked for tokens.

    No method waits: what comes of it is handed in at the desk (:class:`~oidc_widget.signin.sign_in.Desk`), by
    ``desk.keeper.take_token``, ``desk.keeper.take_status`` and ``desk.answer``, from any thread.
    """

    def sign_in(self) -> None:
        """Start a sign-in, or show how."""

    def cancel(self) -> None:
        """End the sign-in that is under way, if there is one."""

    def sign_out(self) -> None:
        """End the session at the provider, as far as possible; none of its tokens comes after that."""

    def refresh(self) -> None:
        """Get a new token for the sign-in's own target; it goes to the keeper."""

    def request_token(self, question_id: str, target: Target, min_ttl: float | None) -> None:
        """Get a token for this target; the answer goes to ``desk.answer``.

        ``min_ttl``: one at hand will do if it has so many seconds left; ``None``: a new one. For
        :data:`~oidc_widget.signin.token_cache.OWN`, the keeper gets it as well, before the answer.
        """

    def expect(self) -> None:
        """Somebody begins to wait for a sign-in: start one where no click is possible."""

    def obstacle(self, *, blocking: bool) -> OIDCError | None:
        """Say why nothing can arrive while this thread waits; ``None``: it can, or it isn't known yet."""

    def replaceable(self) -> bool:
        """Whether another source may take over: nothing is under way here."""

    def reachable(self) -> bool:
        """Whether it is known that a sign-in can arrive; while not, a wait is ended after a few seconds."""

    def paste(self, address: str, *, from_page: bool = False) -> None:
        """Take the address that a person landed on after a sign-in by hand."""

    def converse(self, deadline: float) -> None:
        """Ask the person who waits in this thread, if there is something to ask; this one may wait.

        ``deadline``: a time of :func:`time.monotonic`, by which it ends.
        """

    def shown(self) -> Mapping[str, Any]:
        """Return what the pages are to show besides the state: ``device`` (RFC 8628 §3.2) or ``paste``."""


class BrowserSource:
    """The vault in the browser; it is reached through the pages that show the widget.

    Parameters
    ----------
    desk : Desk
        Sends messages to the pages.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._page: Mapping[str, Any] = {}

    def page(self, payload: Mapping[str, Any], *, express: bool) -> None:
        """Take in what a page said of itself, and by which lane."""
        self._page = {
            **self._page,
            **payload,
            "popup": bool(payload.get("popup")) or self.windowed,
            "express": express or self._page.get("express", False),
        }

    @property
    def redirect_uri(self) -> str | None:
        """The redirect address as the browser sees it; ``None`` until a page has told it."""
        address = self._page.get("redirect_uri")
        return None if address is None else str(address)

    @property
    def windowed(self) -> bool:
        """Whether one of the pages can open a sign-in window."""
        return bool(self._page.get("popup"))

    @property
    def present(self) -> bool:
        """Whether a page shows the widget."""
        return bool(self._page)

    def sign_in(self) -> None:
        """Browsers open no window without a click, so the page shows a link."""
        self._desk.tell("sign_in")

    def cancel(self) -> None:
        """Close the sign-in window."""
        self._desk.tell("cancel")

    def sign_out(self) -> None:
        """End the session in the vault, for all who use it."""
        self._desk.tell("sign_out")

    def refresh(self) -> None:
        """Ask the vault for a new token now."""
        self._desk.tell("refresh")

    def request_token(self, question_id: str, target: Target, min_ttl: float | None) -> None:  # noqa: ARG002  # the vault gets a new one
        """Ask the vault; its ``answer`` event carries the id."""
        scopes = None if target.scopes is None else list(target.scopes)
        self._desk.tell("refresh", id=question_id, resource=target.resource, scopes=scopes)

    def expect(self) -> None:
        """Nothing: the person clicks."""

    def obstacle(self, *, blocking: bool) -> OIDCError | None:
        """Name the one case: a page answers by the widget's own comm only, which this thread serves."""
        if not self._page or self._page["express"] or not serves_comms():
            return None
        if not blocking:
            return None if takes_comms_while_awaiting() else _unreachable()
        return SignInError(
            "This page can't hand over a token while a cell blocks the kernel.",
            code="no_express_lane",
            hint="Use `await w` (or `await w.token_async()`), which doesn't block it.",
        )

    def replaceable(self) -> bool:
        """Whether no page can open a window, so that nobody is, or will be, signed in by one."""
        return not self.windowed

    def reachable(self) -> bool:
        """Whether a page has answered, by a lane that gets through."""
        return bool(self._page) or not serves_comms()

    def paste(self, address: str, *, from_page: bool = False) -> None:  # noqa: ARG002  # the protocol's
        """Refuse: the window hands the answer over by itself."""
        raise SignInError(
            "No sign-in by hand is under way.",
            code="authorization_failed",
            hint='A window opens on a click; without a browser, use flow="device".',
        )

    def converse(self, deadline: float) -> None:
        """Nothing: the person is at the page."""

    def shown(self) -> Mapping[str, Any]:
        """Nothing: the vault's own state is on show."""
        return {}


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
