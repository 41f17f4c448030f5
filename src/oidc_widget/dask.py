"""Fresh tokens for the tasks of a Dask cluster: ``pip install oidc-widget[dask]``.

The process that signed in feeds the workers: each new token goes to all of them, and a worker whose token
won't do asks for one. Only access tokens travel; the refresh token stays where it is.

>>> from oidc_widget.dask import current_token, share
>>> share(w, client)                                           # doctest: +SKIP
>>> def fetch(url):
...     return httpx.get(url, headers={"Authorization": f"Bearer {current_token()}"}).json()
>>> client.submit(fetch, "https://api.example.com/data")       # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
import warnings
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import ConfigurationError, OIDCError, TokenError
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.signin.threads import Worker as Pump

try:
    from distributed import WorkerPlugin
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "oidc_widget.dask needs Dask: pip install 'oidc-widget[dask]'.", name=error.name
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Self

    from oidc_widget.login import OIDCLogin

__all__ = ["Share", "current_token", "share"]

_RENEWAL_PATIENCE = 60.0  # seconds that the browser may take for a new token
_SIGNED_IN = frozenset({"signed_in", "expired"})
_OPEN_SCHEMES = frozenset({"tcp", "ws", "ucx"})
_LOOPBACK = ("127.", "[::1]", "localhost")


@dataclass(frozen=True)
class _Delivery:
    """What travels to a worker. Lifetimes are seconds left: the machines' clocks differ."""

    value: str | None = field(default=None, repr=False)
    expires_in: float = float("inf")
    lifetime: float = float("inf")
    refused: tuple[str, str, str | None] | None = None


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
        Ends the sharing with ``close()``, or at the end of a ``with`` block. Signing out takes the token away
        from the workers too.
    """
    return Share(w, client, name)


def current_token(name: str = "default", *, min_ttl: float = 60, timeout: float | None = 60) -> str:
    """Return a fresh access token, inside of a task.

    Parameters
    ----------
    name : str
        Which sign-in, where several are shared.
    min_ttl : float
        Seconds that the token must have left. Where a provider's tokens never live that long, half of what
        they live.
    timeout : float, optional
        Seconds to wait for a new one.

    Returns
    -------
    str
        The token. Use it at once: don't return it from the task, since results are kept.

    Raises
    ------
    TokenError
        If nothing is shared under that name, nobody is signed in, or no token came in time.
    """
    holder = _holders.get(name)
    if holder is None:
        raise TokenError(
            f"No sign-in is shared with this worker under the name {name!r}.",
            code="not_shared",
            hint="In the notebook: from oidc_widget.dask import share; share(w, client).",
        )
    return holder.token(min_ttl, timeout)


def is_readable_by_others(address: str) -> bool:
    """Whether what is sent to a cluster at this address crosses a network in the open."""
    scheme, _, place = address.partition("://")
    return scheme in _OPEN_SCHEMES and not place.startswith(_LOOPBACK)


class Share:
    """One sign-in that a cluster uses; made by :func:`share`."""

    def __init__(self, w: OIDCLogin, client: Any, name: str) -> None:
        self._w = w
        self._client = client
        self._name = name
        self._topic = f"oidc-widget-{uuid.uuid4().hex}"
        self._pump = Pump(f"oidc-widget-dask-{name}")
        self._closed = False
        if client.asynchronous:
            raise ConfigurationError(
                "share() waits for the cluster, which an asynchronous client can't.",
                hint="Make a second client for it: distributed.Client(client.scheduler.address).",
            )
        address = client.scheduler.address
        if is_readable_by_others(address):
            warnings.warn(
                f"The cluster at {address} does not encrypt what is sent to its workers, so others on its "
                "network can read the access token. Use TLS: distributed.Security.",
                stacklevel=3,
            )
        client.subscribe_topic(self._topic, self._take_question)
        client.register_plugin(_TokenPlugin(name, self._topic), name=self._plugin)
        w.observe(self._take_change, "access_token")
        self._pump.put(self._push)

    @property
    def _plugin(self) -> str:
        return f"oidc-widget-{self._name}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sharing: the workers forget the token."""
        if not self._closed:
            self._closed = True
            self._w.unobserve(self._take_change, "access_token")
            self._client.unsubscribe_topic(self._topic)
            self._client.unregister_worker_plugin(self._plugin)

    def _take_change(self, _change: Any) -> None:
        self._pump.put(self._push)

    def _push(self) -> None:
        """Give all workers what there is; without a token, that is nothing."""
        token = self._w._sign_in.state.now.token  # noqa: SLF001  # with its lifetime, which the traits don't tell
        if token is None or not token.lives():
            self._send(_Delivery())
        else:
            self._send(_Delivery(token.value, token.expires_in, token.lifetime))

    def _take_question(self, event: tuple[float, Any]) -> None:
        """Hear a worker that wants a token; this is the client's event loop, which must not wait."""
        question = event[1]
        if isinstance(question, dict):
            self._pump.put(partial(self._answer, str(question.get("worker")), question.get("min_ttl")))

    def _answer(self, worker: str, min_ttl: Any) -> None:
        if self._closed:
            return
        try:
            if self._w.status not in _SIGNED_IN:
                raise TokenError(
                    "Nobody is signed in.", hint="Sign in, in the notebook that shares the sign-in."
                )
            if isinstance(min_ttl, (int, float)):
                self._w.token(min_ttl, timeout=_RENEWAL_PATIENCE)
        except OIDCError as error:
            self._send(_Delivery(refused=(error.message, error.code, error.hint)), worker)
        else:
            self._push()

    def _send(self, delivery: _Delivery, worker: str | None = None) -> None:
        client = self._client
        if client.status != "running":
            return

        async def run() -> None:
            workers = None if worker is None else [worker]
            # A worker that is gone gets nothing, and needs nothing.
            await client.run(_deliver, self._name, delivery, workers=workers, on_error="ignore")

        asyncio.run_coroutine_threadsafe(run(), client.loop.asyncio_loop).result(_RENEWAL_PATIENCE)


