"""Signing in without a window of one's own: this process asks the provider itself (RFC 8628).

There is no vault here, so this process's memory holds the refresh token, and nothing else does.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError, OIDCError, SignInError, TokenError
from oidc_widget.oauth import clock
from oidc_widget.oauth.device_authorization import GRANT, DeviceAuthorization
from oidc_widget.oauth.http import open_client
from oidc_widget.oauth.provider import discover
from oidc_widget.oauth.token_endpoint import TokenEndpoint
from oidc_widget.signin.browser_source import serves_comms, takes_comms_while_awaiting
from oidc_widget.signin.control_channel import running_kernel
from oidc_widget.signin.nobody import nobody_here, what_to_set
from oidc_widget.signin.pasted_redirect import PastedRedirect, nobody_to_ask
from oidc_widget.signin.prompt import (
    Prompt,
    ask,
    device_fields,
    device_text,
    loopback_text,
    paste_fields,
    paste_text,
)
from oidc_widget.signin.session import KernelSession, unforeseen, wanted
from oidc_widget.signin.sharing import serves, sessions_here
from oidc_widget.signin.threads import Worker, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from oidc_widget.oauth.access_token import AccessToken
    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider
    from oidc_widget.oauth.token_endpoint import TokenResponse
    from oidc_widget.signin.loopback import LoopbackRedirect
    from oidc_widget.signin.pages import Pages
    from oidc_widget.signin.state import State
    from oidc_widget.signin.token_cache import Target, TokenCache

__all__ = ["KernelSource"]


@dataclass(eq=False)
class _Attempt:
    """One sign-in that is under way."""

    prompt: Prompt = field(default_factory=Prompt)
    begun: float = field(default_factory=clock.now)
    client: Client | None = None
    endpoint: TokenEndpoint | None = None
    way: DeviceAuthorization | PastedRedirect | None = None
    #: What is tried when this one comes to nothing.
    ways: Iterator[DeviceAuthorization | PastedRedirect] = field(default_factory=lambda: iter(()))
    #: Why this one is tried.
    why: str = ""
    loopback: LoopbackRedirect | None = None
    #: The page that was clicked in, if one was.
    page: str | None = None
    #: Nobody has asked for it yet: it goes on with what is remembered, or not at all.
    silent: bool = False

    def add(self, why: str) -> None:
        """Say this too."""
        self.why = f"{self.why} {why}".lstrip()


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
        self._attempt: _Attempt | None = None
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
            self._attempt = attempt = _Attempt(silent=True)
            self._worker.put(self._step(attempt, self._begin))

    def sign_in(self, page: str | None = None) -> None:
        """Ask the provider for a code, and show it; while one is out, show that.

        ``page``: the one that was clicked in.
        """
        with self._lock:
            attempt, begun = self._attempt, self._attempt is not None
            if attempt is None:
                attempt = self._attempt = _Attempt(page=page)
            if attempt.silent:
                attempt.silent, attempt.page = False, page
                self._state.take_status("signing_in")
        if begun:
            attempt.prompt.move()
            self._worker.put(partial(self._present, attempt))
            return
        self._state.take_status("signing_in")
        self._worker.put(self._step(attempt, self._begin))

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
        elif (why := nobody_here()) is not None:
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
        if blocking or not serves_comms() or self._question() is None or not self._is_cut_off():
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
        self._worker.put(partial(_close, attempt))
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
        self._worker.put(self._step(attempt, self._exchange, way))

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
            self._note(attempt, _elsewhere())
        try:
            ask(self.paste, lambda: self._question() is attempt, deadline)
        finally:
            self._note(attempt, None)

    def _knows_whether_to_ask(self) -> bool:
        """Whether the address is wanted, or never will be: of a browser, another way may still come."""
        attempt = self._attempt
        return attempt is None or (attempt.way is not None and attempt.way is not attempt.loopback)

    def _question(self) -> _Attempt | None:
        """Return the attempt if it waits for an address."""
        attempt = self._attempt
        if attempt is None or not isinstance(attempt.way, PastedRedirect) or not attempt.way.asks:
            return None
        return None if attempt.way.answered else attempt

    def _note(self, attempt: _Attempt, problem: SignInError | None) -> None:
        """Show this beside the field in the pages, while the attempt goes on."""
        with self._lock:
            if self._attempt is attempt:
                self._state.take_status("signing_in", problem)

    def _is_cut_off(self) -> bool:
        """Whether nothing comes from a page, or from another cell, while one awaits."""
        return not (self._pages.on_screen and takes_comms_while_awaiting())

    # ---- the worker's ------------------------------------------------------------------------------

    def _guarded(self, attempt: _Attempt, step: Callable[[], None]) -> None:
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
        _close(attempt)
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

    def _begin(self, attempt: _Attempt) -> None:
        request = self._request
        if not request.get("authority") or not request.get("client_id"):
            raise ConfigurationError(
                "Without a window, a sign-in needs authority and client_id: the providers that the server's "
                "administrator configured are known to its pages only."
            )
        attempt.client = open_client()
        provider = discover(attempt.client, request["authority"])
        attempt.endpoint = TokenEndpoint(provider, request["client_id"], attempt.client)
        if self._attempt is not attempt or self._is_recalled(attempt, attempt.endpoint, attempt.client):
            return  # cancelled meanwhile, or no more to do
        attempt.ways = self._ways(attempt, attempt.endpoint)
        self._go(attempt, next(attempt.ways))

    def _is_recalled(self, attempt: _Attempt, endpoint: TokenEndpoint, client: Client) -> bool:
        """Whether no more is to be done: a remembered sign-in goes on, or nobody asked for another one."""
        if self._options.get("remember"):
            from oidc_widget.signin.remembered import recall  # noqa: PLC0415  # an extra, and asked for by name

            session, attempt.why = recall(endpoint, self._request, client, attempt.begun)
            if session is not None:
                self._use(attempt, session, recalled=True)
                return True
        with self._lock:
            if attempt.silent and self._attempt is attempt:
                self._attempt = None
        if self._attempt is attempt:
            return False
        _close(attempt)
        self._pages.notify()
        return True

    def _ways(
        self, attempt: _Attempt, endpoint: TokenEndpoint
    ) -> Iterator[DeviceAuthorization | PastedRedirect]:
        """Return one way after the other, as each is needed; the last one is always there."""
        provider, flow = endpoint.provider, self._options["flow"]
        loopback = self._loopback(attempt, provider) if flow in {"auto", "loopback"} else None
        if loopback is not None:
            yield loopback
        if flow != "paste" and _has_device_flow(provider):
            # Which is perhaps announced for all, and refused to this client.
            device = DeviceAuthorization.request(endpoint, self._request, now=clock.now)
            if device is not None:
                yield device
        yield PastedRedirect(provider, self._request)

    def _loopback(self, attempt: _Attempt, provider: Provider) -> LoopbackRedirect | None:
        """Open the system's browser, where that is asked for or sure to be the person's own."""
        from oidc_widget.signin import loopback  # noqa: PLC0415  # most do without what it loads

        asked_for, page = self._options["flow"] == "loopback", attempt.page
        if not asked_for and page is None and running_kernel() is not None:
            return None  # nobody has clicked in a page that can open no window
        probe = None if page is None else partial(self._probe, page)
        worker, exchange = self._worker, self._step(attempt, self._exchange)
        try:
            way = attempt.loopback = loopback.begin(
                provider,
                self._request,
                lambda answered: worker.put(partial(exchange, answered)),
                asked_for=asked_for,
                probe=probe,
            )
        except SignInError as error:
            if asked_for:
                attempt.add(error.message)
            return None
        no_browser = self._step(attempt, self._fall_through, way, "No browser could be opened.")
        silent = f"The browser has sent no answer for {loopback.SILENCE:g} s."
        loopback.open_browser(way.url, lambda: worker.put(no_browser))
        worker.put(self._step(attempt, self._explain_silence, way), loopback.FIRST_SILENCE)
        worker.put(self._step(attempt, self._fall_through, way, silent), loopback.SILENCE)
        return way

    def _probe(self, page: str, address: str) -> None:
        self._pages.tell("probe", page=page, address=address)

    def _step(self, attempt: _Attempt, step: Callable[..., None], *arguments: object) -> Callable[..., None]:
        """Return a call of this step; a widget that nobody uses any more need not wait for it."""
        reference, method = weakref.ref(self), weakref.WeakMethod(step)

        def take(*more: object) -> None:
            source, call = reference(), method()
            if source is not None and call is not None:
                source._guarded(attempt, partial(call, attempt, *arguments, *more))  # noqa: SLF001  # its own

        return take

    def _explain_silence(self, attempt: _Attempt, way: LoopbackRedirect) -> None:
        """Ask the provider whether its page refuses the redirect address: nothing would come back then."""
        if attempt.way is way and not way.answered:
            why = way.refusal(self._request, self._options.get("label"))
            if why is not None:
                self._fall_through(attempt, way, why)

    def _fall_through(self, attempt: _Attempt, way: LoopbackRedirect, why: str) -> None:
        """Show another way too; the answer of this one counts still."""
        if attempt.way is way and not way.answered:
            attempt.why = why
            self._go(attempt, next(attempt.ways))

    def _go(self, attempt: _Attempt, way: DeviceAuthorization | PastedRedirect) -> None:
        attempt.way = way
        if isinstance(way, DeviceAuthorization):
            self._pages.shown = {"device": device_fields(way)}
            self._poll_later(attempt, way, way.interval)
        elif way.asks:
            self._pages.shown = {"paste": paste_fields(way)}
            if self._is_cut_off():
                self._state.fail(nobody_to_ask(), "awaiting")
        elif attempt.loopback is not None:
            self._pages.shown = {"loopback": {"redirect_uri": attempt.loopback.registered}}
        if attempt.why and self._pages.on_screen:
            self._note(attempt, SignInError(attempt.why, code="authorization_failed"))
        self._present(attempt)
        self._pages.notify()

    def _present(self, attempt: _Attempt) -> None:
        way = attempt.way
        if self._attempt is not attempt or way is None:
            return
        self._state.touch()  # the pages are told what to show
        if not self._pages.on_screen:
            name = self._name
            if isinstance(way, DeviceAuthorization):
                text = device_text(way, name)
            else:
                text = paste_text(way, name) if way.asks else loopback_text(way, name)
            attempt.prompt.show(f"{attempt.why}\n{text}" if attempt.why else text, f"Sign-in to {name}")

    def _poll(self, attempt: _Attempt, way: DeviceAuthorization) -> None:
        response, delay = way.poll()
        if response is None:
            self._poll_later(attempt, way, delay)
        else:
            self._finish(attempt, response)

    def _poll_later(self, attempt: _Attempt, way: DeviceAuthorization, delay: float) -> None:
        # No later than its end, which is then told in time.
        self._worker.put(self._step(attempt, self._poll, way), min(delay, way.expires_in + 0.01))

    def _exchange(self, attempt: _Attempt, way: PastedRedirect) -> None:
        if attempt.endpoint is not None:
            self._finish(attempt, way.exchange(attempt.endpoint), nonce=way.nonce)

    def _finish(self, attempt: _Attempt, response: TokenResponse, *, nonce: str | None = None) -> None:
        endpoint, client = attempt.endpoint, attempt.client
        if endpoint is None or client is None:
            return
        try:
            session = KernelSession(
                endpoint, self._request, client, response, asked=attempt.begun, nonce=nonce
            )
        except BaseException:
            # What isn't used must not stay usable.
            if response.refresh_token is not None:
                endpoint.revoke(response.refresh_token, "refresh_token")
            else:
                endpoint.revoke(response.access_token, "access_token")
            raise
        attempt.why = ""
        if self._options.get("remember"):
            from oidc_widget.signin.remembered import keep  # noqa: PLC0415  # an extra, and asked for by name

            attempt.why = keep(session, self._request)
        self._use(attempt, session)

    def _use(self, attempt: _Attempt, session: KernelSession, *, recalled: bool = False) -> None:
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

    @property
    def _name(self) -> str:
        return str(self._options.get("label") or urlsplit(self._request["authority"]).netloc)


def _has_device_flow(provider: Provider) -> bool:
    if not provider.offers("device_authorization_endpoint"):
        return False
    grants = provider.metadata.get("grant_types_supported")  # may be left out (RFC 8414 §2)
    return not isinstance(grants, list) or GRANT in grants


def _close(attempt: _Attempt) -> None:
    if attempt.loopback is not None:
        attempt.loopback.close()
    if attempt.client is not None:
        attempt.client.close()


def _elsewhere() -> SignInError:
    return SignInError(
        "A cell waits for the address, and while it runs, nothing comes through from here.",
        code="no_express_lane",
        hint="Paste it into the field below that cell.",
    )
