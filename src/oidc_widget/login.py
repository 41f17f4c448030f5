"""``OIDCLogin``: the sign-in widget and the token that it keeps fresh."""

from __future__ import annotations

import sys
import uuid
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import anywidget
import traitlets

from oidc_widget.errors import ConfigurationError
from oidc_widget.fresh_tokens import FreshTokens
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.oauth.reserved import refuse_reserved
from oidc_widget.parameters import explained, flag, parameters, text, texts
from oidc_widget.signin import control_channel
from oidc_widget.signin.live_trait import Live
from oidc_widget.signin.sign_in import SignIn
from oidc_widget.signin.state import Snapshot
from oidc_widget.signin.threads import Observers, scheduler
from oidc_widget.signin.token_cache import OWN, Target
from oidc_widget.signin.token_source import SignInTokens
from oidc_widget.signin.widget_registry import hold_weakly, is_contained, put_on_screen, take_off_screen
from oidc_widget.token_file import TokenFile, named, remove_what_was_left

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from oidc_widget.auth import BearerAuth
    from oidc_widget.diagnosis.report import Report
    from oidc_widget.errors import OIDCError
    from oidc_widget.signin.messages import Status

__all__ = ["OIDCLogin"]

_STATIC = Path(__file__).parent / "static"
Flow = Literal["auto", "popup", "loopback", "device", "paste"]
_MIME_TYPE = "application/vnd.oidc-widget.sign-in+json"
_WITHOUT_KERNEL = (
    "A sign-in button stood here. Run this cell to sign in; nothing of a sign-in is kept in this file."
)
#: What is the kernel's to say, and no page's.
_NOT_A_PAGES = frozenset({"_css", "_esm", "_link_id", "_options", "_request", "status"})


