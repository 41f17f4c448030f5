"""The pages that show a widget: what is known of them, and what they are told."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import SignInError, TokenError
from oidc_widget.oauth import clock
from oidc_widget.signin.control_channel import running_kernel
from oidc_widget.signin.threads import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.signin.messages import FactsMessage, PageMessage

__all__ = ["Pages", "no_page", "no_page_for_a_token"]


class Pages:
    """Any number of pages; the kernel can't count them, but it hears them, and can call them.

    Parameters
    ----------
    send : callable
        Sends a message to all that show the widget; nobody hears it where there is none.
    """

    def __init__(self, send: Callable[[dict[str, Any]], object]) -> None:
        self._send = send
        #: Notified when a page was heard, and at each change of the state.
        self.news = threading.Condition()
        #: The widget was put into an output: whoever looks there sees it, if a page answers too.
        self.displayed = False
        #: What is to be shown besides the state: ``device`` (RFC 8628 §3.2) or ``paste``.
        self.shown: Mapping[str, Any] = {}
        #: The kernel renews its token by itself, so that its end is none of the sign-in.
        self.renewed = False
        #: What a page answered to ``diagnose``, by the id of a question that is open.
        self._facts: dict[str, Mapping[str, Any] | None] = {}
        #: A page has told of itself.
        self.present = False
        #: One of them can open a sign-in window.
        self.windowed = False
        #: The redirect address as the browser sees it; ``None`` until a page has told it.
        self.redirect_uri: str | None = None
        #: A page has come by the control channel; what comes by a comm waits for the running cell.
        self.reaches_busy_kernel = False
        self._heard_by_control = self._heard = self._called = float("-inf")

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a message to all."""
        self._send({"kind": kind, **fields})

    def take(self, page: PageMessage, *, by_control: bool) -> None:
        """Take in what a page said of itself, and by which lane."""
        self.present = True
        self.windowed = self.windowed or page.popup
        self.redirect_uri = page.redirect_uri or self.redirect_uri
        self.heard(by_control=by_control)

    def heard(self, *, by_control: bool) -> None:
        """Something came from one of them."""
        self._heard = clock.now()
        if by_control:
            self._heard_by_control = self._heard
            self.reaches_busy_kernel = True
        self.notify()

    def notify(self) -> None:
        """Have whoever waits look again."""
        with self.news:
            self.news.notify_all()

    def call(self) -> None:
        """Ask who is there; each page tells of itself once more."""
        self._called = clock.now()
        self.tell("ping")

    def answered(self, *, by_control: bool) -> bool:
        """Whether one was heard since the call; or by the lane that reaches a busy kernel."""
        return (self._heard_by_control if by_control else self._heard) >= self._called

    def diagnose(self, patience: float) -> Mapping[str, Any] | None:
        """Ask what a page sees of server and provider, and wait for it; ``None``: no answer in time."""
        question_id = uuid.uuid4().hex
        self._facts[question_id] = None
        try:
            self.tell("diagnose", id=question_id)
            wait_for(self.news, lambda: self._facts[question_id] is not None, clock.now() + patience)
            return self._facts[question_id]
        finally:
            del self._facts[question_id]

    def take_facts(self, message: FactsMessage) -> None:
        """Take in an answer; nobody else's is kept."""
        with self.news:
            if message.id in self._facts:
                self._facts[message.id] = message.facts
            self.news.notify_all()

    @property
    def silent(self) -> bool:
        """Whether the last call went unanswered so far."""
        return self._heard < self._called

    @property
    def on_screen(self) -> bool:
        """Whether a page shows the widget, so that whoever looks at it can click."""
        # Without a Jupyter kernel nothing is displayed by one; what shows it (marimo) tells of itself.
        return self.present and (self.displayed or running_kernel() is None)


def no_page(patience: float, *, known: bool) -> SignInError:
    """Return what is said where nobody could click; ``known``: somebody could, a while ago."""
    hint = "Show the widget in one cell and use `await w` in another one, which doesn't block the kernel"
    if known:
        return SignInError(
            "The page that could hand over a token while a cell blocks the kernel has not answered for "
            f"{patience:g} s.",
            code="no_express_lane",
            hint=f"{hint}.",
        )
    return SignInError(
        f"No page with this widget has answered within {patience:g} s, so nobody can sign in while this cell "
        "blocks the kernel.",
        code="no_page",
        hint=f'{hint}; or use flow="device" where there is no browser.',
    )


def no_page_for_a_token() -> TokenError:
    """Return what is said where nobody could renew."""
    return TokenError(
        "No page with this widget answers, and only the browser can get a new token.",
        code="no_page",
        hint="Open the notebook in a browser again; there the widget renews the token.",
    )
