"""Whoever answers may be anybody: what is read of an answer has an end, in bytes and in time."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import signal
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import httpx2
import pytest

from oidc_widget.errors import ConfigurationError, DiscoveryError
from oidc_widget.oauth import client
from oidc_widget.oauth.answer import Answer
from oidc_widget.oauth.http import (
    exchange,
    exchange_async,
    fetch_json,
    is_loopback,
    is_secure,
    open_async_client,
    open_client,
    require_secure_url,
)

SECRET = "obvious-refresh-token"


class Handler(BaseHTTPRequestHandler):
    """Answers as the path says."""

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        getattr(self, self.path.strip("/").partition("?")[0] or "ok")()

    def do_POST(self):
        self.server.form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.do_GET()

    def send(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def ok(self):
        self.send(b'{"a": 1}', content_type="application/json")

    def html(self):
        self.send(b'{"a": 1}', content_type="text/html; charset=utf-8")

    def broken(self):
        self.send(b'{"a": 1}', 500, content_type="application/json")

    def large(self):
        self.send(b" " * 3_000_000, content_type="application/json")

    def bomb(self):
        self.send(gzip.compress(b" " * 30_000_000), content_encoding="gzip")

    def away(self):
        self.send(b"", 302, location="/ok")

    def drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.trickle()

    def drip_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
        self.trickle()

    def hang(self):
        self.server.hanging.set()
        self.server.ending.wait(20)

    def trickle(self):
        with contextlib.suppress(OSError):
            while not self.server.ending.wait(0.02):
                self.wfile.write(b" ")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.asked, server.ending, server.hanging = [], threading.Event(), threading.Event()
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.ending.set()
        server.shutdown()


def by_us(method, url, **how):
    with open_client() as client:
        return exchange(client, method, url, **how)


def by_httpx(method, url, **how):
    with httpx.Client(trust_env=False) as client:
        return exchange(client, method, url, **how)


def by_event_loop(method, url, **how):
    async def ask():
        async with open_async_client() as client:
            return await exchange_async(client, method, url, **how)

    return asyncio.run(ask())


@pytest.fixture(params=[by_us, by_httpx, by_event_loop])
def ask(request):
    return request.param


def test_an_answer_is_read_whoever_waits_for_it(ask, server):
    answer = ask("POST", f"{server.url}/ok", timeout=5, form=lambda: {"a": ["b", "c"]})
    assert (answer.status, answer.document, answer.failure) == (200, {"a": 1}, None)
    assert server.form == "a=b&a=c"


@pytest.mark.parametrize("path", ["drip", "drip_headers", "hang"])
def test_an_answer_that_does_not_end_costs_the_time_out_and_no_more(ask, server, path):
    start = time.monotonic()
    answer = ask("GET", f"{server.url}/{path}", timeout=0.3)
    assert time.monotonic() - start < 3
    assert (answer.status, answer.late) == (0, True)
    assert answer.failure == "did not answer within 0.3 s"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_can_not_be_read_are_named(monkeypatch, tmp_path, content):
    path = tmp_path / "corp.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    client._trusted.cache_clear()
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE") as caught:
        open_client()
    assert str(path) in caught.value.message
    monkeypatch.delenv("SSL_CERT_FILE")
    open_client().close()


@pytest.mark.parametrize("value", [f"Bearer {SECRET}\n", f"Bearer {SECRET}\u20ac", f"Bearer {SECRET}\0"])
def test_what_can_not_be_sent_is_no_answer_and_not_shown(ask, server, value):
    headers = {"Authorization": value}
    answer = ask("GET", f"{server.url}/ok", timeout=5, headers=headers)
    assert (answer.status, answer.failure) == (0, "the request can't be sent as it is")
    answer = ask("POST", f"{server.url}/ok", timeout=5, form=lambda: {"refresh_token": f"{SECRET}\ud800"})
    assert (answer.status, answer.failure) == (0, "the request can't be sent as it is")


@pytest.mark.parametrize(("path", "why"), [("large", "more than 524288 bytes"), ("bomb", "encoded (gzip)")])
def test_an_answer_that_is_too_much_is_not_read(ask, server, path, why):
    answer = ask("GET", f"{server.url}/{path}", timeout=10)
    assert (answer.status, answer.unreadable, answer.body) == (0, True, b"")
    assert why in answer.failure


def test_the_beginning_of_a_long_page_may_be_enough(server):
    answer = by_us("GET", f"{server.url}/large", timeout=10, limit=1000, cut=True)
    assert (answer.status, len(answer.body)) == (200, 1000)


def test_nobody_is_led_elsewhere(ask, server):
    assert ask("GET", f"{server.url}/away", timeout=5).status == 302
    assert len(server.asked) == 1


def test_no_answer_is_an_answer_too(ask):
    for url in ("http://127.0.0.1:9/", "http://[", "https://idp.example.invalid/"):
        answer = ask("GET", url, timeout=5)
        assert (answer.status, answer.passing) == (0, True)
        assert answer.failure


@pytest.mark.parametrize(
    ("path", "why"), [("html", "did not send JSON, but text/html"), ("broken", "status 500"), ("away", "302")]
)
def test_only_json_with_status_200_is_a_document(server, path, why):
    with open_client() as client, pytest.raises(DiscoveryError, match=why):
        fetch_json(client, f"{server.url}/{path}", timeout=5)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="nobody can be interrupted from outside here")
def test_an_interrupted_request_leaves_no_secret_in_its_traceback(server):
    def interrupt():
        server.hanging.wait(10)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt) as caught:
        by_us(
            "POST", f"{server.url}/hang", timeout=10, form=lambda: {"refresh_token": SECRET.upper().lower()}
        )
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    held = [repr(frame.locals) for frame in frames.stack if "test_http" not in frame.filename]
    assert len(held) > 1
    assert SECRET not in "".join(held)


@pytest.mark.parametrize("make", [open_client, httpx2.Client], ids=["ours", "the library's"])
def test_what_is_on_this_machine_is_asked_without_a_proxy(server, monkeypatch, make):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        proxy.asked = []
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_address[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        port = server.server_address[1]
        with make() as client:
            for host in ("127.0.0.1", "127.0.0.2", "localhost"):
                exchange(client, "GET", f"http://{host}:{port}/ok", timeout=5)
        proxy.shutdown()
    # That the library's own client asks the proxy shows that this test can fail.
    # (Nobody listens at 127.0.0.2, which is this machine all the same.)
    assert (len(server.asked), len(proxy.asked)) == ((2, 0) if make is open_client else (0, 3))


@pytest.mark.parametrize(
    ("address", "secure"),
    [
        ("https://idp.example.com/a?b=c", True),
        ("http://localhost:8080/", True),
        ("http://a.localhost", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:9000/x", True),
        ("http://idp.example.com", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("ftp://idp.example.com", False),
        ("javascript:alert(1)", False),
        ("//idp.example.com", False),
        ("https://", False),
        ("https:/idp.example.com", False),
        ("https://user@idp.example.com", False),
        ("https://@idp.example.com", False),
        ("https://user:pw@idp.example.com", False),
        ("https://idp.example.com /", False),
        (" https://idp.example.com", False),
        ("https://idp.example.com\n", False),
        ("https://idp.exa\tmple.com", False),
        ("https://idp.example.com\u2028", False),
        ("https://evil.example\\@idp.example.com", False),
        ("https://evil.example\\.idp.example.com", False),
        ("https://idp.example.com:x", False),
        ("https://[::1", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_secrets_go_to_https_and_this_machine_alone(address, secure):
    assert is_secure(address) is secure
    if secure:
        assert require_secure_url(address, what="It") == address
        assert is_secure(address, loopback=False) is address.startswith("https:")
    else:
        with pytest.raises(ConfigurationError):
            require_secure_url(address, what="It")


def test_a_closed_test_network_may_do_without_https():
    url = "http://idp.internal/"
    assert require_secure_url(url, what="It", allow_insecure_http=True) == url
    with pytest.raises(ConfigurationError):
        require_secure_url("http://user@idp.internal/", what="It", allow_insecure_http=True)


def test_loopback_is_this_machine():
    assert all(map(is_loopback, ("localhost", "x.localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_loopback, ("localhost.example", "10.0.0.1", "0.0.0.0", "", "128.0.0.1")))  # noqa: S104  # no address to bind to


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "40"}, 40),
        ({"retry-after": " 0 "}, 0),
        (
            {
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
                "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT",
            },
            30,
        ),
        (
            {
                "date": "Wed, 21 Oct 2026 07:28:30 GMT",
                "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            0,
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_when_to_ask_again_is_the_providers_own_time(headers, seconds):
    assert Answer(429, headers=headers).retry_after == seconds


@pytest.mark.parametrize(
    ("status", "document", "passing"),
    [
        (0, {}, True),
        (429, {"error": "slow_down"}, True),
        (503, {}, True),
        (503, {"error": "temporarily_unavailable"}, True),
        (400, {"error": "invalid_grant"}, False),
        (404, {}, False),
        (200, {}, False),
    ],
)
def test_what_may_pass_is_told_from_what_stays(status, document, passing):
    assert Answer(status, document).passing is passing


def test_a_secret_is_not_in_the_repr():
    answer = Answer.read(200, {"x": SECRET}, b'{"access_token": "%s"}' % SECRET.encode())
    assert answer.document["access_token"] == SECRET
    assert SECRET not in repr(answer)
