"""A protected API on two origins, and somebody who is signed in and whose token can be renewed.

`api`, `elsewhere`
    Real HTTP servers (`Api`) on different origins; only the tokens in `Api.valid` are good there.
`login`
    An `OIDCLogin` whose tokens come from `source`: `token-1`, `token-2`, ….
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from oidc_widget import OIDCLogin
from oidc_widget.errors import TokenError
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
    """Answers 401 to what is not in `valid`, and redirects where `redirects` says so."""

    host: str
    valid: set[str] = field(default_factory=set)
    redirects: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def serve(api: Api) -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.body()
            authorization = self.headers.get("Authorization")
            api.seen.append(Seen(self.command, self.path, authorization, body))
            if self.path in api.redirects:
                self.reply(307, Location=api.redirects[self.path])
            elif (authorization or "").removeprefix("Bearer ") in api.valid:
                self.reply(200)
            else:
                self.reply(401, **{"WWW-Authenticate": 'Bearer error="invalid_token"'})

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

        def reply(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((api.host, 0), Handler)
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
        self.refuses = False

    def sign_in(self) -> None:
        self._sign_in.state.take_token(self._next(), claims={"sub": "a-1001"})

    def request_token(self, question_id, _target, _min_ttl) -> None:
        self.asked += 1
        refusal = TokenError("The sign-in is over.", code="invalid_grant")
        result = refusal if self.refuses else self._next()
        threading.Thread(target=self._sign_in.cache.answer, args=(question_id, result)).start()

    def _next(self) -> AccessToken:
        return AccessToken.lasting(f"token-{next(self._count)}", 3600)

    def sign_out(self) -> None:
        """Nothing is under way."""

    refresh = sign_out

    def expect(self, _deadline) -> None:
        """Nobody has to do anything."""

    def obstacle(self, *, blocking) -> None:
        """Nothing is in the way."""


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
