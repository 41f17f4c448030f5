"""Fresh tokens for the tasks of a Dask cluster: ``pip install oidc-widget[dask]``.

The process that signed in feeds the workers: each new token goes to all of them, and a worker whose token
won't do asks for one. Only access tokens travel; the refresh token stays where it is.

>>> from oidc_widget.dask import current_token, share          # in `async def` tasks: current_token_async
>>> share(w, client)                                           # doctest: +SKIP
>>> def fetch(url):
...     return httpx.get(url, headers={"Authorization": f"Bearer {current_token()}"}).json()
>>> client.submit(fetch, "https://api.example.com/data")       # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
import uuid
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from oidc_widget.dask_worker import Delivery as _Delivery
from oidc_widget.dask_worker import TokenPlugin as _TokenPlugin
from oidc_widget.dask_worker import current_token, current_token_async
from oidc_widget.dask_worker import deliver as _deliver
from oidc_widget.errors import ConfigurationError, OIDCError, TokenError
from oidc_widget.signin.threads import Worker as Pump

if TYPE_CHECKING:
    from typing_extensions import Self

    from oidc_widget.login import OIDCLogin
    from oidc_widget.oauth.access_token import AccessToken

__all__ = ["Share", "current_token", "current_token_async", "share"]

_RENEWAL_PATIENCE = 60.0  # seconds that the browser may take for a new token
_SIGNED_IN = frozenset({"signed_in", "expired"})
_OPEN_SCHEMES = frozenset({"tcp", "ws", "ucx"})
_LOOPBACK = ("127.", "[::1]", "localhost")


def share(w: OIDCLogin, client: Any, *, name: str = "default") -> Share:
    """Let all tasks of a cluster use this sign-in, now and on workers that come later.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    client : distributed.Client
        The cluster, as this process sees it.
    name : str
        Tells several sign-ins on one cluster apart: ``current_token(name)``.

    Returns
    -------
    Share
        Ends with ``close()``, or at the end of a ``with`` block; the workers keep the token while another
        share of the same name is in use. To share again (a cell that runs once more) costs nothing; another
        sign-in under the same name takes its place. Signing out takes the token away from the workers too.

    Raises
    ------
    ConfigurationError
        The client is an asynchronous one.
    """
    return Share(_feed(w, client, name))


def is_readable_by_others(address: str) -> bool:
    """Whether what is sent to a cluster at this address crosses a network in the open."""
    scheme, _, place = address.partition("://")
    return scheme in _OPEN_SCHEMES and not place.startswith(_LOOPBACK)


class Share:
    """A use of a sign-in by a cluster; made by :func:`share`."""

    def __init__(self, feed: _Feed) -> None:
        self._feed = feed
        self._closed = False
        feed.users.add(self)

    @property
    def _topic(self) -> str:
        return self._feed.topic

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End this use: after the last one, the workers forget the token."""
        if not self._closed:
            self._closed = True
            self._feed.users.discard(self)
            if not self._feed.users:
                self._feed.close()


class _Feed:
    """Brings one sign-in's tokens to the workers of one cluster."""

    def __init__(self, w: OIDCLogin, client: Any, name: str) -> None:
        self.w = w
        #: Who is not closed, and not forgotten either: a cell that ran again has lost the one before.
        self.users: WeakSet[Share] = WeakSet()
        self.topic = f"oidc-widget-{uuid.uuid4().hex}"
        self._tokens = w._tokens_for(None, None)  # noqa: SLF001  # with their lifetimes, which traits don't tell
        self._client = client
        self._name = name
        self._pump = Pump(f"oidc-widget-dask-{name}")
        #: What all workers were given last.
        self._given: object = self
        self._stop = w._on_token(self._take_change)  # noqa: SLF001  # before any observer
        client.subscribe_topic(self.topic, self._take_question)
        client.register_plugin(_TokenPlugin(name, self.topic), name=self._plugin)
        self._pump.put(self._give_all)

    @property
    def _plugin(self) -> str:
        return f"oidc-widget-{self._name}"

    @property
    def closed(self) -> bool:
        """Whether it was ended, or the client was."""
        return _feeds.get(self._client, {}).get(self._name) is not self or self._client.status != "running"

    def close(self, *, followed: bool = False) -> None:
        """Stop; unless another one follows, the workers forget the token."""
        if self.closed:
            return
        del _feeds[self._client][self._name]
        self._stop()
        self._client.unsubscribe_topic(self.topic)
        if not followed:
            self._client.unregister_worker_plugin(self._plugin)

    def _take_change(self) -> None:
        self._pump.put(self._give_all)

    def _give_all(self) -> None:
        """Give all workers what there is, once; without a token, that is nothing."""
        token = self._tokens.held()
        if token is not self._given:
            self._given = token
            self._send(_delivery(token))

    def _take_question(self, event: tuple[float, Any]) -> None:
        """Hear a worker that wants a token; this is the client's event loop, which must not wait."""
        question = event[1]
        if isinstance(question, dict):
            self._pump.put(partial(self._answer, str(question.get("worker")), question.get("min_ttl")))

    def _answer(self, worker: str, min_ttl: Any) -> None:
        if self.closed:
            return
        try:
            if self.w.status not in _SIGNED_IN:
                raise TokenError(
                    "Nobody is signed in.", hint="Sign in, in the notebook that shares the sign-in."
                )
            if isinstance(min_ttl, (int, float)):
                self._tokens.get(min_ttl, _RENEWAL_PATIENCE)
        except OIDCError as error:
            self._send(_Delivery(refused=(error.message, error.code, error.hint)), worker)
            return
        token = self._tokens.held()
        if token is self._given:  # the others have it
            self._send(_delivery(token), worker)
        else:
            self._give_all()

    def _send(self, delivery: _Delivery, worker: str | None = None) -> None:
        client = self._client
        if client.status != "running":
            return

        async def run() -> None:
            workers = None if worker is None else [worker]
            # A worker that is gone gets nothing, and needs nothing.
            await client.run(_deliver, self._name, delivery, workers=workers, on_error="ignore")

        asyncio.run_coroutine_threadsafe(run(), client.loop.asyncio_loop).result(_RENEWAL_PATIENCE)


#: What is shared, by cluster and name.
_feeds: WeakKeyDictionary[Any, dict[str, _Feed]] = WeakKeyDictionary()


def _feed(w: OIDCLogin, client: Any, name: str) -> _Feed:
    """Return what brings this sign-in's tokens to this cluster under this name: there is one."""
    if client.asynchronous:
        raise ConfigurationError(
            "share() waits for the cluster, which an asynchronous client can't.",
            hint="Make a second client for it: distributed.Client(client.scheduler.address).",
        )
    named = _feeds.setdefault(client, {})
    former = named.get(name)
    if former is not None and not former.closed:
        if former.w is w:
            return former
        former.close(followed=True)
    address = client.scheduler.address
    if is_readable_by_others(address):
        warnings.warn(
            f"The cluster at {address} does not encrypt what is sent to its workers, so others on its "
            "network can read the access token. Use TLS: distributed.Security.",
            stacklevel=4,
        )
    made = named[name] = _Feed(w, client, name)
    return made


def _delivery(token: AccessToken | None) -> _Delivery:
    return _Delivery() if token is None else _Delivery(token.value, token.expires_in, token.lifetime)