# ---- on the workers --------------------------------------------------------------------------------


class _Holder:
    """The token that this process was given, for one share."""

    def __init__(self, worker: Any, topic: str) -> None:
        self._worker = worker
        self._topic = topic
        self._changed = threading.Condition()
        self._token: AccessToken | None = None
        self._refused: TokenError | None = None
        self._asking = False

    def take(self, delivery: _Delivery) -> None:
        with self._changed:
            self._asking = False
            if delivery.refused is not None:
                message, code, hint = delivery.refused
                self._refused = TokenError(message, code=code, hint=hint)
            elif delivery.value is None:
                self._token = None
            else:
                self._refused = None
                self._token = AccessToken.lasting(delivery.value, delivery.expires_in, delivery.lifetime)
            self._changed.notify_all()

    def token(self, min_ttl: float, timeout: float | None) -> str:
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            self._refused = None
            while self._token is None or not self._token.serves(min_ttl):
                if self._refused is not None:
                    raise copy(self._refused)
                # One question for all tasks of this worker; after the answer, whoever needs more asks again.
                if not self._asking:
                    self._asking = True
                    self.ask(min_ttl)
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not self._changed.wait(left):
                    self._asking = False
                    raise TokenError(
                        f"No fresh token came within {timeout:g} s.",
                        code="timeout",
                        hint="Is the notebook that shares the sign-in still open, and its kernel running?",
                    )
            return self._token.value

    def serves(self, worker: Any) -> bool:
        return self._worker is worker

    def ask(self, min_ttl: float | None) -> None:
        """Ask the client's process; events are kept by the scheduler, so none holds a secret."""
        self._worker.log_event(self._topic, {"worker": self._worker.address, "min_ttl": min_ttl})


#: By the share's name. In a cluster within one process, its workers share them.
_holders: dict[str, _Holder] = {}


def _deliver(name: str, delivery: _Delivery) -> None:
    holder = _holders.get(name)
    if holder is not None:
        holder.take(delivery)


class _TokenPlugin(WorkerPlugin):
    """Makes a worker, whenever it comes, ask for the token; it brings none, because it is kept and copied."""

    def __init__(self, share_name: str, topic: str) -> None:
        self.name = f"oidc-widget-{share_name}"
        self._share_name = share_name
        self._topic = topic

    def setup(self, worker: Any) -> None:
        holder = _holders[self._share_name] = _Holder(worker, self._topic)
        holder.ask(None)

    def teardown(self, worker: Any) -> None:
        holder = _holders.get(self._share_name)
        if holder is not None and holder.serves(worker):
            del _holders[self._share_name]
