"""Signing in without a window of one's own: this process asks the provider itself (RFC 8628).

There is no vault here, so this process's memory holds the refresh token, and nothing else does.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError, OIDCError, SignInError, TokenError
from oidc_widget.oauth.device_authorization import DeviceAuthorization
from oidc_widget.oauth.http import open_client
from oidc_widget.oauth.provider import discover
from oidc_widget.oauth.retry import RetrySchedule
from oidc_widget.oauth.token_endpoint import TokenEndpoint
from oidc_widget.signin.browser_source import serves_comms, takes_comms_while_awaiting
from oidc_widget.signin.device_display import device_fields, device_text, paste_fields, paste_text
from oidc_widget.signin.interruptible import wait_for
from oidc_widget.signin.pasted_redirect import PasteBack, nobody_to_ask, prompt
from oidc_widget.signin.prompt import Notice
from oidc_widget.signin.session import KernelSession
from oidc_widget.signin.token_cache import OWN
from oidc_widget.signin.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.oauth.access_token import AccessToken
    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.token_endpoint import TokenResponse
    from oidc_widget.signin.sign_in import Desk
    from oidc_widget.signin.token_cache import Target

__all__ = ["DeviceSource"]

#: After these, no new token is to be had for the session; all else is tried again.
_FINAL = frozenset({"invalid_grant", "unknown_client", "id_token_invalid"})


@dataclass(eq=False)
class _Attempt:
    """One sign-in that is under way."""

    notice: Notice = field(default_factory=Notice)
    client: Client | None = None
    endpoint: TokenEndpoint | None = None
    way: DeviceAuthorization | PasteBack | None = None


class DeviceSource:
    """The device flow as a source of tokens; by hand where the provider has no device flow.

    Nothing here waits for the network: that is the worker's.

    Parameters
    ----------
    desk : Desk
        Takes the tokens.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._worker = Worker("oidc-widget-device")
        self._attempt: _Attempt | None = None
        self._session: KernelSession | None = None
        self._retry = RetrySchedule()
        self._news = threading.Condition()

    # ---- what a source can be asked ----------------------------------------------------------------

    def sign_in(self) -> None:
        """Ask the provider for a code, and show it; while one is out, show that."""
        with self._lock:
            attempt, begun = self._attempt, self._attempt is not None
            if attempt is None:
                attempt = self._attempt = _Attempt()
        if begun:
            attempt.notice.move()
            self._worker.put(partial(self._present, attempt))
            return
        self._desk.keeper.take_status("signing_in")
        self._worker.put(partial(self._guarded, attempt, partial(self._begin, attempt)))

    def cancel(self) -> None:
        """Forget the code."""
        if self._give_up():
            self._desk.keeper.take_status("signed_out")

    def sign_out(self) -> None:
        """Revoke the refresh token, in a thread that the interpreter waits for at its end."""
        self._worker.clear()
        self._give_up()
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            threading.Thread(target=session.end, name="oidc-widget-revoke", daemon=False).start()

    def _give_up(self) -> bool:
        with self._lock:
            attempt, self._attempt = self._attempt, None
        if attempt is None:
            return False
        attempt.notice.close("The sign-in was cancelled.")
        self._worker.put(partial(_close, attempt))
        return True

    def refresh(self) -> None:
        """Get a new token now."""
        session = self._session
        if session is not None:
            self._worker.put(partial(self._renew, session, None))

    def request_token(self, question_id: str, target: Target, min_ttl: float | None) -> None:
        """Get a token for this target."""
        session = self._session
        if session is None:
            raise TokenError("Nobody is signed in.", hint="Sign in: w.sign_in(), then w.wait().")
        self._worker.put(partial(self._answer, session, question_id, target, min_ttl))

    def expect(self) -> None:
        """Start a sign-in, since somebody waits for one."""
        session = self._session
        if session is not None and session.renewable:
            self.refresh()
        elif self._attempt is None:
            self.sign_in()

    def obstacle(self, *, blocking: bool) -> OIDCError | None:
        """Name the one case: an address is to be handed in, and this cell holds up whatever could do that."""
        if blocking or not serves_comms() or self._question() is None or not self._is_cut_off():
            return None  # who blocks is asked
        return nobody_to_ask()

    def replaceable(self) -> bool:
        """Whether nobody is signed in, or about to be."""
        return self._attempt is None and self._session is None

    def reachable(self) -> bool:
        """Whether a sign-in can arrive: it can."""
        return True

    def shown(self) -> Mapping[str, Any]:
        """Return the code and the link, or the link to open by hand."""
        attempt = self._attempt
        way = attempt.way if attempt is not None else None
        if isinstance(way, DeviceAuthorization):
            return {"device": device_fields(way)}
        return {"paste": paste_fields(way)} if isinstance(way, PasteBack) else {}

    # ---- by hand -----------------------------------------------------------------------------------

    def paste(self, address: str, *, from_page: bool = False) -> None:
        """Take the address that the person landed on.

        Raises
        ------
        SignInError
            If it does not answer the link that was shown; another one may be pasted. A page is told by the
            state instead.
        """
        try:
            self._take_address(address)
        except SignInError as error:
            if not from_page:
                raise
            if self._attempt is not None:
                self._desk.keeper.take_status("signing_in", error)

    def _take_address(self, address: str) -> None:
        attempt = self._attempt
        if attempt is None or not isinstance(attempt.way, PasteBack):
            raise SignInError(
                "No sign-in waits for an address.",
                code="authorization_failed",
                hint="Start one: w.sign_in().",
            )
        attempt.way.accept(address)
        self._worker.put(partial(self._guarded, attempt, partial(self._exchange, attempt)))

    def converse(self, deadline: float) -> None:
        """Ask for the address, if the sign-in goes by hand: a field in a page is not heard meanwhile."""
        if threading.current_thread() is not threading.main_thread():
            return
        wait_for(self._news, lambda: self._attempt is None or self._attempt.way is not None, deadline)
        attempt = self._question()
        if attempt is None:
            return
        if self._on_screen:
            self._note(attempt, _elsewhere())
        try:
            prompt(self.paste, lambda: self._question() is attempt, deadline)
        finally:
            self._note(attempt, None)

    def _question(self) -> _Attempt | None:
        """Return the attempt if it waits for an address."""
        attempt = self._attempt
        if attempt is None or not isinstance(attempt.way, PasteBack) or attempt.way.answered:
            return None
        return attempt

    def _note(self, attempt: _Attempt, problem: SignInError | None) -> None:
        """Show this beside the field in the pages, while the attempt goes on."""
        with self._lock:
            if self._attempt is attempt:
                self._desk.keeper.take_status("signing_in", problem)

    def _is_cut_off(self) -> bool:
        """Whether nothing comes from a page, or from another cell, while one awaits."""
        return not (self._on_screen and takes_comms_while_awaiting())

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
            failure = SignInError(
                f"The sign-in failed for a reason that was not foreseen ({type(cause).__name__}).",
                hint="Try again; if it happens again, please report it.",
            )
            failure.__cause__ = cause.with_traceback(None)
        else:
            return
        with self._lock:
            if self._attempt is not attempt:
                return
            self._attempt = None
        _close(attempt)
        self._desk.keeper.take_status("error", failure)
        if self._on_screen or self._desk.keeper.awaited:
            attempt.notice.close("The sign-in failed.")
            self._tell_waiting(failure)
        else:
            attempt.notice.end(f"{failure}\n")  # nobody waits: whoever looks is told
        self._notify()

    def _tell_waiting(self, failure: OIDCError) -> None:
        """End the waiting of those who can't be helped by a click on "Try again"."""
        if self._on_screen:
            self._desk.keeper.fail(failure, "blocking", "awaiting")
        else:
            self._desk.keeper.fail(failure)

    def _begin(self, attempt: _Attempt) -> None:
        request = self._desk.request
        if not request.get("authority") or not request.get("client_id"):
            raise ConfigurationError(
                "Without a window, a sign-in needs authority and client_id: the providers that the server's "
                "administrator configured are known to its pages only."
            )
        attempt.client = open_client()
        provider = discover(attempt.client, request["authority"])
        attempt.endpoint = TokenEndpoint(provider, request["client_id"], attempt.client)
        if provider.offers("device_authorization_endpoint"):
            way = attempt.way = DeviceAuthorization.request(attempt.endpoint, request)
            self._worker.put(partial(self._guarded, attempt, partial(self._poll, attempt, way)), way.interval)
        else:
            attempt.way = PasteBack(provider, request)
            if self._is_cut_off():
                self._desk.keeper.fail(nobody_to_ask(), "awaiting")
        self._present(attempt)
        self._notify()

    def _present(self, attempt: _Attempt) -> None:
        way = attempt.way
        if self._attempt is not attempt or way is None:
            return
        self._desk.tell_state()
        if not self._on_screen:
            name = self._name
            text = device_text(way, name) if isinstance(way, DeviceAuthorization) else paste_text(way, name)
            attempt.notice.show(text, f"Sign-in to {name}")

    def _poll(self, attempt: _Attempt, authorization: DeviceAuthorization) -> None:
        response, delay = authorization.poll()
        if response is not None:
            self._finish(attempt, response)
            return
        step = partial(self._poll, attempt, authorization)
        self._worker.put(partial(self._guarded, attempt, step), min(delay, authorization.expires_in + 0.01))

    def _exchange(self, attempt: _Attempt) -> None:
        way, endpoint = attempt.way, attempt.endpoint
        if isinstance(way, PasteBack) and endpoint is not None:
            self._finish(attempt, way.exchange(endpoint), nonce=way.nonce)

    def _finish(self, attempt: _Attempt, response: TokenResponse, *, nonce: str | None = None) -> None:
        endpoint, client = attempt.endpoint, attempt.client
        if endpoint is None or client is None:
            return
        try:
            session = KernelSession(endpoint, self._desk.request, client, response, nonce=nonce)
        except OIDCError:
            # What isn't used must not stay usable.
            if response.refresh_token is not None:
                endpoint.revoke(response.refresh_token, "refresh_token")
            else:
                endpoint.revoke(response.access_token, "access_token")
            raise
        with self._lock:
            wanted = self._attempt is attempt
            former: KernelSession | None = session
            if wanted:
                self._attempt = None
                former, self._session = self._session, session
        if wanted:
            # Said first: with the token, the script goes on and says things of its own.
            done = f"Signed in as {session.account}.\n" if session.account else "Signed in.\n"
            if self._on_screen:
                attempt.notice.close(done)
            else:
                attempt.notice.end(done)
            self._deliver(session)
        if former is not None:
            former.end()
        self._notify()

    def _deliver(self, session: KernelSession) -> None:
        """Hand the session's token in, unless somebody signed out meanwhile, and see to its renewal."""
        self._retry.succeeded()
        share = self._desk.options.get("share_id_token") and session.id_token is not None
        with self._lock:  # a sign-out comes before, or after and takes the token away
            if self._session is not session:
                return
            self._desk.keeper.take_token(
                session.token,
                claims=session.claims,
                account=session.account,
                id_token=session.id_token.reveal() if share and session.id_token is not None else None,
            )
        renew_in = session.renew_in
        if self._desk.options.get("auto_refresh") and session.renewable and renew_in != float("inf"):
            self._worker.put(partial(self._renew, session, session.token), renew_in)

    def _renew(self, session: KernelSession, instead_of: AccessToken | None) -> None:
        """Renew the token, unless somebody did so meanwhile; what fails for now is tried again."""
        if self._session is not session or (instead_of is not None and session.token is not instead_of):
            return
        failure = self._renewed(session)
        if failure is None:
            return
        if failure.code in _FINAL or not self._desk.options.get("auto_refresh"):
            self._tell_waiting(failure)  # nothing is tried again by itself
        elif self._session is session and instead_of is not None:
            self._worker.put(partial(self._renew, session, instead_of), self._retry.failed())

    def _renewed(self, session: KernelSession) -> OIDCError | None:
        try:
            session.renew()
        except OIDCError as error:
            failure = error
        else:
            self._deliver(session)
            return None
        if self._session is session:
            if failure.code in _FINAL:
                self._end(session, failure)
            else:
                self._desk.keeper.take_status("expired", failure)
        return failure

    def _end(self, session: KernelSession, reason: OIDCError) -> None:
        """Forget a session that the provider ended; its access token goes with it."""
        with self._lock:
            if self._session is session:
                self._session = None
        self._desk.keeper.take_status("expired", reason, ended=True)

    def _answer(
        self, session: KernelSession, question_id: str, target: Target, min_ttl: float | None
    ) -> None:
        result: AccessToken | OIDCError
        try:
            if target != OWN:
                result = session.token_for(target)
            elif min_ttl is not None and session.token.serves(min_ttl):
                result = session.token
            else:
                result = self._renewed(session) or session.token
        except OIDCError as error:
            result = error
            if error.code == "invalid_grant" and self._session is session:
                self._end(session, error)
        self._desk.answer(question_id, result)

    # ---- showing -----------------------------------------------------------------------------------

    @property
    def _on_screen(self) -> bool:
        """Whether a page shows the widget, so that whoever looks at it can click."""
        return self._desk.displayed and self._desk.browser.present

    @property
    def _name(self) -> str:
        return str(self._desk.options.get("label") or urlsplit(self._desk.request["authority"]).netloc)

    def _notify(self) -> None:
        with self._news:
            self._news.notify_all()


def _close(attempt: _Attempt) -> None:
    if attempt.client is not None:
        attempt.client.close()


def _elsewhere() -> SignInError:
    return SignInError(
        "A cell waits for the address, and while it runs, nothing comes through from here.",
        code="no_express_lane",
        hint="Paste it into the field below that cell.",
    )
