"""What comes over the wire and is no answer by RFC 9112 is none for us, nor is it somebody else's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import pytest

from oidc_widget.oauth.http import exchange, exchange_async, open_async_client, open_client


def answer(body=b'{"a": 1}', *, status="200 OK", headers=b"", ends=None):
    length = b"Content-Length: %d\r\n" % len(body) if ends is None else ends
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n".encode()
        + length
        + headers
        + b"\r\n"
        + body
    )


class Wire:
    """Answers each request with just these bytes; then it hangs up if it is `short`."""

    def __init__(self, says, *, short):
        self._says, self._short = says, short
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with contextlib.suppress(OSError), connection:
            while request := self._request(connection):
                path = request.split(b" ")[1]
                connection.sendall(self._says(path))
                if self._short:
                    return

    def _request(self, connection):
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            part = connection.recv(4096)
            if not part:
                return b""
            request += part
        return request

    def close(self):
        self._socket.close()


@pytest.fixture
def wire():
    with contextlib.ExitStack() as opened:

        def make(says, *, short=True):
            return opened.enter_context(contextlib.closing(Wire(says, short=short))).url

        yield make


def in_turn(urls):
    with open_client() as client:
        return [exchange(client, "GET", url, timeout=3) for url in urls]


def in_turn_by_event_loop(urls):
    async def ask():
        async with open_async_client() as client:
            return [await exchange_async(client, "GET", url, timeout=3) for url in urls]

    return asyncio.run(ask())


both = pytest.mark.parametrize("ask", [in_turn, in_turn_by_event_loop])


@both
@pytest.mark.parametrize("hint", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_a_hint_is_not_the_answer_and_each_gets_its_own(ask, wire, hint):
    def says(path):
        hints = f"HTTP/1.1 {hint}\r\nLink: </style.css>\r\n\r\n".encode()
        return hints + answer(b'{"for": "%s"}' % path)

    url = wire(says, short=False)
    got = ask([f"{url}/{name}" for name in ("a", "b", "c")])
    assert [(one.status, one.document) for one in got] == [
        (200, {"for": f"/{name}"}) for name in ("a", "b", "c")
    ]


CHUNKED = b"Transfer-Encoding: chunked\r\n"
NO_ANSWERS = {
    "it switches protocols": answer(status="101 Switching Protocols"),
    "a chunk of negative length": answer(b"-5\r\n" + b" " * 100, ends=CHUNKED),
    "a chunk whose length is none": answer(b"five\r\nabcde\r\n0\r\n\r\n", ends=CHUNKED),
    "chunks that break off": answer(b"5\r\n[1,2]\r\n", ends=CHUNKED),
    "headers that break off": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon",
    "a header without a colon": answer(headers=b"Server x\r\n"),
    "a length that is none": answer(ends=b"Content-Length: x\r\n"),
    "a length below 0": answer(ends=b"Content-Length: -5\r\n"),
    "two lengths": answer(ends=b"Content-Length: 8\r\nContent-Length: 2\r\n"),
    "less than was said": answer(ends=b"Content-Length: 80\r\n"),
    "another transfer coding": answer(ends=b"Transfer-Encoding: gzip\r\n"),
    "no status": b"{}",
    "nothing": b"",
}


@both
@pytest.mark.parametrize("said", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_is_none(ask, wire, said):
    [got] = ask([wire(lambda _: said)])
    assert (got.status, got.document, got.passing) == (0, {}, True)
    assert got.failure


@both
def test_a_chunk_of_negative_length_is_not_read_without_end(ask, wire):
    [got] = ask([wire(lambda _: answer(b"-1\r\n" + b" " * 20_000_000, ends=CHUNKED))])
    assert (got.status, got.body) == (0, b"")
