"""One widget's sign-in: what arrives from pages, what is asked for, and who is asked."""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import OIDCError, SignInError, SignInTimeout, TokenError
from oidc_widget.oauth import clock
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.signin.browser_source import BrowserSource
from oidc_widget.signin.control_channel import running_kernel
from oidc_widget.signin.messages import (
    AnswerMessage,
    CommandMessage,
    ExplainMessage,
    FactsMessage,
    PageMessage,
    StatusMessage,
    TokenMessage,
)
from oidc_widget.signin.nobody import nobody_here, what_to_set
from oidc_widget.signin.pages import Pages
from oidc_widget.signin.problems import as_problem
from oidc_widget.signin.state import State
from oidc_widget.signin.threads import Worker
from oidc_widget.signin.token_cache import TokenCache
from oidc_widget.signin.waiting import wait, wait_async

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.signin.kernel_source import KernelSource
    from oidc_widget.signin.messages import Message
    from oidc_widget.signin.source import Source
    from oidc_widget.signin.state import Snapshot
    from oidc_widget.signin.token_cache import Target
    from oidc_widget.signin.unattended import UnattendedSource

__all__ = ["SignIn"]

#: The flows that need no window of a page.
_OF_THE_KERNEL = frozenset({"device", "loopback", "paste"})
#: Vaults whose last message is remembered; a browser has one at a time.
_MOST_VAULTS = 32


