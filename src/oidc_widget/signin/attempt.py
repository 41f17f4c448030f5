"""One sign-in that this process makes itself: which way it goes, and what is shown meanwhile."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError, SignInError
from oidc_widget.oauth import clock
from oidc_widget.oauth.device_authorization import GRANT, DeviceAuthorization
from oidc_widget.oauth.http import open_client
from oidc_widget.oauth.provider import discover
from oidc_widget.oauth.token_endpoint import TokenEndpoint
from oidc_widget.signin.browser_source import takes_comms_while_awaiting
from oidc_widget.signin.control_channel import running_kernel
from oidc_widget.signin.pasted_redirect import PastedRedirect, nobody_to_ask
from oidc_widget.signin.prompt import (
    Prompt,
    device_fields,
    device_text,
    loopback_text,
    paste_fields,
    paste_text,
)
from oidc_widget.signin.session import KernelSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from oidc_widget.errors import OIDCError
    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider
    from oidc_widget.oauth.token_endpoint import TokenResponse
    from oidc_widget.signin.loopback import LoopbackRedirect
    from oidc_widget.signin.pages import Pages
    from oidc_widget.signin.state import State
    from oidc_widget.signin.threads import Worker

__all__ = ["Attempt", "is_cut_off"]


class Owner(Protocol):
    """Who makes an attempt, one at a time, and is told what comes of it."""

    def wants(self, attempt: Attempt) -> bool:
        """Whether it was not given up."""

    def guarded(self, attempt: Attempt, step: Callable[[], None]) -> None:
        """Do a step of an attempt that is still wanted; what goes wrong ends it."""

    def goes_on(self, attempt: Attempt) -> bool:
        """Whether somebody asked for it, now that nothing was remembered; else it is over."""

    def note(self, attempt: Attempt, problem: OIDCError | None) -> None:
        """Show this in the pages, while the attempt goes on."""

    def use(self, attempt: Attempt, session: KernelSession, *, recalled: bool = False) -> None:
        """Take the session that it led to."""


class Attempt:
    """One sign-in that is under way: the browser of this machine, the device flow, or by hand.

    Its steps are the worker's, which may wait for the network. It holds its owner weakly.
    """

    def __init__(  # noqa: PLR0913  # each by name
        self,
        owner: Owner,
        *,
        request: Mapping[str, Any],
        options: Mapping[str, Any],
        state: State,
        pages: Pages,
        worker: Worker,
        page: str | None = None,
        silent: bool = False,
    ) -> None:
        self._reference = weakref.ref(owner)
        self._request = request
        self._options = options
        self._state = state
        self._pages = pages
        self._worker = worker
        #: The page that was clicked in, if one was.
        self.page = page
        #: Nobody has asked for it yet: it goes on with what is remembered, or not at all.
        self.silent = silent
        self.begun = clock.now()
        self.prompt = Prompt()
        self.way: DeviceAuthorization | PastedRedirect | None = None
        #: Why this one is tried.
        self.why = ""
        self.loopback: LoopbackRedirect | None = None
        #: What is tried when this one comes to nothing.
        self._ways: Iterator[DeviceAuthorization | PastedRedirect] = iter(())
        self._client: Client | None = None
        self._endpoint: TokenEndpoint | None = None

    def step(self, call: Callable[..., None], *arguments: object) -> Callable[..., None]:
        """Return a call of this step; a widget that nobody uses any more need not wait for it."""
        reference, method = self._reference, weakref.WeakMethod(call)

        def take(*more: object) -> None:
            owner, attempt, made = reference(), weak(), method()
            if owner is not None and attempt is not None and made is not None:
                owner.guarded(attempt, partial(made, *arguments, *more))

        weak = weakref.ref(self)
        return take

    def close(self) -> None:
        """Let go of what it holds open."""
        if self.loopback is not None:
            self.loopback.close()
        if self._client is not None:
            self._client.close()

    @property
    def _owner(self) -> Owner:
        owner = self._reference()
        if owner is None:  # a step runs only while there is one
            raise ReferenceError
        return owner

    def begin(self) -> None:
        """Ask the provider what it offers, and take the first way."""
        request = self._request
        if not request.get("authority") or not request.get("client_id"):
            raise ConfigurationError(
                "Without a window, a sign-in needs authority and client_id: the providers that the server's "
                "administrator configured are known to its pages only."
            )
        self._client = open_client()
        provider = discover(self._client, request["authority"])
        self._endpoint = TokenEndpoint(provider, request["client_id"], self._client)
        if not self._owner.wants(self) or self._is_recalled(self._endpoint, self._client):
            return  # cancelled meanwhile, or no more to do
        self._ways = self._ways_of(self._endpoint)
        self._go(next(self._ways))

    def _is_recalled(self, endpoint: TokenEndpoint, client: Client) -> bool:
        """Whether no more is to be done: a remembered sign-in goes on, or nobody asked for another one."""
        if self._options.get("remember"):
            from oidc_widget.signin.remembered import recall  # noqa: PLC0415  # an extra, and asked for by name

            session, self.why = recall(endpoint, self._request, client, self.begun)
            if session is not None:
                self._owner.use(self, session, recalled=True)
                return True
        if self._owner.goes_on(self):
            return False
        self.close()
        self._pages.notify()
        return True

    def _ways_of(self, endpoint: TokenEndpoint) -> Iterator[DeviceAuthorization | PastedRedirect]:
        """Return one way after the other, as each is needed; the last one is always there."""
        provider, flow = endpoint.provider, self._options["flow"]
        loopback = self._loopback(provider) if flow in {"auto", "loopback"} else None
        if loopback is not None:
            yield loopback
        if flow != "paste" and _has_device_flow(provider):
            # Which is perhaps announced for all, and refused to this client.
            device = DeviceAuthorization.request(endpoint, self._request, now=clock.now)
            if device is not None:
                yield device
        yield PastedRedirect(provider, self._request)

    def _loopback(self, provider: Provider) -> LoopbackRedirect | None:
        """Open the system's browser, where that is asked for or sure to be the person's own."""
        from oidc_widget.signin import loopback  # noqa: PLC0415  # most do without what it loads

        asked_for, page = self._options["flow"] == "loopback", self.page
        if not asked_for and page is None and running_kernel() is not None:
            return None  # nobody has clicked in a page that can open no window
        pages, worker, exchange = self._pages, self._worker, self.step(self.exchange)
        probe = lambda address: pages.tell("probe", page=page, address=address)  # noqa: E731  # short
        try:
            way = self.loopback = loopback.begin(
                provider,
                self._request,
                lambda answered: worker.put(partial(exchange, answered)),
                asked_for=asked_for,
                probe=None if page is None else probe,
            )
        except SignInError as error:
            if asked_for:
                self.why = f"{self.why} {error.message}".lstrip()
            return None
        no_browser = self.step(self._fall_through, way, "No browser could be opened.")
        silent = f"The browser has sent no answer for {loopback.SILENCE:g} s."
        loopback.open_browser(way.url, lambda: worker.put(no_browser))
        worker.put(self.step(self._explain_silence, way), loopback.FIRST_SILENCE)
        worker.put(self.step(self._fall_through, way, silent), loopback.SILENCE)
        return way

    def _explain_silence(self, way: LoopbackRedirect) -> None:
        """Ask the provider whether its page refuses the redirect address: nothing would come back then."""
        if self.way is way and not way.answered:
            why = way.refusal(self._request, self._options.get("label"))
            if why is not None:
                self._fall_through(way, why)

    def _fall_through(self, way: LoopbackRedirect, why: str) -> None:
        """Show another way too; the answer of this one counts still."""
        if self.way is way and not way.answered:
            self.why = why
            self._go(next(self._ways))

    def _go(self, way: DeviceAuthorization | PastedRedirect) -> None:
        self.way = way
        if isinstance(way, DeviceAuthorization):
            self._pages.shown = {"device": device_fields(way)}
            self._poll_later(way, way.interval)
        elif way.asks:
            self._pages.shown = {"paste": paste_fields(way)}
            if is_cut_off(self._pages):
                self._state.fail(nobody_to_ask(), "awaiting")
        elif self.loopback is not None:
            self._pages.shown = {"loopback": {"redirect_uri": self.loopback.registered}}
        if self.why and self._pages.on_screen:
            self._owner.note(self, SignInError(self.why, code="authorization_failed"))
        self.present()
        self._pages.notify()

    def present(self) -> None:
        """Show what the person is to do."""
        way = self.way
        if not self._owner.wants(self) or way is None:
            return
        self._state.touch()  # the pages are told what to show
        if not self._pages.on_screen:
            name = self._name
            if isinstance(way, DeviceAuthorization):
                text = device_text(way, name)
            else:
                text = paste_text(way, name) if way.asks else loopback_text(way, name)
            self.prompt.show(f"{self.why}\n{text}" if self.why else text, f"Sign-in to {name}")

    def _poll(self, way: DeviceAuthorization) -> None:
        response, delay = way.poll()
        if response is None:
            self._poll_later(way, delay)
        else:
            self._finish(response)

    def _poll_later(self, way: DeviceAuthorization, delay: float) -> None:
        # No later than its end, which is then told in time.
        self._worker.put(self.step(self._poll, way), min(delay, way.expires_in + 0.01))

    def exchange(self, way: PastedRedirect) -> None:
        """Redeem the code that came, over whichever way."""
        if self._endpoint is not None:
            self._finish(way.exchange(self._endpoint), nonce=way.nonce)

    def _finish(self, response: TokenResponse, *, nonce: str | None = None) -> None:
        endpoint, client = self._endpoint, self._client
        if endpoint is None or client is None:
            return
        try:
            session = KernelSession(endpoint, self._request, client, response, asked=self.begun, nonce=nonce)
        except BaseException:
            # What isn't used must not stay usable.
            if response.refresh_token is not None:
                endpoint.revoke(response.refresh_token, "refresh_token")
            else:
                endpoint.revoke(response.access_token, "access_token")
            raise
        self.why = ""
        if self._options.get("remember"):
            from oidc_widget.signin.remembered import keep  # noqa: PLC0415  # an extra, and asked for by name

            self.why = keep(session, self._request)
        self._owner.use(self, session)

    @property
    def _name(self) -> str:
        return str(self._options.get("label") or urlsplit(self._request["authority"]).netloc)


def is_cut_off(pages: Pages) -> bool:
    """Whether nothing comes from a page, or from another cell, while one awaits."""
    return not (pages.on_screen and takes_comms_while_awaiting())


def _has_device_flow(provider: Provider) -> bool:
    if not provider.offers("device_authorization_endpoint"):
        return False
    grants = provider.metadata.get("grant_types_supported")  # may be left out (RFC 8414 §2)
    return not isinstance(grants, list) or GRANT in grants
