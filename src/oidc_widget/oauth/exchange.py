"""Send a request and read its answer: bounded in bytes and in time, and led nowhere.

The library limits each single read, and a server that drips never meets that limit: here all of an answer
has to be there in time, and it has a largest size. No redirect is followed.

What is sent may be secret. Trouble with the network is not raised: it is an
:class:`~oidc_widget.oauth.answer.Answer` without a status, so no traceback holds the request.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from oidc_widget.oauth.answer import Answer
from oidc_widget.oauth.client import library_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from oidc_widget.oauth.client import AsyncClient, Client

__all__ = ["MAX_BYTES", "exchange", "exchange_async"]

#: Key sets of large tenants are some 20 kB; far beyond that is no document of a provider.
MAX_BYTES = 512 * 1024


@dataclass(frozen=True)
class _Request:
    """What is asked. What is secret of it is made when it is sent, and never shown."""

    method: str
    url: str
    timeout: float
    form: Callable[[], Mapping[str, Any]] | None = None
    headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)

    def sent(self) -> dict[str, Any]:
        # GitHub answers with a form unless asked, and its API wants a User-Agent.
        usual = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "oidc-widget"}
        further = self.headers() if callable(self.headers) else (self.headers or {})
        return {
            "method": self.method,
            "url": self.url,
            "headers": {**usual, **further},
            "data": None if self.form is None else self.form(),
            "content": self.content,
            "timeout": self.timeout,
            "follow_redirects": False,
        }


class _UnboundedError(Exception):
    """There is more to an answer than is read."""


class _LateError(Exception):
    """An answer did not end in time; nobody waits for it any more."""


class _Reader:
    """The rules for reading one answer, whoever waits for it."""

    def __init__(self, timeout: float, limit: int, *, cut: bool) -> None:
        self._deadline = time.monotonic() + timeout
        self._limit = limit
        self._cut = cut
        self._body = bytearray()
        self.done = False

    def begin(self, headers: Mapping[str, str]) -> None:
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"", "identity"}:  # a little of it may become very much
            raise _UnboundedError(f"it is encoded ({coding[:20]}), which was not asked for")

    def feed(self, chunk: bytes) -> None:
        if time.monotonic() > self._deadline:
            raise _LateError
        self._body += chunk
        if len(self._body) > self._limit:
            if not self._cut:
                raise _UnboundedError(f"it has more than {self._limit} bytes")
            self.done = True

    def answer(self, status: int, headers: Mapping[str, str]) -> Answer:
        return Answer.read(status, headers, bytes(self._body[: self._limit]))


def exchange(  # noqa: PLR0913  # a request, and its limits
    client: Client,
    method: str,
    url: str,
    *,
    timeout: float,
    form: Callable[[], Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
    content: bytes | None = None,
    limit: int = MAX_BYTES,
    cut: bool = False,
) -> Answer:
    """Send a request, and read all of its answer.

    Parameters
    ----------
    client : Client
        The way to the network.
    method, url : str
        What to ask. No redirect is followed.
    timeout : float
        Seconds for all of it, from the first byte sent to the last one read.
    form : callable, optional
        Returns the parameters to post, in a frame that no traceback sees.
    headers : mapping or callable, optional
        Further headers; secret ones are returned by a function, for the same reason.
    content : bytes, optional
        A body as it is.
    limit : int
        Bytes, at most.
    cut : bool
        Whether of a longer answer the beginning will do.
    """
    outcome: Future[Answer] = Future()
    request = _Request(method, url, timeout, form, headers, content)
    work = partial(_exchange, client, request, _Reader(timeout, limit, cut=cut))
    # A thread of its own: while a server drips its headers, nobody could look at a clock.
    threading.Thread(target=_run, args=(outcome, work), name="oidc-widget-http", daemon=True).start()
    try:
        return outcome.result(timeout)
    except Late:
        return _late(timeout)


async def exchange_async(  # noqa: PLR0913  # as above
    client: AsyncClient,
    method: str,
    url: str,
    *,
    timeout: float,  # a limit of the answer's, as in `exchange`
    form: Callable[[], Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
    content: bytes | None = None,
    limit: int = MAX_BYTES,
) -> Answer:
    """Do the same as :func:`exchange` in an event loop."""
    request = _Request(method, url, timeout, form, headers, content)
    reader = _Reader(timeout, limit, cut=False)
    try:
        return await asyncio.wait_for(_exchange_async(client, request, reader), timeout)
    except asyncio.TimeoutError:
        return _late(timeout)


def _run(outcome: Future[Answer], work: Callable[[], Answer]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # noqa: BLE001  # it belongs to who waits, without the frames that hold the form
        outcome.set_exception(error.with_traceback(None))


def _exchange(
    client: Client,
    request: _Request,
    reader: _Reader,
) -> Answer:
    library = library_of(client)
    try:
        with client.stream(**request.sent()) as response:
            reader.begin(response.headers)
            for chunk in response.iter_bytes():
                reader.feed(chunk)
                if reader.done:
                    break
            return reader.answer(response.status_code, _plain(response.headers))
    except (library.HTTPError, library.InvalidURL, UnicodeError, _UnboundedError, _LateError) as error:
        return _no_answer(error, library, request.timeout)


async def _exchange_async(
    client: AsyncClient,
    request: _Request,
    reader: _Reader,
) -> Answer:
    library = library_of(client)
    try:
        async with client.stream(**request.sent()) as response:
            reader.begin(response.headers)
            async for chunk in response.aiter_bytes():
                reader.feed(chunk)
                if reader.done:
                    break
            return reader.answer(response.status_code, _plain(response.headers))
    except (library.HTTPError, library.InvalidURL, UnicodeError, _UnboundedError, _LateError) as error:
        return _no_answer(error, library, request.timeout)


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _late(timeout: float) -> Answer:
    return Answer(0, failure=f"did not answer within {timeout:g} s", late=True)


def _no_answer(error: Exception, library: ModuleType, timeout: float) -> Answer:
    if isinstance(error, (library.TimeoutException, _LateError)):
        return _late(timeout)
    if isinstance(error, _UnboundedError):
        return Answer(0, failure=f"its answer is not read: {error}", unreadable=True)
    if isinstance(error, (library.LocalProtocolError, UnicodeError)):
        # The error shows what could not be sent, and that may be a secret.
        return Answer(0, failure="the request can't be sent as it is")
    name = type(error).__name__
    return Answer(0, failure=f"{name}: {error}" if str(error) else name)
