"""Requests in a second through a protected view.

Without a network: by Flask's test client, and by calling FastAPI's application as a server does. ES256
tokens (RFC 9068), keys at hand, processor time. *By hand* is the same view with a bare `joserfc` inside,
which checks signature, `iss`, `aud` and `exp`; *repeated* means with `cache_size`; *DPoP* is a token bound
to a key, with a proof for each request (RFC 9449).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI
from fastapi import Request as FastAPIRequest
from flask import Flask, request
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from benchmarks.figure import Figure
from benchmarks.rounds import rates
from oidc_widget.verify import fastapi, flask
from oidc_widget.verify.testing import Issuer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

URL = "http://api.test"
SHARE = 0.9
PROOFS = 20_000  # their making counts, so they are made before


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield three rows for each framework."""
    issuer = Issuer()
    for name, views in (("Flask", flask_views), ("FastAPI", fastapi_views)):
        with views(issuer) as functions:
            found = rates(functions, 0.3 if quick else 3, rounds=11)
        protected, by_hand = found["protected"], found["by hand"]
        others = {"unprotected": found["unprotected"], "by hand": by_hand}
        met = protected >= SHARE * by_hand
        yield Figure(name, protected, "a second", others, f"≥ {SHARE} × by hand", met)
        yield Figure(f"{name}, repeated", found["repeated"], "a second")
        yield Figure(f"{name}, DPoP", found["DPoP"], "a second")


def by_hand(issuer: Issuer) -> Callable[[str], object]:
    """Return what somebody would write without this package."""
    address, audience = issuer.settings["issuer"], issuer.settings["audience"]
    keys = KeySet.import_key_set(issuer.jwks)
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": address},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
    )

    def check(header: str) -> None:
        token = jwt.decode(header.removeprefix("Bearer "), keys, algorithms=["ES256"])
        registry.validate(token.claims)

    return check


def proofs(issuer: Issuer, path: str) -> Iterator[dict[str, str]]:
    """Make the headers of one request after another."""
    key = ECKey.generate_key("P-256")
    token = issuer.token(cnf={"jkt": key.thumbprint()})
    while True:
        batch = [issuer.proof(token, "GET", f"{URL}{path}", key=key) for _ in range(PROOFS)]
        yield from ({"Authorization": f"DPoP {token}", "DPoP": proof} for proof in batch)


@contextlib.contextmanager
def flask_views(issuer: Issuer) -> Iterator[dict[str, Callable[[], object]]]:
    """Give one function for each view, which makes one request."""
    plain, app, check = Flask("plain"), Flask("protected"), by_hand(issuer)

    def checked() -> str:
        check(request.headers["Authorization"])
        return "in"

    plain.add_url_rule("/unprotected", "unprotected", lambda: "in")
    plain.add_url_rule("/by-hand", "by hand", checked)
    for path, cache in (("protected", 0), ("repeated", 100)):
        protect = flask.OIDCProtect(app, **issuer.settings, cache_size=cache)
        app.add_url_rule(f"/{path}", path, protect.token_required(lambda: "in"))
    clients = {False: plain.test_client(), True: app.test_client()}

    def get(path: str, headers: dict[str, str], *, ours: bool = True) -> None:
        if clients[ours].get(f"{URL}{path}", headers=headers).text != "in":
            raise RuntimeError(f"{path} did not let the token in")

    yield requests(issuer, get)


@contextlib.contextmanager
def fastapi_views(issuer: Issuer) -> Iterator[dict[str, Callable[[], object]]]:
    """Do the same for FastAPI."""
    plain, app, check = FastAPI(), FastAPI(), by_hand(issuer)

    async def view() -> str:
        return "in"

    async def checked(request: FastAPIRequest) -> None:
        check(request.headers["Authorization"])

    plain.get("/unprotected")(view)
    plain.get("/by-hand", dependencies=[Depends(checked)])(view)
    for path, cache in (("protected", 0), ("repeated", 100)):
        protect = fastapi.OIDCProtect(app, **issuer.settings, cache_size=cache)
        app.get(f"/{path}", dependencies=[Depends(protect)])(view)

    with contextlib.closing(asyncio.new_event_loop()) as loop:

        def get(path: str, headers: dict[str, str], *, ours: bool = True) -> None:
            if loop.run_until_complete(answer(app if ours else plain, path, headers)) != 200:  # noqa: PLR2004  # OK
                raise RuntimeError(f"{path} did not let the token in")

        yield requests(issuer, get)


def requests(issuer: Issuer, get: Callable[..., None]) -> dict[str, Callable[[], object]]:
    """Name the requests that are compared."""
    headers, bound = issuer.headers(), proofs(issuer, "/protected")
    return {
        "unprotected": lambda: get("/unprotected", headers, ours=False),
        "by hand": lambda: get("/by-hand", headers, ours=False),
        "protected": lambda: get("/protected", headers),
        "repeated": lambda: get("/repeated", headers),
        "DPoP": lambda: get("/protected", next(bound)),
    }


async def answer(app: FastAPI, path: str, headers: dict[str, str]) -> int:
    """Make one request (ASGI), and return the status."""
    sent: list[dict[str, Any]] = []
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

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]  # plain mappings
    return sent[0]["status"]
