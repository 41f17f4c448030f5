"""What a Dask worker holds of a sign-in that is shared with it (:mod:`oidc_widget.dask`)."""

from __future__ import annotations

import asyncio
import math
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any

from oidc_widget.errors import TokenError
from oidc_widget.oauth import clock
from oidc_widget.oauth.access_token import AccessToken

try:
    from distributed import WorkerPlugin
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "oidc_widget.dask needs Dask: pip install 'oidc-widget[dask]'.", name=error.name
    ) from error

__all__ = ["Delivery", "TokenPlugin", "current_token", "current_token_async", "deliver", "holders"]


@dataclass(frozen=True)
class Delivery:
    """What travels to a worker. Lifetimes are seconds left: the machines' clocks differ."""

    value: str | None = field(default=None, repr=False)
    expires_in: float = float("inf")
    lifetime: float = float("inf")
    refused: tuple[str, str, str | None] | None = None


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
        If nothing is shared under that name, nobody is signed in, or no token came in time. Also if it would
        have to wait in an ``async def`` task: all tasks of the worker would wait with it.
    """
    return _holder(name).token(min_ttl, timeout)


async def current_token_async(
    name: str = "default", *, min_ttl: float = 60, timeout: float | None = 60
) -> str:
    """Return what :func:`current_token` does, inside of an ``async def`` task, which must not block.

    Raises
    ------
    TokenError
        If nothing is shared under that name, nobody is signed in, or no token came in time.
    """
    return await _holder(name).token_async(min_ttl, timeout)


class _Holder:
    """The token that this process was given, for one share."""

    def __init__(self, worker: Any, topic: str) -> None:
        self._worker = worker
        self._topic = topic
        self._changed = threading.Condition()
        self._token: AccessToken | None = None
        self._waiting: list[Future[None]] = []
        self._asking = False

    def take(self, delivery: Delivery) -> None:
        with self._changed:
            self._asking = False
            if delivery.refused is None:
                end = clock.now() + delivery.expires_in
                value = delivery.value
                self._token = None if value is None else AccessToken(value, end, delivery.lifetime)
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        for one in waiting:
            if not one.set_running_or_notify_cancel():
                continue
            if delivery.refused is None:
                one.set_result(None)
            else:  # each its own: a shared one would collect all their tracebacks
                message, code, hint = delivery.refused
                one.set_exception(TokenError(message, code=code, hint=hint))

    def token(self, min_ttl: float, timeout: float | None) -> str:
        deadline = math.inf if timeout is None else clock.now() + timeout
        while isinstance(found := self._look(min_ttl), Future):
            if _runs_here():
                raise TokenError(
                    "current_token() would block all tasks of this worker: this one runs in its event loop.",
                    hint="Write `await current_token_async()` in an `async def` task.",
                )
            try:
                found.result(None if timeout is None else max(0.0, deadline - clock.now()))
            except FutureTimeout as cause:
                raise self._late(timeout) from cause
        return found

    async def token_async(self, min_ttl: float, timeout: float | None) -> str:
        deadline = math.inf if timeout is None else clock.now() + timeout
        while isinstance(found := self._look(min_ttl), Future):
            left = None if timeout is None else max(0.0, deadline - clock.now())
            try:
                await asyncio.wait_for(asyncio.wrap_future(found), left)
            except asyncio.TimeoutError as cause:  # not yet the built-in one on Python 3.10
                raise self._late(timeout) from cause
        return found

    def _look(self, min_ttl: float) -> str | Future[None]:
        """Return the token, or what tells when to look again."""
        with self._changed:
            if self._token is not None and self._token.serves(min_ttl):
                return self._token.value
            told: Future[None] = Future()
            self._waiting.append(told)
            # One question for all tasks of this worker; after the answer, whoever needs more asks again.
            asking, self._asking = self._asking, True
        if not asking:
            self.ask(min_ttl)
        return told

    def _late(self, timeout: float | None) -> TokenError:
        with self._changed:
            self._asking = False
        return TokenError(
            f"No fresh token came within {timeout:g} s.",
            code="timeout",
            hint="Is the notebook that shares the sign-in still open, and its kernel running?",
        )

    def serves(self, worker: Any) -> bool:
        return self._worker is worker

    def ask(self, min_ttl: float | None) -> None:
        """Ask the client's process; events are kept by the scheduler, so none holds a secret."""
        self._worker.log_event(self._topic, {"worker": self._worker.address, "min_ttl": min_ttl})


def _runs_here() -> bool:
    """Whether this thread runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _holder(name: str) -> _Holder:
    holder = holders.get(name)
    if holder is None:
        raise TokenError(
            f"No sign-in is shared with this worker under the name {name!r}.",
            code="not_shared",
            hint="In the notebook: from oidc_widget.dask import share; share(w, client).",
        )
    return holder


#: By the share's name. In a cluster within one process, its workers share them.
holders: dict[str, _Holder] = {}


def deliver(name: str, delivery: Delivery) -> None:
    """Take in what the process that signed in sends to this worker."""
    holder = holders.get(name)
    if holder is not None:
        holder.take(delivery)


class TokenPlugin(WorkerPlugin):
    """Makes a worker, whenever it comes, ask for the token; it brings none, because it is kept and copied."""

    def __init__(self, share_name: str, topic: str) -> None:
        self.name = f"oidc-widget-{share_name}"
        self._share_name = share_name
        self._topic = topic

    def setup(self, worker: Any) -> None:
        """Ask for the token of a worker that begins, or begins to share."""
        holder = holders[self._share_name] = _Holder(worker, self._topic)
        holder.ask(None)

    def teardown(self, worker: Any) -> None:
        """Forget the token."""
        holder = holders.get(self._share_name)
        if holder is not None and holder.serves(worker):
            del holders[self._share_name]