class OIDCLogin(anywidget.AnyWidget):
    """Sign in with an OpenID provider; the access token arrives in this kernel and stays fresh.

    Displayed in a notebook, it shows a button. After the sign-in, :attr:`access_token` is there at once, also
    while a cell runs, and is replaced before it expires, until the sign-out. The refresh token never leaves
    the browser; the access token is in no synced state, so it is never saved into a notebook.

    Parameters
    ----------
    authority : str
        The provider's issuer address, with or without ``/.well-known/openid-configuration``.
    client_id : str
        The public client that is registered for notebooks.
    provider : str, optional
        In place of both: the name of a provider that the Jupyter server's administrator configured.
    scopes : sequence of str, or str
        What to ask for (OpenID Connect Core §5.4); a text is split at its spaces. Some providers
        need ``offline_access`` for refreshing.
    resource : str, optional
        The API that the token is for, as a resource indicator (RFC 8707).
    audience : str, optional
        The same, for providers that want it under this name.
    extra_params : mapping of str to str or int
        More for the authorization request: ``prompt``, ``acr_values``, ``login_hint``, …; ``claims``
        (OpenID Connect Core §5.5) also as a mapping, which is sent as JSON. ``None`` leaves one out; what the
        sign-in sets itself (``client_id``, ``state``, ``nonce``, …) is refused.
    redirect_uri : str, optional
        The registered redirect address, where it is not this Jupyter server's own callback.
    flow : {"auto", "popup", "loopback", "device", "paste"}
        ``"auto"`` takes the popup where there is one; else this machine's browser, if the person sits at
        this machine (``"loopback"``, RFC 8252 §7.3); else the device flow (RFC 8628), or by hand.
    auto_refresh : bool
        Whether the token is renewed before it expires.
    share_id_token : bool
        Whether the ID token is handed to the kernel too, as :attr:`id_token`.
    label : str, optional
        The provider's name on the button.
    remember : bool
        Whether a sign-in of this kernel's own (loopback, device flow, by hand) is kept in the operating
        system's store for the next kernels, until it is signed out; without effect in the browser flow.

    Raises
    ------
    ConfigurationError
        When a parameter is missing or of the wrong kind.
    """

    # As text: of a path, anywidget watches the file, and its watch holds each instance for ever.
    _esm = (_STATIC / "widget.js").read_text("utf-8")
    _css = (_STATIC / "widget.css").read_text("utf-8")

    _link_id = traitlets.Unicode().tag(sync=True)
    _request = traitlets.Dict().tag(sync=True)
    _options = traitlets.Dict().tag(sync=True)
    #: The status that a page has heard of. The page sets it, because some hosts (marimo) run cells again only
    #: for what a page has changed.
    _heard = traitlets.Unicode("signed_out").tag(sync=True)

    if TYPE_CHECKING:

        @property
        def access_token(self) -> str | None:
            """The access token, while it lives. Observable, and in no synced state."""

        @property
        def status(self) -> Status:
            """How far the sign-in is. Observable."""

        @property
        def value(self) -> Mapping[str, Any]:
            """Who is signed in and until when, for marimo and other reactive hosts. Observable.

            ``status``; ``name`` and ``sub`` of the person; ``expires_at`` of the token at hand, an aware
            ``datetime``: each ``None`` where it isn't known. No token, and in no synced state.
            """
    else:
        access_token = Live(
            None,
            allow_none=True,
            read_only=True,
            help="The access token, while it lives; ``None`` without one.",
        )
        status = Live("signed_out", read_only=True, help="How far the sign-in is.").tag(sync=True)
        value = Live({}, read_only=True, help="Who is signed in, and until when; no token.")

    #: Nothing is held any more, or not yet.
    _closed = True

    def __init__(  # noqa: PLR0913  # each is one thing that a person may want otherwise
        self,
        authority: str | None = None,
        client_id: str | None = None,
        *,
        provider: str | None = None,
        scopes: Sequence[str] | str = ("openid", "profile", "email"),
        resource: str | None = None,
        audience: str | None = None,
        extra_params: Mapping[str, Any] | None = None,
        redirect_uri: str | None = None,
        flow: Flow = "auto",
        auto_refresh: bool = True,
        share_id_token: bool = False,
        label: str | None = None,
        remember: bool = False,
    ) -> None:
        if provider is not None and (authority is not None or client_id is not None):
            raise ConfigurationError(
                "provider is given together with authority or client_id, but it names one that the server's "
                "administrator configured with both.",
                hint="Leave out provider, or authority and client_id.",
            )
        if provider is None and authority is None and client_id is None:
            raise ConfigurationError(
                "It isn't said where to sign in: authority is missing, and client_id too.",
                hint='Write OIDCLogin(authority="https://idp.example.com", client_id="notebooks"), or '
                'OIDCLogin(provider="NAME") for one that the server\'s administrator configured.',
            )
        request = {
            "authority": text("authority", authority, needed=provider is None),
            "client_id": text("client_id", client_id, needed=provider is None),
            "provider": text("provider", provider),
            "scopes": texts("scopes", scopes),
            "resource": text("resource", resource),
            "audience": text("audience", audience),
            "extra_params": refuse_reserved(parameters("extra_params", extra_params)),
            "redirect_uri": text("redirect_uri", redirect_uri),
        }
        if flow not in get_args(Flow):
            raise ConfigurationError(f"flow is {flow!r}, but must be one of {', '.join(get_args(Flow))}.")
        options = {
            "auto_refresh": flag("auto_refresh", auto_refresh),
            "share_id_token": flag("share_id_token", share_id_token),
            "label": text("label", label),
            "flow": flow,
            "remember": flag("remember", remember),
        }
        self._what = {"request": request, "options": options}
        #: What observers were told last.
        self._told: dict[str, object] = {
            "access_token": None,
            "value": Snapshot().value,
            "status": "signed_out",
        }
        self._tokens: dict[Target, FreshTokens] = {}
        self._listeners: dict[Callable[[], None], None] = {}
        self._token_files: dict[Path | None, TokenFile] = {}
        remove_what_was_left()
        self._shown = False
        take_off_screen(self._what)
        link_id = uuid.uuid4().hex
        scheduler.start()
        self._observers = Observers(f"oidc-widget-{link_id[:8]}")
        self._sign_in = SignIn(request, options, send=self.send, changed=self._tell)
        super().__init__(model_id=link_id, _link_id=link_id, _request=request, _options=options)
        self._closed = False
        hold_weakly(self)
        hold_weakly(self.layout)
        self.on_msg(_receive_from_page)
        control_channel.register(link_id, self._sign_in)
        self._sign_in.start()

    if not TYPE_CHECKING:  # which sees by itself that nothing else is taken
        __init__ = explained(__init__)

    # ---- what there is ---------------------------------------------------------------------------

    @property
    def expires_in(self) -> float | None:
        """Seconds that the access token has left; ``None`` without one, or if the provider does not say."""
        token = self._sign_in.state.now.token
        if token is None or not token.lives() or token.expires == float("inf"):
            return None
        return token.expires_in

    @property
    def claims(self) -> Mapping[str, Any] | None:
        """The verified ID token's claims (OpenID Connect Core §2), read-only; ``None`` while signed out."""
        return self._sign_in.state.now.claims

    @property
    def id_token(self) -> str | None:
        """The ID token, if it was asked for with ``share_id_token=True``."""
        id_token = self._sign_in.state.now.id_token
        return None if id_token is None else id_token.reveal()

    @property
    def error(self) -> OIDCError | None:
        """Why there is no fresh token; ``None`` if all is well."""
        return self._sign_in.state.now.error

    @property
    def redirect_uri(self) -> str | None:
        """The exact address to register with the provider.

        The one that was given, else the one of the page, else the one of the sign-in by hand that is under
        way. So it is ``None`` in the cell that makes the widget, and known as soon as a page has shown it (or
        :meth:`wait` has shown the link). Before that, ``oidc-widget doctor AUTHORITY --jupyter URL`` prints
        it.
        """
        shown = self._sign_in.pages.shown
        by_hand = shown.get("paste") or shown.get("loopback") or {}
        given = self._sign_in.request["redirect_uri"]
        return given or self._sign_in.pages.redirect_uri or by_hand.get("redirect_uri")

    # ---- what one can do ---------------------------------------------------------------------------

    def sign_in(self) -> None:
        """Start a sign-in from code.

        It never opens a window: the page that shows the widget puts its button or a link in view, and the
        person clicks. Where this kernel signs in by itself, it shows the code.
        """
        self._sign_in.sign_in()

    def sign_out(self) -> None:
        """End the session: here at once, and wherever else it is used."""
        self._sign_in.sign_out()

    def refresh(self) -> None:
        """Ask for a new token now; it arrives in :attr:`access_token`."""
        self._sign_in.refresh()

    def paste(self, address: str) -> None:
        """Hand in the address you landed on, in a sign-in by hand (no window, and no device flow).

        Raises
        ------
        SignInError
            It does not answer the link that was shown; another one may be pasted.
        """
        self._sign_in.paste(address)

    def userinfo(self, timeout: float = 10) -> Mapping[str, Any]:
        """Ask the provider's userinfo endpoint about the person (OpenID Connect Core §5.3).

        Parameters
        ----------
        timeout : float
            Seconds that each of its answers may take.

        Returns
        -------
        mapping
            The claims, read-only; about the same person as :attr:`claims` (``sub``, §5.3.2).

        Raises
        ------
        TokenError
            Nobody is signed in, or the provider does not accept the token there.
        DiscoveryError
            The provider can't be reached, has no such endpoint, or its answer is not usable.
        """
        from oidc_widget.signin.userinfo import userinfo  # noqa: PLC0415  # loads an HTTP client

        return userinfo(self._sign_in, timeout)

    def close(self) -> None:
        """Take the widget off every page, and forget its tokens here.

        In the browser the session goes on, for other notebooks; one of this kernel's own (device flow) ends
        with the last widget that uses it.
        """
        # Also called for what is collected: at the interpreter's end, or half made.
        if not self._closed and not sys.is_finalizing():
            self._closed = True
            for file in self._token_files.values():
                file.close()
            control_channel.unregister(self._link_id)
            take_off_screen(self._what, self)
            self._sign_in.close()
        super().close()

    def __del__(self) -> None:
        if not self._closed and not sys.is_finalizing():
            self._closed = True
            # The thread that is interrupted by this may hold any lock, so the rest is done on another one.
            scheduler.soon(self._sign_in.close)
        super().__del__()

    def diagnose(self) -> Report:
        """Find out what is wrong between this browser, this server and this provider.

        Returns
        -------
        Report
            Shown as lines: what was checked, what was found, what to do. It takes some seconds.
        """
        from oidc_widget.diagnosis.diagnose import diagnose  # noqa: PLC0415  # seldom needed
        from oidc_widget.signin.diagnosing import known_to  # noqa: PLC0415  # likewise

        return diagnose(known_to(self._sign_in))

    # ---- waiting -----------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> str:
        """Block until there is a token, and return it; interrupting the kernel ends the wait.

        It works in any cell, also when all cells are run at once: the cell waits for the click. A sign-in by
        hand (no window, and no device flow) is asked about in the cell.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait; without end if ``None``. With a timeout, a cell asks nothing.

        Returns
        -------
        str
            The access token.

        Raises
        ------
        SignInTimeout
            Nobody signed in within that time.
        SignInError
            The token can't arrive while a cell blocks the kernel (no page shows the widget, or it can't reach
            a busy kernel): use ``await w`` there. Or the kernel signs in by itself, which came to nothing.
        """
        self._show_once()
        return self._sign_in.wait(timeout).value

    def __await__(self) -> Generator[Any, None, str]:
        """Wait as :meth:`wait` does, without blocking the kernel: ``token = await w``."""
        self._show_once()
        return self._wait_async().__await__()

    async def _wait_async(self) -> str:
        return (await self._sign_in.wait_async(None)).value

    def token(
        self,
        min_ttl: float = 60,
        *,
        resource: str | None = None,
        scopes: Sequence[str] | str | None = None,
        timeout: float | None = 60,
    ) -> str:
        """Return a token that is good for a while: the one at hand, else a new one.

        Any number of threads may call it; one request serves all that ask at the same time.

        Parameters
        ----------
        min_ttl : float
            Seconds that it must have left. Where a provider's tokens never live that long: half of what they
            live.
        resource : str, optional
            Another API than the one signed in for (RFC 8707 §2.2).
        scopes : sequence of str, optional
            Other rights than the ones signed in for (RFC 6749 §6).
        timeout : float, optional
            Seconds to wait for a new one.

        Returns
        -------
        str
            The access token.

        Raises
        ------
        TokenError
            Nobody is signed in, the provider refuses, or no new token came in time.
        """
        return self._sign_in.token(self._target(resource, scopes), min_ttl, timeout).value

    async def token_async(
        self,
        min_ttl: float = 60,
        *,
        resource: str | None = None,
        scopes: Sequence[str] | str | None = None,
        timeout: float | None = 60,
    ) -> str:
        """Return what :meth:`token` returns, without blocking the event loop.

        While nobody is signed in it waits for the sign-in as ``await w`` does, for ``timeout`` seconds: that
        holds nothing up.

        Raises
        ------
        SignInTimeout
            Nobody signed in within that time.
        TokenError
            The provider refuses, or no new token came in time.
        """
        return (await self._tokens_for(resource, scopes).wait_async(min_ttl, timeout)).value

    @property
    def auth(self) -> BearerAuth:
        """What ``auth=`` of ``requests``, ``httpx`` and ``httpx2`` takes, for a request, a session, a client.

        ``requests.get(url, auth=w.auth)``: each request carries a fresh token, and is tried once more with a
        new one if the answer is 401. The token goes on to no other origin, and over plain http to this very
        machine only.
        """
        from oidc_widget.auth import BearerAuth  # noqa: PLC0415  # not everybody sends requests

        return BearerAuth(self._tokens_for(None, None))

    def _on_token(self, call: Callable[[], None]) -> Callable[[], None]:
        """Call this whenever the token is another one, or gone; what is returned ends that.

        It is called on the thread that brings the token, where nothing may wait.
        """
        self._listeners[call] = None
        return partial(self._listeners.pop, call, None)

    def _tokens_for(self, resource: str | None, scopes: Sequence[str] | str | None) -> FreshTokens:
        """Return what clients ask: one for each target, so that all know what an API refused."""
        target = self._target(resource, scopes)
        return self._tokens.setdefault(target, FreshTokens(SignInTokens(self._sign_in, target)))

    # ---- other processes ---------------------------------------------------------------------------

    def token_file(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Keep the access token in a file, for another process on this machine that reads it from there.

        It is this user's alone (mode 0600), is replaced as a whole with each new token, and is there while
        somebody is signed in: a sign-out removes it, and so does the end of this process. What a process left
        that was killed is removed when the next one makes an ``OIDCLogin``.

        Parameters
        ----------
        path : path-like, optional
            Where; a place that only this user can read, unless given. No file may be there yet.

        Returns
        -------
        pathlib.Path
            Where it is.

        Raises
        ------
        ConfigurationError
            A file is there already, is another process's, or others may change what is in its directory.
        """
        key = None if path is None else Path(path).expanduser().absolute()
        file = self._token_files.get(key)
        if file is None or not file.live:
            file = self._token_files[key] = TokenFile(self._tokens_for(None, None), self._on_token, key)
        return file.path

    def environment(self, *names: str) -> AbstractContextManager[Path]:
        """Let environment variables name a token file within a ``with`` block: for what is started there.

        ``with w.environment("BEARER_TOKEN_FILE"): subprocess.run(…)``; others know
        ``AWS_WEB_IDENTITY_TOKEN_FILE`` or ``AZURE_FEDERATED_TOKEN_FILE``. The file ends with the block.

        Parameters
        ----------
        *names : str
            The variables.

        Returns
        -------
        context manager
            Of the file's path.

        Raises
        ------
        ConfigurationError
            No variable is named.
        """
        checked = [text("names", name, needed=True) or "" for name in names]
        if not checked:
            raise ConfigurationError(
                "No environment variable is named.", hint='w.environment("BEARER_TOKEN_FILE"), for example.'
            )
        return named(TokenFile(self._tokens_for(None, None), self._on_token), checked)

    # ---- deliveries --------------------------------------------------------------------------------

    def receive(self, event: str, payload: Mapping[str, Any], *, express: bool) -> bool:
        """Take in what the browser sends, over either lane; not for callers of their own."""
        content = {"link_id": self._link_id, "event": event, "payload": payload}
        return bool(control_channel.deliver(content, by_control=express).get("signed_out"))

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take in what a page sets of the synced state; what to sign in for is not its to set."""
        super().set_state({name: value for name, value in sync_data.items() if name not in _NOT_A_PAGES})

    def _tell(self, old: Snapshot, new: Snapshot) -> None:
        """Have observers told of what is new to them, and clients at once."""
        if new.token is not old.token:
            for call in list(self._listeners):
                call()
        now = _observable(new)
        for name, told in self._told.items():
            if _plain(now[name]) != _plain(told):
                self._observers.put(partial(self._notify, name, told, now[name]))
        if new.status != self._told["status"]:
            self._sign_in.later(partial(self.send_state, "status"))
        self._told = now

    def _notify(self, name: str, old: object, new: object) -> None:
        change = traitlets.Bunch(
            {"name": name, "old": _plain(old), "new": _plain(new), "owner": self, "type": "change"}
        )
        # Past `hold_trait_notifications`, which would take the change for one that it could undo.
        traitlets.HasTraits.notify_change(self, change)

    def _target(self, resource: str | None, scopes: Sequence[str] | str | None) -> Target:
        """Return what is asked for, as it differs from what was signed in for."""
        if resource is None and scopes is None:
            return OWN
        wanted = text("resource", resource)
        rights = None if scopes is None else tuple(sorted(set(texts("scopes", scopes))))
        request = self._sign_in.request
        return Target(
            None if wanted == request["resource"] else wanted,
            None if rights == tuple(sorted(set(request["scopes"]))) else rights,
        )

    # ---- display -----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        asked = self._request
        who = (
            f"provider={asked['provider']!r}"
            if asked.get("provider")
            else f"authority={asked.get('authority')!r}, client_id={asked.get('client_id')!r}"
        )
        return f"{type(self).__name__}({who}, status={self.status!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if control_channel.running_kernel() is None:
            # A terminal, where nothing can be clicked.
            hint = "" if self.status == "signed_in" else "\nSign in with w.wait(), which shows how."
            return {"text/plain": f"{self!r}{hint}"}
        self._shown = self._sign_in.pages.displayed = True
        put_on_screen(self, self._what)
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        # JupyterLab prefers the widget's own type to any text; our labextension looks whether it lives.
        return {
            **data,
            "text/html": f"<p>{escape(_WITHOUT_KERNEL)}</p>",
            _MIME_TYPE: {"model_id": self.model_id},
        }, metadata

    def _show_once(self) -> None:
        """Who waits for a click must be shown the button."""
        if self._shown or control_channel.running_kernel() is None:
            return
        if is_contained(self):
            self._shown = self._sign_in.pages.displayed = True
            return
        from IPython.display import display  # noqa: PLC0415  # there is one: a kernel runs

        display(self)  # type: ignore[no-untyped-call]  # IPython's own typing is incomplete


def _receive_from_page(widget: OIDCLogin, content: Any, _buffers: object) -> None:
    """Take in what came over the widget's own comm, which brings nothing for others."""
    if isinstance(content, dict) and content.get("link_id") == widget._link_id:  # noqa: SLF001  # its own
        control_channel.deliver(content, by_control=False)


def _observable(now: Snapshot) -> dict[str, object]:
    token = now.token if now.token is not None and now.token.lives() else None
    return {"access_token": token, "value": now.value, "status": now.status}


def _plain(value: object) -> object:
    return value.value if isinstance(value, AccessToken) else value