class SignIn:
    """Takes in what pages and sources bring, and answers for its tokens.

    No method that is not named for waiting waits or runs a person's code, so any thread may call it, the
    kernel's control thread too.

    Parameters
    ----------
    request : mapping
        What the person wants to be signed in for: ``authority``, ``client_id``, ``scopes``, ``resource``, ….
    options : mapping
        ``auto_refresh``, ``share_id_token``, ``label`` and ``flow``.
    send : callable
        Sends a message to the pages that show the widget.
    changed : callable
        Called with the old and the new snapshot after each change, on whatever thread made it.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        send: Callable[[dict[str, Any]], object],
        changed: Callable[[Snapshot, Snapshot], None],
    ) -> None:
        self.request = request
        self.options = options
        self.state = State(self._changed)
        self.cache = TokenCache(self.state, self._ask)
        self.pages = Pages(send)
        self.browser = BrowserSource(request, options, self.state, self.cache, self.pages)
        self.source: Source = self.browser
        self._kernel_source: KernelSource | None = None
        self._process = os.getpid()
        #: What is told to pages: off the threads that must not wait.
        self._worker = Worker("oidc-widget-tell")
        self._explainer = Worker("oidc-widget-explain")
        self._tell_change = changed
        self._seen: dict[str, int] = {}
        #: The vault that brought the token: what it says of it counts.
        self._vault: str | None = None
        #: The vault's session that it is of, and the one that was signed out of here.
        self._session: str | None = None
        self._left: str | None = None
        #: The browser's vault has brought a token in place of another one.
        self._renewed = False
        self._receiving = threading.RLock()
        self._telling = threading.Lock()
        nobody_here()  # not every thread that asks later is told what cell runs
        self._unattended = self._from_environment()
        if self._unattended is not None:
            self.source = self._unattended
        elif options["flow"] in _OF_THE_KERNEL or (options["flow"] == "auto" and running_kernel() is None):
            self._use_kernel_source()

    def start(self) -> None:
        """Take a session that somebody else here signed in for: the second widget is signed in at once."""
        if self._unattended is not None:
            self._unattended.start()
        elif self._kernel_source is not None:
            self._kernel_source.adopt()

    # ---- what pages send -----------------------------------------------------------------------------

    def receive(self, message: Message, *, by_control: bool) -> bool:
        """Take in what came over either lane; a second copy is dropped.

        Returns
        -------
        bool
            Whether it is a token of a session that was signed out of here, which is not taken: while no page
            showed the widget, nobody heard of the sign-out.
        """
        self.pages.heard(by_control=by_control)
        if (
            isinstance(message, TokenMessage)
            and message.session is not None
            and message.session == self._left
        ):
            self._worker.put(partial(self.pages.tell, "sign_out"))
            return True
        if isinstance(message, AnswerMessage):
            self._receive_answer(message)
        elif isinstance(message, FactsMessage):
            self.pages.take_facts(message)
        else:
            with self._receiving:
                if message.seq and message.seq <= self._seen.get(message.vault, 0):
                    return False
                self._receive(message, by_control=by_control)
                # Only now: what failed is no copy when it comes by the other lane.
                while len(self._seen) >= _MOST_VAULTS:
                    del self._seen[next(iter(self._seen))]
                self._seen[message.vault] = max(message.seq, self._seen.pop(message.vault, 0))
        return False

    def _receive(self, message: Message, *, by_control: bool) -> None:
        if isinstance(message, TokenMessage):
            token = message.token
            # What was waited for is new; another one may have been there for a while.
            if message.lifetime_is_left and not (self.cache.is_open() or self.state.awaited):
                token = AccessToken(token.value, token.expires)
            if (self._vault, self._session) != (message.vault, message.session):
                self._renewed = False
            self._vault, self._session = message.vault, message.session
            self.state.take_token(
                token,
                claims=message.claims,
                account=message.account,
                id_token=message.id_token if self.options["share_id_token"] else None,
            )
        elif isinstance(message, StatusMessage):
            self.state.take_status(message.status, message.error, ended=message.ended)
        elif isinstance(message, PageMessage):
            self.pages.take(message, by_control=by_control)
            self._worker.put(self._meet_page)
        elif isinstance(message, ExplainMessage):
            # It asks the provider, which may take long: nothing else is to wait for that.
            self._explainer.put(partial(self._explain, message))
        elif isinstance(message, CommandMessage):
            self._receive_command(message)

    def _receive_answer(self, message: AnswerMessage) -> None:
        """Take in what a vault answers; each browser that shows this widget has one, and is asked."""
        if isinstance(message.result, AccessToken) or message.vault == self._vault:
            self.cache.answer(message.id, message.result)
        else:
            self.cache.doubt(message.id, message.result)

    def _receive_command(self, message: CommandMessage) -> None:
        source = self._kernel_source
        if message.name == "sign_out":
            self._worker.put(self.sign_out)
        elif source is None or self.source is not source:
            if message.name == "sign_in" and self.options["flow"] == "auto" and not self.state.now.session:
                # Only a page that can open no window asks this, whatever another one can.
                self._worker.put(partial(self._sign_in_here, message.page))
            elif message.name == "sign_in" and not self.pages.windowed:
                self.state.take_status("error", _no_window())
        elif message.name == "paste" and message.address is not None:
            self._worker.put(partial(source.paste_from_page, message.address.reveal()))
        else:
            self._worker.put(
                source.cancel if message.name == "cancel" else partial(source.sign_in, message.page)
            )

    def _meet_page(self) -> None:
        """Choose who signs in, now that a page has told what it can do, and tell it what there is."""
        if self.options["flow"] == "auto" and not self.source.busy:
            if self.pages.windowed:
                self.source = self.browser
            elif self.source is self.browser:
                # No window can be opened there: this kernel signs in by itself (RFC 8628).
                self._use_kernel_source()
                self.start()
                if self.state.awaited and not self.state.now.session:
                    self.source.expect(None)
        self.tell_state()

    def _sign_in_here(self, page: str | None) -> None:
        source = self._kernel_source
        if source is None or self.source is not source:
            source = self._use_kernel_source()
            self.start()
        if not self.state.now.session:
            source.sign_in(page)

    def _from_environment(self) -> UnattendedSource | None:
        if not any(name.startswith("OIDC_WIDGET_") for name in os.environ):
            return None
        from oidc_widget.signin.unattended import (  # noqa: PLC0415  # most do without what it loads
            UnattendedSource,
            from_environment,
        )

        credential = from_environment(self.request)
        if credential is None:
            return None
        parts = (self.request, self.options, self.state, self.cache, self.pages)
        return UnattendedSource(*parts, credential)

    def _use_kernel_source(self) -> KernelSource:
        from oidc_widget.signin.kernel_source import KernelSource  # noqa: PLC0415  # most do without what it loads

        source = KernelSource(self.request, self.options, self.state, self.cache, self.pages)
        self.source = self._kernel_source = source
        return source

    def _explain(self, message: ExplainMessage) -> None:
        """Find out for a page what its sign-in window may show: only the provider knows."""
        from oidc_widget.diagnosis.refusal_page import explain_refusal  # noqa: PLC0415  # needs an HTTP client, and seldom

        problem = explain_refusal(message.request, label=message.label)
        if problem is not None:
            self.pages.tell("problem", problem=problem, attempt=message.attempt)

    # ---- what a person asks --------------------------------------------------------------------------

    def sign_in(self) -> None:
        """Start a sign-in, or have the pages show how."""
        self._require_own_process()
        self.source.sign_in()

    def refresh(self) -> None:
        """Get a new token now."""
        self._require_own_process()
        self.source.refresh()

    def paste(self, address: str) -> None:
        """Take the address that a person landed on.

        Raises
        ------
        SignInError
            No sign-in by hand is under way, or it does not answer it.
        """
        self._require_own_process()
        if self._kernel_source is None or self.source is not self._kernel_source:
            raise SignInError(
                "No sign-in by hand is under way.",
                code="authorization_failed",
                hint='A window opens on a click; without a browser, use flow="device".',
            )
        self._kernel_source.paste(address)

    def sign_out(self) -> None:
        """Forget the tokens here at once, and end the session where it is held."""
        if self._is_forked:
            self.state.forget()  # the session is the parent's
            return
        self._left = self._session
        try:
            self.source.sign_out()
        finally:
            self.state.end()  # last: a token that was on its way here is forgotten too

    def close(self) -> None:
        """Forget the tokens here; a session that is held in the browser goes on there, for others."""
        if self._is_forked:
            self.state.forget()
            return
        if self._kernel_source is not None:
            self._kernel_source.leave()
        if self._unattended is not None:
            self._unattended.sign_out()
        self.state.end()
        self.state.fail(SignInError("The widget was closed.", hint="Make a new one, and sign in there."))

    def later(self, call: Callable[[], object]) -> None:
        """Do something of ours on a thread that may wait, after what is to be done before it."""
        self._worker.put(call)

    def expect(self) -> None:
        """Start a sign-in where no click is possible."""
        if self.source is self._kernel_source:
            self.source.expect(None)

    # ---- tokens ----------------------------------------------------------------------------------------

    def wait(self, timeout: float | None) -> AccessToken:
        """Block until there is a token; see :func:`~oidc_widget.signin.waiting.wait`."""
        self._require_own_process()
        return wait(self.state, self.source, self.pages, timeout)

    async def wait_async(self, timeout: float | None) -> AccessToken:
        """Do the same without blocking."""
        self._require_own_process()
        return await wait_async(self.state, self.source, self.pages, timeout)

    def token(
        self, target: Target, min_ttl: float, timeout: float | None, stale: AccessToken | None = None
    ) -> AccessToken:
        """Return a token with that many seconds left, other than the ``stale`` one; wait if need be.

        Raises
        ------
        TokenError
            There is none to be had.
        """
        found = self.cache.at_hand(target, min_ttl, stale)
        if found is not None:
            return found
        self._require_own_process()
        deadline = None if timeout is None else clock.now() + timeout
        if not self.state.now.session:
            self.require_session()
            try:
                self.wait(timeout)  # no click is needed: the code is printed, and asked for again
            except OIDCError as error:
                raise _no_token(error) from error
        obstacle = self.source.obstacle(blocking=True)
        if obstacle is not None:
            raise _no_token(obstacle)
        return self.cache.get(target, min_ttl, _left(deadline), stale)

    async def token_async(
        self, target: Target, min_ttl: float, timeout: float | None, stale: AccessToken | None = None
    ) -> AccessToken:
        """Do the same without blocking; where nobody is signed in, wait for that too.

        Raises
        ------
        SignInTimeout
            Nobody signed in within that time.
        TokenError
            There is none to be had.
        """
        found = self.cache.at_hand(target, min_ttl, stale)
        if found is not None:
            return found
        self._require_own_process()
        deadline = None if timeout is None else clock.now() + timeout
        if not self.state.now.session:
            try:
                await self.wait_async(timeout)
            except SignInTimeout:
                raise
            except OIDCError as error:
                raise _no_token(error) from error
        return await self.cache.get_async(target, min_ttl, _left(deadline), stale)

    def require_session(self) -> None:
        """Raise where a token could only come after a click.

        Raises
        ------
        TokenError
            Nobody is signed in.
        """
        now = self.state.now
        if not now.session and self.source is self.browser:
            why = None if self.pages.present else nobody_here()
            raise (_nobody() if why is None else _no_token(what_to_set(why))) from now.error

    # ---- what pages are told -------------------------------------------------------------------------

    def tell_state(self) -> None:
        """Tell the pages what this kernel holds: a page that was reloaded has no other way to know."""
        with self._telling:  # else an older state might come after a newer one
            now = self.state.now
            left = None if now.token is None or now.token.expires == float("inf") else now.token.expires_in
            self.pages.tell(
                "state",
                status=now.status,
                account=now.account,
                expires_in=left,
                renewed=now.session and (self.pages.renewed or self._renewed),
                error=None if now.error is None else as_problem(now.error),
                **self.pages.shown,
            )

    def _changed(self, old: Snapshot, new: Snapshot) -> None:
        if old.session and (not new.session or old.person != new.person):
            self.cache.forget(
                TokenError(
                    "The sign-in has ended while a new token was waited for.",
                    hint="Sign in again.",
                )
            )
        known = False
        if new.token is not None and new.token is not old.token:
            self.cache.arrived(new.token)
            renewal = new.renews(old)
            known = renewal and (self.pages.renewed or self._renewed)
            self._renewed = renewal and self.source is self.browser and self.options["auto_refresh"]
        self.pages.notify()
        # Two people may share a kernel, and a page knows only what its own browser has brought. Not of each
        # renewal: for the server, a message is activity of the kernel, which would never be idle.
        if not known:
            self._worker.put(self.tell_state)
        self._tell_change(old, new)

    def _ask(self, question_id: str, target: Target, min_ttl: float | None) -> None:
        self.source.request_token(question_id, target, min_ttl)

    # ---- processes -----------------------------------------------------------------------------------

    @property
    def _is_forked(self) -> bool:
        return os.getpid() != self._process

    def _require_own_process(self) -> None:
        """Refuse in a child that was forked: a renewal there would use up the parent's refresh token."""
        if self._is_forked:
            raise TokenError(
                "This process was forked from the one that signed in, and has no way to get a new token.",
                code="forked",
                hint="Get the token before the fork, or hand it over: w.access_token; for the tasks of a "
                "cluster use oidc_widget.dask.share.",
            )


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - clock.now())


def _no_token(reason: OIDCError) -> TokenError:
    return TokenError(reason.message, code=reason.code, hint=reason.hint)


def _no_window() -> SignInError:
    return SignInError(
        "This page can't open a sign-in window.",
        code="popup_blocked",
        hint='Use flow="auto" or flow="device", or open the notebook in JupyterLab.',
    )


def _nobody() -> TokenError:
    return TokenError("Nobody is signed in.", hint="Click “Sign in”; `w.wait()` or `await w` waits for that.")
