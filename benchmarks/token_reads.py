"""What a fresh token costs whoever asks for it.

`w.token()` in a plain process, as each request of a loop calls it; and requests by clients as people make
them, over one https connection that is kept alive to a server in another process, with `auth=w.auth` and
with the header written by hand.
"""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import sys
import tempfile
import time
import timeit
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import requests

from benchmarks.figure import Figure
from benchmarks.rounds import medians, take_turns
from oidc_widget import OIDCLogin
from tls_proxy import self_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLS = 20_000
MOST = 2.0  # µs
SHARE = 1.05
TOKEN = "benchmark-token"  # noqa: S105  # of nobody

SERVER = """
import ssl, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        known = self.headers["Authorization"] == "Bearer " + TOKEN
        self.send_response(204 if known else 401)
        self.end_headers()
    def log_message(self, *_): pass
TOKEN, key, certificate = sys.argv[1:]
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield the calls, and the requests."""
    w = OIDCLogin("https://idp.example.com", "notebooks", flow="popup")
    w.receive("token", {"access_token": TOKEN, "expires_in": 36_000}, express=True)
    calls = {
        "w.token()": w.token,
        "w.access_token": lambda: w.access_token,
        "scopes": lambda: w.token(scopes="openid profile email"),
    }
    turns = {
        name: lambda call=call: 1e6 * timeit.timeit(call, timer=time.process_time, number=CALLS) / CALLS
        for name, call in calls.items()
    }
    found = medians(take_turns(turns, 3 if quick else 21))
    read = {"w.access_token": found["w.access_token"]}
    yield Figure("w.token()", found["w.token()"], "µs", read, f"≤ {MOST:.0f} µs", found["w.token()"] <= MOST)
    yield Figure("w.token(scopes=…), those signed in for", found["scopes"], "µs")
    yield from authenticated_requests(w, rounds=200 if quick else 3000)


def authenticated_requests(w: OIDCLogin, rounds: int) -> Iterator[Figure]:
    """Yield a row for each client."""
    header = {"Authorization": f"Bearer {TOKEN}"}
    with contextlib.ExitStack() as opened:
        url, certificate = opened.enter_context(server())
        context = ssl.create_default_context(cafile=certificate)
        sessions = [opened.enter_context(requests.Session()) for _ in range(2)]
        clients = [opened.enter_context(httpx.Client(verify=context)) for _ in range(2)]
        # Of `requests`, each call is told: the environment's own certificates go before a session's.
        for name, (first, second), how in (
            ("requests", sessions, {"verify": certificate}),
            ("httpx", clients, {}),
        ):
            found = medians(
                take_turns(
                    {
                        "auth": once(partial(first.get, url, auth=w.auth, **how)),
                        "constant header": once(partial(second.get, url, headers=header, **how)),
                    },
                    rounds,
                )
            )
            took = found.pop("auth")
            yield Figure(
                f"a request by {name} with auth=w.auth",
                took,
                "ms",
                found,
                f"≤ {SHARE} × constant header",
                took <= SHARE * found["constant header"],
            )


@contextlib.contextmanager
def server() -> Iterator[tuple[str, str]]:
    """Start the server; give its address and its certificate."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = map(str, self_signed(Path(folder)))
        command = [sys.executable, "-c", SERVER, TOKEN, key, certificate]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield f"https://localhost:{process.stdout.readline().strip()}/", certificate
            finally:
                process.terminate()


def once(get: Callable[[], object]) -> Callable[[], float]:
    """Return a function that makes the request, and returns the ms."""

    def timed() -> float:
        started = time.perf_counter()
        answer = get()
        took = 1000 * (time.perf_counter() - started)
        if answer.status_code != 204:  # noqa: PLR2004  # No Content
            raise RuntimeError(f"the server answered {answer.status_code}")
        return took

    return timed
