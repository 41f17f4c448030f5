"""A token request through the relay.

A confidential client's refresh: through the Jupyter server, which adds the client's secret, and straight to
the provider. Fifty at once start together on a fresh server, whose rate limit allows sixty to one user.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from benchmarks.figure import Figure
from benchmarks.rounds import medians, percentile, take_turns
from jupyter_process import JupyterServer
from providers.http_person import HttpPerson
from providers.oidc_provider import OidcProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = OidcProvider.confidential
REDIRECT_URI = "http://localhost/oidc-widget/callback"
VERIFIER = "v" * 43
EXTRA = 10  # ms
AT_ONCE = 50
AS_CLIENT = (CLIENT.client_id, CLIENT.client_secret)


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield a row for one request, and two for fifty."""
    with OidcProvider(redirect_uris=[REDIRECT_URI], consent="skip", rotation=False) as provider:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token(provider)}
        straight = (f"{provider.issuer}/token", {"auth": AS_CLIENT})
        with relay(provider) as through:
            turns = {"relay": partial(one, *through, form), "straight": partial(one, *straight, form)}
            take_turns(turns, 3)
            found = medians(take_turns(turns, 5 if quick else 20))
        yield figure("one token request", found)
        bursts: dict[str, list[float | None]] = {"relay": [], "straight": []}
        for _ in range(1 if quick else 5):
            with relay(provider) as through:
                one(*through, form)  # what is loaded once
                bursts["relay"] += asyncio.run(at_once(*through, form))
            bursts["straight"] += asyncio.run(at_once(*straight, form))
    times = {name: [took for took in burst if took is not None] for name, burst in bursts.items()}
    yield figure(f"{AT_ONCE} at once, p50", {name: statistics.median(each) for name, each in times.items()})
    yield figure(
        f"{AT_ONCE} at once, p99", {name: percentile(each, 99) for name, each in times.items()}, bar=False
    )
    failures = {name: len(bursts[name]) - len(times[name]) for name in bursts}
    yield Figure(
        f"of {len(bursts['relay'])} that failed",
        failures["relay"],
        "",
        {"straight": failures["straight"]},
        "none",
        failures["relay"] == 0,
    )


def figure(what: str, found: dict[str, float], *, bar: bool = True) -> Figure:
    """Compare the two ways."""
    met = found["relay"] <= found["straight"] + EXTRA
    others = {"straight": found["straight"]}
    return Figure(what, found["relay"], "ms", others, *((f"≤ straight + {EXTRA} ms", met) if bar else ()))


@contextlib.contextmanager
def relay(provider: OidcProvider) -> Iterator[tuple[str, dict[str, Any]]]:
    """Start a server with the relay; give the address, and what a request to it needs."""
    entry = {
        "authority": provider.issuer,
        "client_id": CLIENT.client_id,
        "client_secret_env": "CONFIDENTIAL_SECRET",
    }
    config = {
        "OIDCWidget": {"providers": {"corp": entry}},
        "ServerApp": {"jpserver_extensions": {"oidc_widget": True}},
    }
    env = {"CONFIDENTIAL_SECRET": CLIENT.client_secret}
    with tempfile.TemporaryDirectory() as folder:
        server = JupyterServer(Path(folder), app="server", config=config, env=env)
        with contextlib.closing(server):
            headers = {"Authorization": f"token {server.token}"}
            yield f"{server.url}oidc-widget/api/providers/corp/token", {"headers": headers}


def refresh_token(provider: OidcProvider) -> str:
    """Sign Alice in, and return what may be redeemed again and again."""
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    parameters = {
        "response_type": "code",
        "client_id": CLIENT.client_id,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid profile email",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    with HttpPerson("alice") as person:
        answer = person.visit(f"{provider.issuer}/auth?{urlencode(parameters)}", until=REDIRECT_URI)
    form = {
        "grant_type": "authorization_code",
        "code": httpx.URL(answer).params["code"],
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    tokens = httpx.post(f"{provider.issuer}/token", data=form, auth=AS_CLIENT, trust_env=False)
    return tokens.raise_for_status().json()["refresh_token"]


def one(address: str, how: dict[str, Any], form: dict[str, str]) -> float:
    """Make one request, and return the ms."""
    with httpx.Client(trust_env=False, **how) as client:
        started = time.perf_counter()
        client.post(address, data=form).raise_for_status()
        return 1000 * (time.perf_counter() - started)


async def at_once(address: str, how: dict[str, Any], form: dict[str, str]) -> list[float | None]:
    """Make many, and return the ms of each; None for one that failed."""
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits, **how) as client:

        async def timed() -> float | None:
            started = time.perf_counter()
            answer = await client.post(address, data=form)
            return 1000 * (time.perf_counter() - started) if answer.is_success else None

        return await asyncio.gather(*(timed() for _ in range(AT_ONCE)))
