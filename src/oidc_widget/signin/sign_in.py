"""Between a widget and whoever brings its tokens: what arrives, what is asked, and who is asked."""

from __future__ import annotations

import math
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import SignInError, TokenError
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.signin.browser_source import BrowserSource
from oidc_widget.signin.control_channel import running_kernel
from oidc_widget.signin.problems import as_error, as_problem
from oidc_widget.signin.state import Keeper, State
from oidc_widget.signin.token_cache import TokenRequests
from oidc_widget.signin.waiting import wait, wait_async

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.errors import OIDCError
    from oidc_widget.signin.browser_source import Source
    from oidc_widget.signin.token_cache import Target

__all__ = ["Desk"]


class Desk:
    """One widget's: messages from pages come in here, and sources hand tokens in here.

    No method waits or runs a person's code, so any thread may call it, the kernel's control thread too.

    Parameters
    ----------
    request : mapping
        What the person wants to be signed in for: ``authority``, ``client_id``, ``scopes``, ``resource``, ….
    options : mapping
        ``auto_refresh``, ``share_id_token``, ``label`` and ``flow``.
    send : callable
        Sends a message to the pages that show the widget; nobody hears it where there is none.
    hand_on : callable
        Runs a function later, on a thread that may wait.
    changed : callable
        Called with the old and the new state after each change.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        send: Callable[[dict[str, Any]], object],
        hand_on: Callable[[Callable[[], object]], None],
        changed: Callable[[State, State], None],
    ) -> None:
        self.request = request
        self.options = options
        self.keeper = Keeper(self._changed)
        self.requests = TokenRequests(self.keeper, self._ask)
        self.browser = BrowserSource(self)
        #: Notified when a page has told of itself, and at each change.
        self.news = threading.Condition()
        #: The widget was put into an output: whoever looks there sees it, if a page answers too.
        self.displayed = False
        #: What pages answered to `diagnose`, by the question's id.
        self.reports: dict[str, Mapping[str, Any]] = {}
        self._send = send
        self._hand_on = hand_on
        self._tell_change = changed
        self._seen: dict[str, int] = {}
        #: The one that brought the token: what it says of it counts.
        self._vault: object = None
        #: The vault's session that it is of, and the one that was signed out of here.
        self._session: object = None
        self._left: object = None
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        alone = options["flow"] == "device" or (options["flow"] == "auto" and running_kernel() is None)
        self.source: Source = _device_source(self) if alone else self.browser

    def receive(self, event: str, payload: Mapping[str, Any], *, express: bool) -> bool:
        """Take in what the browser sends, over either lane; a second copy is dropped.

        Returns
        -------
        bool
            Whether it is a token of a session that was signed out of here, which is not taken: while no page
            showed the widget, nobody heard of the sign-out.
        """
        if event == "token" and payload.get("session") is not None and payload["session"] == self._left:
            self._hand_on(partial(self.tell, "sign_out"))
            return True
        self._receive(event, payload, express=express)
        return False

    def _receive(self, event: str, payload: Mapping[str, Any], *, express: bool) -> None:
        if event == "answer":
            self._receive_answer(payload)
            return
        if event == "facts":
            with self.news:
                self.reports[str(payload.get("id"))] = payload
                self.news.notify_all()
            return
        if self._is_copy(payload):
            return
        if event == "token":
            self._vault, self._session = payload.get("vault"), payload.get("session")
            # What was waited for is new; another one may have been there for a while.
            new = self.requests.is_open() or self.keeper.awaited
            lifetime = payload.get("lifetime", None if new else math.inf)
            self.keeper.take_token(
                AccessToken.lasting(str(payload["access_token"]), payload.get("expires_in"), lifetime),
                claims=payload.get("claims"),
                account=payload.get("account"),
                id_token=payload.get("id_token") if self.options["share_id_token"] else None,
            )
        elif event == "status":
            problem = payload.get("error")
            error = None if problem is None else as_error(problem)
            self.keeper.take_status(str(payload["status"]), error, ended=bool(payload.get("ended")))
        elif event == "page":
            self._receive_page(payload, express=express)
        elif event == "explain":
            self._hand_on(partial(self._explain, payload))
        elif event == "command":
            self._receive_command(str(payload.get("name")), payload)

    def _explain(self, payload: Mapping[str, Any]) -> None:
        """Find out for a page what its sign-in window may show: only the provider knows."""
        from oidc_widget.diagnosis.refusal_page import explain_refusal  # noqa: PLC0415  # needs an HTTP client, and seldom

        problem = explain_refusal(payload.get("request") or {}, label=payload.get("label"))
        if problem is not None:
            self.tell("problem", problem=problem, attempt=payload.get("attempt"))

    def sign_out(self) -> None:
        """Forget the tokens here at once, and end the session where it is held."""
        self._left = self._session
        try:
            self.source.sign_out()
        finally:
            self.keeper.end()  # last: a token that was on its way here is forgotten too

    def close(self) -> None:
        """Forget the tokens here; a session that is held in the browser goes on there, for others."""
        if self.source is not self.browser:
            self.source.sign_out()  # nobody else could ever end it
        self.keeper.end()
        self.keeper.fail(SignInError("The widget was closed.", hint="Make a new one, and sign in there."))

    def token(self, target: Target, min_ttl: float, timeout: float | None, stale: str | None = None) -> str:
        """Return a token with that many seconds left, other than the ``stale`` one; wait if need be."""
        found = self.requests.at_hand(target, min_ttl, stale)
        if found is not None:
            return found
        started = time.monotonic()
        if not self.keeper.state.session:
            self.require_session()
            wait(self, timeout)  # no click is needed: the code is printed, and asked for again
        obstacle = self.source.obstacle(blocking=True)
        if obstacle is not None:
            raise TokenError(obstacle.message, code=obstacle.code, hint=obstacle.hint)
        left = None if timeout is None else max(0.0, started + timeout - time.monotonic())
        return self.requests.get(target, min_ttl, left, stale)

    def require_session(self) -> None:
        """Raise where a token could only come after a click.

        Raises
        ------
        TokenError
            Nobody is signed in.
        """
        state = self.keeper.state
        if not state.session and self.source is self.browser:
            raise _nobody() from state.error

    async def token_async(
        self, target: Target, min_ttl: float, timeout: float | None, stale: str | None = None
    ) -> str:
        """Do the same without blocking; where nobody is signed in, wait for that too."""
        found = self.requests.at_hand(target, min_ttl, stale)
        if found is not None:
            return found
        started = time.monotonic()
        if not self.keeper.state.session:
            await wait_async(self, timeout)
        left = None if timeout is None else max(0.0, started + timeout - time.monotonic())
        return await self.requests.get_async(target, min_ttl, left, stale)

    def answer(self, question_id: str, result: AccessToken | OIDCError) -> None:
        """Answer :meth:`Source.request_token`."""
        self.requests.answer(question_id, result)

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a message to the pages that show this widget."""
        self._send({"kind": kind, **fields})

    def tell_state(self) -> None:
        """Tell the pages what this kernel holds: a page that was reloaded has no other way to know."""
        with self._telling:  # else an older state might come after a newer one
            state = self.keeper.state
            left = (
                None if state.token is None or state.token.expires == float("inf") else state.token.expires_in
            )
            self.tell(
                "state",
                status=state.status,
                account=state.account,
                expires_in=left,
                error=None if state.error is None else as_problem(state.error),
                **self.source.shown(),
            )

    def _receive_answer(self, payload: Mapping[str, Any]) -> None:
        """Take in what a vault answers; each browser that shows this widget has one, and is asked."""
        answer, question_id = _result(payload), str(payload.get("id"))
        if isinstance(answer, AccessToken) or payload.get("vault") == self._vault:
            self.answer(question_id, answer)
        else:
            self.requests.doubt(question_id, answer)

    def _receive_page(self, payload: Mapping[str, Any], *, express: bool) -> None:
        self.browser.page(payload, express=express)
        if self.options["flow"] == "auto" and self.source.replaceable():
            if self.browser.windowed:
                self.source = self.browser
            elif self.source is self.browser:
                # No window can be opened there: this kernel signs in by itself (RFC 8628).
                self.source = _device_source(self)
                if self.keeper.awaited:
                    self._hand_on(self.source.expect)
        self._notify()
        self._hand_on(self.tell_state)

    def _receive_command(self, name: str, payload: Mapping[str, Any]) -> None:
        """Do what was clicked in a page that shows a sign-in of this kernel's own."""
        commands: dict[str, Callable[[], object]] = {
            "sign_in": self.source.sign_in,
            "cancel": self.source.cancel,
            "sign_out": self.sign_out,
            "paste": partial(self.source.paste, str(payload.get("address")), from_page=True),
        }
        if name == "sign_in" and self.source is self.browser and not self.browser.windowed:
            self.keeper.take_status("error", _no_window())
        elif name in commands:
            self._hand_on(commands[name])

    def _is_copy(self, payload: Mapping[str, Any]) -> bool:
        vault, seq = str(payload.get("vault", "")), int(payload.get("seq", 0))
        with self._lock:
            if seq and seq <= self._seen.get(vault, 0):
                return True
            self._seen[vault] = max(seq, self._seen.get(vault, 0))
        return False

    def _changed(self, old: State, new: State) -> None:
        if old.session and (not new.session or old.person != new.person):
            self.requests.forget(
                TokenError(
                    "The sign-in has ended while a new token was waited for.",
                    hint="Sign in again.",
                )
            )
        if new.token is not None and new.token is not old.token:
            self.requests.arrived(new.token)
        self._notify()
        # Two people may share a kernel, and a page knows only what its own browser has brought.
        self._hand_on(self.tell_state)
        self._tell_change(old, new)

    def _notify(self) -> None:
        with self.news:
            self.news.notify_all()

    def _ask(self, question_id: str, target: Target, min_ttl: float | None) -> None:
        self.source.request_token(question_id, target, min_ttl)


def _result(payload: Mapping[str, Any]) -> AccessToken | OIDCError:
    if payload.get("error") is not None:
        return as_error(payload["error"])
    return AccessToken.lasting(
        str(payload["access_token"]), payload.get("expires_in"), payload.get("lifetime")
    )


def _no_window() -> SignInError:
    return SignInError(
        "This page can't open a sign-in window.",
        code="popup_blocked",
        hint='Use flow="auto" or flow="device", or open the notebook in JupyterLab.',
    )


def _nobody() -> TokenError:
    return TokenError("Nobody is signed in.", hint="Click “Sign in”; `w.wait()` or `await w` waits for that.")


def _device_source(desk: Desk) -> Source:
    from oidc_widget.signin.kernel_source import DeviceSource  # noqa: PLC0415  # most sign-ins do without it

    return DeviceSource(desk)
