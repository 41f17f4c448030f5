"""``OIDCLogin``: the sign-in widget and the token that it keeps fresh."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from oidc_widget import express_lane
from oidc_widget.announcer import Announcer
from oidc_widget.errors import ConfigurationError, OIDCError
from oidc_widget.problems import as_error, as_problem
from oidc_widget.tokens import AccessToken, read_only

__all__ = ["OIDCLogin"]

_STATIC = Path(__file__).parent / "static"
_FLOWS = ("auto", "popup", "device")


@dataclass(frozen=True)
class _State:
    """All that changes, replaced as a whole: whoever reads sees one moment."""

    status: str = "signed_out"
    token: AccessToken | None = None
    id_token: str | None = None
    claims: Mapping[str, Any] | None = None
    account: str | None = None
    error: OIDCError | None = None

    @property
    def access_token(self) -> str | None:
        token = self.token
        return token.value if token is not None and token.lives() else None


class _Live(traitlets.TraitType[Any, Any]):
    """A trait whose value is read from the widget's state at the moment of asking.

    So that a token is there the instant it arrives, whatever an observer of the one before is doing;
    observers are told separately, in order.
    """

    def get(self, obj: Any, cls: Any = None) -> Any:  # noqa: ARG002  # the signature is traitlets'
        return getattr(obj._state, self.name or "")  # noqa: SLF001  # the trait is the widget's own

    def set(self, obj: Any, value: Any) -> None:  # noqa: ARG002  # the signature is traitlets'
        raise traitlets.TraitError(f"The {self.name!r} trait is read-only.")


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
    scopes : sequence of str
        What to ask for (OpenID Connect Core §5.4). Some providers need ``offline_access`` for refreshing.
    resource : str, optional
        The API that the token is for, as a resource indicator (RFC 8707).
    audience : str, optional
        The same, for providers that want it under this name.
    extra_params : mapping of str to str
        More for the authorization request: ``prompt``, ``acr_values``, ``login_hint``, ….
    redirect_uri : str, optional
        The registered redirect address, where it is not this Jupyter server's own callback.
    flow : {"auto", "popup", "device"}
        ``"auto"`` takes the popup where there is one, else the device flow (RFC 8628).
    auto_refresh : bool
        Whether the token is renewed before it expires.
    share_id_token : bool
        Whether the ID token is handed to the kernel too, as :attr:`id_token`.
    label : str, optional
        The provider's name on the button.

    Raises
    ------
    ConfigurationError
        When a parameter is missing or of the wrong kind.
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    _link_id = traitlets.Unicode().tag(sync=True)
    _request = traitlets.Dict().tag(sync=True)
    _options = traitlets.Dict().tag(sync=True)

    access_token: Any = _Live(None, allow_none=True, read_only=True)
    status: Any = _Live("signed_out", read_only=True).tag(sync=True)

    _ANNOUNCED: ClassVar[tuple[str, ...]] = ("access_token", "status")

    def __init__(
        self,
        authority: str | None = None,
        client_id: str | None = None,
        *,
        provider: str | None = None,
        scopes: tuple[str, ...] | list[str] = ("openid", "profile", "email"),
        resource: str | None = None,
        audience: str | None = None,
        extra_params: Mapping[str, str] | None = None,
        redirect_uri: str | None = None,
        flow: str = "auto",
        auto_refresh: bool = True,
        share_id_token: bool = False,
        label: str | None = None,
    ) -> None:
        request = {
            "authority": _text("authority", authority, needed=provider is None),
            "client_id": _text("client_id", client_id, needed=provider is None),
            "provider": _text("provider", provider),
            "scopes": _texts("scopes", scopes),
            "resource": _text("resource", resource),
            "audience": _text("audience", audience),
            "extra_params": _parameters(extra_params),
            "redirect_uri": _text("redirect_uri", redirect_uri),
        }
        if flow not in _FLOWS:
            raise ConfigurationError(f"flow is {flow!r}, but must be one of {', '.join(_FLOWS)}.")
        self._flow = flow
        self._state = _State()
        self._announced: dict[str, Any] = {"access_token": None, "status": "signed_out"}
        self._changed = threading.Condition()
        self._seen: dict[str, int] = {}
        self._page: Mapping[str, Any] = {}
        self._expiry: threading.Timer | None = None
        link_id = uuid.uuid4().hex
        self._announcer = Announcer(f"oidc-widget-{link_id[:8]}")
        super().__init__(
            model_id=link_id,
            _link_id=link_id,
            _request=request,
            _options={"auto_refresh": bool(auto_refresh), "share_id_token": bool(share_id_token), "label": label},
        )
        self.on_msg(self._receive_from_page)
        express_lane.register(link_id, self)

    # ---- what there is ---------------------------------------------------------------------------

    @property
    def expires_in(self) -> float | None:
        """Seconds that the access token has left; ``None`` without one, or where the provider does not say."""
        token = self._state.token
        if token is None or not token.lives() or token.expires == float("inf"):
            return None
        return token.expires_in

    @property
    def claims(self) -> Mapping[str, Any] | None:
        """The verified ID token's claims (OpenID Connect Core §2), read-only; ``None`` while signed out."""
        return self._state.claims

    @property
    def id_token(self) -> str | None:
        """The ID token, if it was asked for with ``share_id_token=True``."""
        return self._state.id_token

    @property
    def error(self) -> OIDCError | None:
        """Why there is no fresh token; ``None`` if all is well."""
        return self._state.error

    @property
    def redirect_uri(self) -> str | None:
        """The exact address to register with the provider; ``None`` until a page has told it."""
        address = self._request.get("redirect_uri") or self._page.get("redirect_uri")
        return None if address is None else str(address)

    def __repr__(self) -> str:
        asked = self._request
        who = (
            f"provider={asked['provider']!r}"
            if asked.get("provider")
            else f"authority={asked.get('authority')!r}, client_id={asked.get('client_id')!r}"
        )
        return f"{type(self).__name__}({who}, status={self.status!r})"

    # ---- what one can do ---------------------------------------------------------------------------

    def sign_in(self) -> None:
        """Start a sign-in from code. Browsers open no window without a click, so the page shows a link."""
        self._tell("sign_in")

    def sign_out(self) -> None:
        """End the session: here at once, and wherever else it is used."""
        self._change(lambda _: _State())
        self._tell("sign_out")

    def refresh(self) -> None:
        """Ask the browser for a new token now; it arrives in :attr:`access_token`."""
        self._tell("refresh")

    # ---- deliveries --------------------------------------------------------------------------------

    def receive(self, event: str, payload: Mapping[str, Any], *, express: bool) -> None:
        """Take in what the browser sends, over either lane; a second copy is dropped."""
        with self._changed:
            vault, seq = str(payload.get("vault", "")), int(payload.get("seq", 0))
            if seq and seq <= self._seen.get(vault, 0):
                return
            self._seen[vault] = max(seq, self._seen.get(vault, 0))
        if event == "token":
            self._take_token(payload)
        elif event == "status":
            self._take_status(payload)
        elif event == "page":
            self._page = {**self._page, **payload, "express": express or self._page.get("express", False)}
            self._announcer.put(self._tell_state)

    def _receive_from_page(self, _widget: object, content: Any, _buffers: object) -> None:
        if isinstance(content, Mapping) and content.get("link_id") == self._link_id:
            self.receive(str(content.get("event")), content.get("payload") or {}, express=False)

    def _take_token(self, payload: Mapping[str, Any]) -> None:
        token = AccessToken.lasting(str(payload["access_token"]), payload.get("expires_in"))
        new = _State(
            status="signed_in",
            token=token,
            id_token=payload.get("id_token") if self._options["share_id_token"] else None,
            claims=read_only(payload.get("claims")),
            account=payload.get("account"),
        )
        self._change(lambda _: new)

    def _take_status(self, payload: Mapping[str, Any]) -> None:
        status, problem = str(payload["status"]), payload.get("error")
        error = None if problem is None else as_error(problem)

        def update(old: _State) -> _State:
            if payload.get("ended"):
                return _State(status=status, error=error)
            # A sign-in that came to nothing takes no token away that another one brought.
            lives = old.access_token is not None
            return replace(old, status="signed_in" if lives and status != "signing_in" else status, error=error)

        self._change(update)

    def _change(self, update: Any) -> None:
        with self._changed:
            self._state = new = update(self._state)
            self._watch(new.token)
            self._changed.notify_all()
            for name in self._ANNOUNCED:
                old, value = self._announced[name], getattr(new, name)
                if value != old:
                    self._announced[name] = value
                    change = traitlets.Bunch(name=name, old=old, new=value, owner=self, type="change")
                    self._announcer.put(lambda change=change: self.notify_change(change))

    def _watch(self, token: AccessToken | None) -> None:
        """Tell of the token's end when it comes; a new token before that is the normal case."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if token is not None and token.expires_in <= threading.TIMEOUT_MAX:
            self._expiry = threading.Timer(token.expires_in, self._expire, (token,))
            self._expiry.daemon = True
            self._expiry.start()

    def _expire(self, token: AccessToken) -> None:
        def update(old: _State) -> _State:
            if old.token is not token:
                return old
            return replace(old, status="expired", token=None, id_token=None)

        self._change(update)

    def _tell(self, kind: str, **fields: Any) -> None:
        self.send({"kind": kind, **fields})

    def _tell_state(self) -> None:
        """Tell the page what this kernel holds: a page that was reloaded has no other way to know."""
        state = self._state
        self._tell(
            "state",
            status=self.status,
            account=state.account,
            expires_in=self.expires_in,
            error=None if state.error is None else as_problem(state.error),
        )


def _text(name: str, value: Any, *, needed: bool = False) -> str | None:
    if value is None and not needed:
        return None
    if not isinstance(value, str) or not value.strip():
        missing = "missing" if value is None else f"{value!r}"
        raise ConfigurationError(f"{name} is {missing}, but must be a text that is not empty.")
    return value.strip()


def _texts(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()  # the form that the standards write scopes in (RFC 6749 §3.3)
    try:
        texts = [_text(name, item, needed=True) or "" for item in value]
    except TypeError as cause:
        raise ConfigurationError(f"{name} is {value!r}, but must be a list of texts.") from cause
    return texts


def _parameters(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise ConfigurationError(f"extra_params is {value!r}, but must be a mapping with texts as keys.")
    return {name: str(item) for name, item in value.items()}
