"""A protected API on two origins, and somebody who is signed in and whose token can be renewed.

`api`, `elsewhere`
    Real HTTP servers (`Api`) on different origins; only the tokens in `Api.valid` are good there.
`ask`
    Sends one request, `ask(method, url, login)`, by each of the libraries that `w.auth` and its leaf for
    `aiohttp` serve, and returns the status.
`login`
    An `OIDCLogin` whose tokens come from `source`: `token-1`, `token-2`, ….
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import aiohttp
import httpx
import httpx2
import pytest
import requests
import trio

from oidc_widget import OIDCLogin
from oidc_widget.credentials.aiohttp import bearer
from oidc_widget.oauth.access_token import AccessToken

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Seen:
    method: str
    path: str
    authorization: str | None
    body: bytes


@dataclass
class Api:
    """Answers 401 to what is not in `valid`, redirects where `redirects` says so, and hangs up on `drops`."""

    host: str
    valid: set[str] = field(default_factory=set)
    redirects: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    challenges: tuple[str, ...] = ('Bearer error="invalid_token"',)
    drops: set[str] = field(default_factory=set)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        api = self.server.api
        authorization = self.headers.get("Authorization")
        api.seen.append(Seen(self.command, self.path, authorization, self.body()))
        token = (authorization or "").removeprefix("Bearer ")
        if token in api.drops:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif self.path in api.redirects:
            self.reply(307, ("Location", api.redirects[self.path]))
        elif token in api.valid:
            self.reply(200)
        else:
            self.reply(401, *[("WWW-Authenticate", challenge) for challenge in api.challenges])

    do_GET = do_POST = do_PUT = answer  # noqa: N815  # the library's names

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def reply(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", "2")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(api: Api) -> Iterator[Api]:
    server = ThreadingHTTPServer((api.host, 0), _Handler)
    server.api = api
    server.handle_error = lambda *_: None  # a connection that is dropped is what some tests are about
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    api.url = f"http://{api.host}:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    with serve(Api("127.0.0.1")) as api:
        yield api


@pytest.fixture
def elsewhere() -> Iterator[Api]:
    with serve(Api("localhost", valid={"token-1", "token-2"})) as api:
        yield api


class Renewing:
    """Where this login's tokens come from: a new one for each question, until it is told to refuse."""

    busy = True

    def __init__(self, sign_in) -> None:
        self._sign_in = sign_in
        self._count = itertools.count(1)
        self.asked = 0
        self.refusal = None
        self.silent = False
        self.held_back: threading.Event | None = None
        self.was_asked = threading.Event()

    def sign_in(self) -> None:
        self._sign_in.state.take_token(self._next(), claims={"sub": "a-1001"})

    def request_token(self, question_id, _target, _min_ttl) -> None:
        self.asked += 1
        result = self.refusal or self._next()
        self.was_asked.set()
        if not self.silent:
            threading.Thread(target=self._answer, args=(question_id, result)).start()

    def _answer(self, question_id, result) -> None:
        if self.held_back is not None:
            self.held_back.wait(20)
        self._sign_in.cache.answer(question_id, result)

    def _next(self) -> AccessToken:
        return AccessToken.lasting(f"token-{next(self._count)}", 3600)

    def cancel(self) -> None:
        """Nothing is under way."""

    sign_out = refresh = expect = converse = cancel

    def paste(self, _address, *, from_page=False) -> None:
        raise NotImplementedError(from_page)

    def obstacle(self, *, blocking) -> None:
        """Nothing is in the way."""

    def reachable(self) -> bool:
        return True

    def shown(self) -> dict[str, object]:
        return {}


@pytest.fixture
def login() -> Iterator[OIDCLogin]:
    w = OIDCLogin("https://idp.example", "notebooks", flow="popup")
    w._sign_in.source = Renewing(w._sign_in)
    w.sign_in()
    yield w
    w.close()


@pytest.fixture
def source(login) -> Renewing:
    return login._sign_in.source


def _by_requests(method, url, w, *, through_proxy=False, **how):  # noqa: ARG001  # it goes by the environment
    return requests.request(method, url, auth=w.auth, timeout=10, **how).status_code


def client_of(library):
    def by_client(method, url, w, data=None, *, through_proxy=False, **how):
        with library.Client(auth=w.auth, follow_redirects=True, trust_env=through_proxy) as client:
            return client.request(method, url, content=data, **how).status_code

    return by_client


def async_client_of(library, run):
    def by_async_client(method, url, w, data=None, *, through_proxy=False, **how):
        async def ask():
            async with library.AsyncClient(
                auth=w.auth, follow_redirects=True, trust_env=through_proxy
            ) as client:
                return (await client.request(method, url, content=data, **how)).status_code

        return run(ask)

    by_async_client.streams_async = True
    return by_async_client


def by_aiohttp(method, url, w, data=None, *, through_proxy=False, **how):
    async def ask():
        async with (
            aiohttp.ClientSession(middlewares=[bearer(w, url)], trust_env=through_proxy) as session,
            session.request(method, url, data=data, **how) as response,
        ):
            return response.status

    return asyncio.run(ask())


by_aiohttp.streams_async = True


def run_in_asyncio(ask):
    return asyncio.run(ask())


BY_ALL = {
    "requests": _by_requests,
    "httpx": client_of(httpx),
    "httpx-asyncio": async_client_of(httpx, run_in_asyncio),
    "httpx-trio": async_client_of(httpx, trio.run),
    "httpx2": client_of(httpx2),
    "httpx2-asyncio": async_client_of(httpx2, run_in_asyncio),
    "httpx2-trio": async_client_of(httpx2, trio.run),
    "aiohttp": by_aiohttp,
}


@pytest.fixture(params=BY_ALL.values(), ids=BY_ALL.keys())
def ask(request):
    return request.param


@pytest.fixture
def by_requests():
    return _by_requests
