"""Signing in without a window of one's own: this process asks the provider itself (RFC 8628).

There is no vault here, so this process's memory holds the refresh token, and nothing else does.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import OIDCError, SignInError, TokenError
from oidc_widget.signin.attempt import Attempt, is_cut_off
from oidc_widget.signin.browser_source import serves_comms
from oidc_widget.signin.nobody import nobody_here, what_to_set
from oidc_widget.signin.pasted_redirect import PastedRedirect, nobody_to_ask
from oidc_widget.signin.prompt import (
    ask,
)
from oidc_widget.signin.session import KernelSession, unforeseen, wanted
from oidc_widget.signin.sharing import serves, sessions_here
from oidc_widget.signin.threads import Worker, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.oauth.access_token import AccessToken
    from oidc_widget.signin.pages import Pages
    from oidc_widget.signin.state import State
    from oidc_widget.signin.token_cache import Target, TokenCache

__all__ = ["KernelSource"]


class KernelSource:
    """The device flow as a source of tokens; by hand where the provider has none for this client.

    Nothing here waits for the network: that is the worker's. Parameters as
    :class:`~oidc_widget.signin.source.Source` says.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        options: Mapping[str, Any],
        state: State,
        cache: TokenCache,
        pages: Pages,
    ) -> None:
        self.auto_refresh: bool = options["auto_refresh"]
        self._request = request
        self._options = options
        self._state = state
        self._cache = cache
        self._pages = pages
        self._lock = threading.RLock()
        self._worker = Worker("oidc-widget-sign-in")
        self._attempt: Attempt | None = None
        self._session: KernelSession | None = None
        self._shared = sessions_here()

    # ---- what a source can be asked ----------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether somebody is signed in, or about to be."""
        return self._attempt is not None or self._session is not None

    def adopt(self) -> None:
        """Take a session that serves: of somebody else in this runtime, now or later, or a remembered one."""
        self._shared.enter(self)
        if self._options.get("remember") and not self.busy:
            self._attempt = attempt = self._new_attempt(silent=True)
            self._worker.put(attempt.step(attempt.begin))

    def sign_in(self, page: str | None = None) -> None:
        """Ask the provider for a code, and show it; while one is out, show that.

        ``page``: the one that was clicked in.
        """
        with self._lock:
            attempt, begun = self._attempt, self._attempt is not None
            if attempt is None:
                attempt = self._attempt = self._new_attempt(page=page)
            if attempt.silent:
                attempt.silent, attempt.page = False, page
                self._state.take_status("signing_in")
        if begun:
            attempt.prompt.move()
            self._worker.put(partial(self._present, attempt))
            return
        self._state.take_status("signing_in")
        self._worker.put(attempt.step(attempt.begin))

    def cancel(self) -> None:
        """Forget the code."""
        if self._give_up("The sign-in was cancelled."):
            self._state.take_status("signed_out")

    def sign_out(self) -> None:
        """End the session, for all who use it."""
        session = self._let_go()
        if session is not None:
            session.end()

    def leave(self) -> None:
        """Use the session no more, nor any other; nobody else could ever end it, so the last one does."""
        self._shared.leave(self)
        session = self._let_go()
        if session is not None:
            session.leave(self)

    def refresh(self) -> None:
        """Get a new token now."""
        session = self._session
        if session is not None:
            session.refresh(self._request)

    def request_token(self, question_id: str, target: Target, min_ttl: float | None) -> None:
        """Get a token for this target."""
        session = self._session
        if session is None:
            raise TokenError("Nobody is signed in.", hint="Sign in: w.sign_in(), then w.wait().")
        session.ask(wanted(self._request, target), min_ttl, partial(self._cache.answer, question_id))

    def expect(self, deadline: float | None) -> None:
        """Start a sign-in, since somebody waits for one; by hand, ask for the address in this thread."""
        session = self._session
        if session is not None and session.renewable:
            session.refresh(self._request)
        elif not self._pages.present and (why := nobody_here()) is not None:
            raise what_to_set(why)
        elif self._attempt is None:
            self.sign_in()
        if deadline is not None:
            self._ask_for_address(deadline)
            return
        obstacle = self.obstacle(blocking=False)
        if obstacle is not None:
            raise obstacle

    def obstacle(self, *, blocking: bool) -> OIDCError | None:
        """Name the one case: an address is to be handed in, and this cell holds up whatever could do that."""
        if blocking or not serves_comms() or self._question() is None or not is_cut_off(self._pages):
            return None  # who blocks is asked
        return nobody_to_ask()

    def _let_go(self) -> KernelSession | None:
        self._worker.clear()
        self._give_up("The sign-in was cancelled.")
        with self._lock:
            session, self._session = self._session, None
        return session

    def _give_up(self, why: str) -> bool:
        with self._lock:
            attempt, self._attempt = self._attempt, None
            self._pages.shown = {}
        if attempt is None:
            return False
        attempt.prompt.close(why)
        self._worker.put(attempt.close)
        return True

    # ---- what a session tells ----------------------------------------------------------------------

    def offer(self, session: KernelSession) -> None:
        """Take a session that somebody else signed in for, if nobody is signed in here and it serves."""
        if self._session is not None or not serves(session, self._request):
            return
        with self._lock:
            if self._session is not None:
                return
            self._session = session
        session.join(self, self._request)

    def took(self, session: KernelSession, token: AccessToken) -> None:
        """Take a new token."""
        if self._session is not session:
            return
        self._pages.renewed = self.auto_refresh and session.renewable
        if not self._state.now.session:  # else somebody signs in anew here, perhaps as another person
            self._give_up("Signed in elsewhere in this kernel.\n")
        self._state.take_token(
            token,
            claims=session.claims,
            account=session.account,
            id_token=session.id_token if self._options["share_id_token"] else None,
        )

    def failed(self, session: KernelSession, error: OIDCError) -> None:
        """There is no new token for now, or this widget's scopes are not to be had from this session."""
        if self._session is not session:
            return
        if not self._state.now.session:
            with self._lock:
                self._session = None
            session.leave(self)
            return
        self._state.take_status("expired", error)
        if not self.auto_refresh:
            self._tell_waiting(error)  # nothing is tried again by itself

    def ended(self, session: KernelSession, error: OIDCError | None) -> None:
        """There will be none any more."""
        with self._lock:
            if self._session is session:
                self._session = None
        if error is None:
            self._state.end()
        else:
            self._state.take_status("expired", error, ended=True)
            self._tell_waiting(error)

    # ---- by hand -----------------------------------------------------------------------------------

    def paste(self, address: str) -> None:
        """Take the address that the person landed on.

        Raises
        ------
        SignInError
            If it does not answer the link that was shown; another one may be pasted.
        """
        attempt = self._attempt
        if attempt is None or not isinstance(attempt.way, PastedRedirect):
            raise SignInError(
                "No sign-in waits for an address.",
                code="authorization_failed",
                hint="Start one: w.sign_in().",
            )
        way = attempt.way
        way.accept(address)
        self._worker.put(attempt.step(attempt.exchange, way))

    def paste_from_page(self, address: str) -> None:
        """Do the same for a page, which the state tells what is wrong."""
        try:
            self.paste(address)
        except SignInError as error:
            if self._attempt is not None:
                self._state.take_status("signing_in", error)

    def _ask_for_address(self, deadline: float) -> None:
        """Ask for the address, if the sign-in goes by hand: a field in a page is not heard meanwhile."""
        if threading.current_thread() is not threading.main_thread():
            return
        wait_for(self._pages.news, self._knows_whether_to_ask, deadline)
        attempt = self._question()
        if attempt is None:
            return
        if self._pages.on_screen:
            self.note(attempt, _elsewhere())
        try:
            ask(self.paste, lambda: self._question() is attempt, deadline)
        finally:
            self.note(attempt, None)

    def _knows_whether_to_ask(self) -> bool:
        """Whether the address is wanted, or never will be: of a browser, another way may still come."""
        attempt = self._attempt
        return attempt is None or (attempt.way is not None and attempt.way is not attempt.loopback)

    def _question(self) -> Attempt | None:
        """Return the attempt if it waits for an address."""
        attempt = self._attempt
        if attempt is None or not isinstance(attempt.way, PastedRedirect) or not attempt.way.asks:
            return None
        return None if attempt.way.answered else attempt

    def note(self, attempt: Attempt, problem: OIDCError | None) -> None:
        """Show this in the pages, beside the field if there is one, while the attempt goes on."""
        with self._lock:
            if self._attempt is attempt:
                self._state.take_status("signing_in", problem)

    # ---- what an attempt tells -----------------------------------------------------------------------

    def _new_attempt(self, *, page: str | None = None, silent: bool = False) -> Attempt:
        return Attempt(
            self,
            request=self._request,
            options=self._options,
            state=self._state,
            pages=self._pages,
            worker=self._worker,
            page=page,
            silent=silent,
        )

    def wants(self, attempt: Attempt) -> bool:
        """Whether it was not given up."""
        return self._attempt is attempt

    def goes_on(self, attempt: Attempt) -> bool:
        """Whether somebody asked for it, now that nothing was remembered; else it is over."""
        with self._lock:
            if attempt.silent and self._attempt is attempt:
                self._attempt = None
        return self._attempt is attempt

    def _present(self, attempt: Attempt) -> None:
        if self._attempt is attempt:
            attempt.present()

    def guarded(self, attempt: Attempt, step: Callable[[], None]) -> None:
        """Do a step of an attempt that is still wanted; what goes wrong ends it."""
        if self._attempt is not attempt:
            return
        try:
            step()
        except OIDCError as error:
            failure = error
        except Exception as cause:  # noqa: BLE001  # told as an error like any other
            failure = unforeseen("The sign-in failed", cause)
        else:
            return
        with self._lock:
            if self._attempt is not attempt:
                return
            self._attempt = None
            self._pages.shown = {}
        attempt.close()
        self._state.take_status("signed_out" if attempt.silent else "error", failure)
        if attempt.silent:
            pass  # nobody asked
        elif self._pages.on_screen or self._state.awaited:
            attempt.prompt.close("The sign-in failed.")
            self._tell_waiting(failure)
        else:
            attempt.prompt.end(f"{failure}\n")  # nobody waits: whoever looks is told
        self._pages.notify()

    def _tell_waiting(self, failure: OIDCError) -> None:
        """End the waiting of those who can't be helped by a click on "Try again"."""
        if self._pages.on_screen:
            self._state.fail(failure, "blocking", "awaiting")
        else:
            self._state.fail(failure)

    def use(self, attempt: Attempt, session: KernelSession, *, recalled: bool = False) -> None:
        """Take the session that it led to."""
        with self._lock:
            attempt_is_wanted = self._attempt is attempt
            former: KernelSession | None = session
            if attempt_is_wanted:
                self._attempt = None
                self._pages.shown = {}
                former, self._session = self._session, session
        if attempt.loopback is not None:
            attempt.loopback.close()
        if attempt_is_wanted:
            # Said first: with the token, the script goes on and says things of its own.
            done = f"Signed in as {session.account}.\n" if session.account else "Signed in.\n"
            done += f"{attempt.why}\n" if attempt.why else ""
            if self._pages.on_screen:
                attempt.prompt.close(done)
            elif not attempt.silent:
                attempt.prompt.end(done)
            session.join(self, self._request)
            self._shared.add(session)
        if former is session:
            session.end(kept=recalled)
        elif former is not None:
            former.leave(self)
        self._pages.notify()


def _elsewhere() -> SignInError:
    return SignInError(
        "A cell waits for the address, and while it runs, nothing comes through from here.",
        code="no_express_lane",
        hint="Paste it into the field below that cell.",
    )
