"""How many requests a second a protected view answers, beside the same view without protection.

    python benchmarks/request_speed.py [seconds per figure]

Prints, and asserts nothing. The requests are made in this process, without a network: by Flask's test client,
and by calling FastAPI's application as a server does. All take turns, and what counts is processor
time; each figure is the median of the rounds.

unprotected       the view alone
protected         behind `OIDCProtect`, an ES256 token by RFC 9068, keys at hand
  repeated token  the same with `cache_size`: the signature was verified before
  DPoP            the same with a token bound to a key, and a proof for each request (RFC 9449)
"""
# ruff: noqa: INP001, T201  (a script, which prints)

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI
from flask import Flask
from joserfc.jwk import ECKey

from oidc_widget.verify import fastapi, flask
from oidc_widget.verify.testing import Issuer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 11
URL = "http://api.test"


def main(seconds: float) -> None:
    """Measure both frameworks."""
    issuer = Issuer()
    for name, functions in (("Flask", flask_views(issuer)), ("FastAPI", fastapi_views(issuer))):
        rates = measure(functions, seconds)
        print(f"{name}  (requests a second; share of the unprotected view's)")
        for view, rate in rates.items():
            print(f"  {view:<16} {rate:>8,.0f}   {rate / rates['unprotected']:.2f}")


def proofs(issuer: Issuer, path: str) -> Iterator[dict[str, str]]:
    """Make the headers of one request after another; their making counts, so they are made before."""
    key = ECKey.generate_key("P-256")
    token = issuer.token(cnf={"jkt": key.thumbprint()})
    while True:
        batch = [issuer.proof(token, "GET", f"{URL}{path}", key=key) for _ in range(20_000)]
        yield from ({"Authorization": f"DPoP {token}", "DPoP": proof} for proof in batch)


def flask_views(issuer: Issuer) -> dict[str, Callable[[], object]]:
    """Make one function for each view, which makes one request."""
    app = Flask(__name__)
    app.add_url_rule("/open", "open", lambda: "in")
    for path, cache in (("protected", 0), ("cached", 100)):
        protect = flask.OIDCProtect(app, **issuer.settings, cache_size=cache)
        app.add_url_rule(f"/{path}", path, protect.token_required(lambda: "in"))
    client = app.test_client()
    headers = issuer.headers()
    bound = proofs(issuer, "/protected")

    def get(path: str, headers: dict[str, str]) -> None:
        if client.get(f"{URL}{path}", headers=headers).text != "in":
            raise AssertionError(path)

    return {
        "unprotected": lambda: get("/open", headers),
        "protected": lambda: get("/protected", headers),
        "  repeated token": lambda: get("/cached", headers),
        "  DPoP": lambda: get("/protected", next(bound)),
    }


def fastapi_views(issuer: Issuer) -> dict[str, Callable[[], object]]:
    """Do the same for FastAPI."""
    app = FastAPI()

    async def view() -> str:
        return "in"

    app.get("/open")(view)
    for path, cache in (("protected", 0), ("cached", 100)):
        protect = fastapi.OIDCProtect(app, **issuer.settings, cache_size=cache)
        app.get(f"/{path}", dependencies=[Depends(protect)])(view)
    loop = asyncio.new_event_loop()
    headers = issuer.headers()
    bound = proofs(issuer, "/protected")

    def get(path: str, headers: dict[str, str]) -> None:
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "server": ("api.test", 80),
            "client": ("127.0.0.1", 1),
            "headers": [
                (b"host", b"api.test"),
                *((name.lower().encode(), value.encode()) for name, value in headers.items()),
            ],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        loop.run_until_complete(app(scope, receive, send))  # type: ignore[arg-type]
        if sent[0]["status"] != 200:  # noqa: PLR2004
            raise AssertionError(path)

    return {
        "unprotected": lambda: get("/open", headers),
        "protected": lambda: get("/protected", headers),
        "  repeated token": lambda: get("/cached", headers),
        "  DPoP": lambda: get("/protected", next(bound)),
    }


def measure(functions: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Return requests a second, taking turns."""
    for function in functions.values():
        function()
    rates: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            deadline = time.process_time() + seconds / ROUNDS
            started = time.process_time()
            count = 0
            while time.process_time() < deadline:
                for _ in range(10):
                    function()
                count += 10
            rates[name].append(count / (time.process_time() - started))
    return {name: statistics.median(values) for name, values in rates.items()}


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
