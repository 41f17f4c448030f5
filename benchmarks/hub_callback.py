"""JupyterHub's callback, with two hundred people at once.

A real Hub with its proxy and its service, and browsers that follow redirects as real ones do: each is
signed in to the Hub, and comes back from its provider in the same moment. The first time, the Hub's own
sign-in to its service lies in between (four redirects, two requests from the service to the Hub). Users'
servers only pretend to run: nobody gets as far as theirs.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx

from benchmarks import ROOT
from benchmarks.figure import Figure
from benchmarks.rounds import percentile
from hub import PASSWORD, Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 1000  # ms, p99
REDIRECTS = 8
PATIENCE = 120  # seconds
TOGETHER = 20  # servers that the Hub starts
ARRIVED = re.compile(r"/user/[^/]+/oidc-widget/callback")


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield the rows of the first arrival, and those of the next."""
    names = [f"user-{number}" for number in range(20 if quick else 200)]
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(
            Path(folder), spawner="benchmarks.pretend_spawner.PretendSpawner", env={"PYTHONPATH": str(ROOT)}
        )
        with contextlib.closing(hub):
            for first in range(0, len(names), TOGETHER):
                hub.start_servers(names[first : first + TOGETHER])
            found = asyncio.run(arrivals(hub, names))
    for when, times in found.items():
        ended = [took for took in times if took is not None]
        slow = percentile(ended, 99)
        what = f"{len(names)} at once, {when}"
        yield Figure(f"{what}, p50", statistics.median(ended), "ms")
        yield Figure(f"{what}, p99", slow, "ms", {}, f"≤ {MOST} ms", slow <= MOST)
        failed = len(times) - len(ended)
        yield Figure(f"{what}, failed", failed, "", {}, "none", failed == 0)


async def arrivals(hub: Hub, names: list[str]) -> dict[str, list[float | None]]:
    """Sign all in to the Hub, and let them come back from their providers, twice."""
    async with contextlib.AsyncExitStack() as opened:
        people = {
            name: await opened.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=PATIENCE))
            for name in names
        }
        for name, browser in people.items():
            await sign_in(hub, name, browser)
        return {
            when: await asyncio.gather(*(arrive(hub, name, browser) for name, browser in people.items()))
            for when in ("the first time", "the next time")
        }


async def sign_in(hub: Hub, name: str, browser: httpx.AsyncClient) -> None:
    """Sign in to the Hub."""
    page = await browser.get(f"{hub.url}hub/login")
    [token] = re.findall(r'name="_xsrf"\s+value="([^"]*)"', page.text)
    form = {"username": name, "password": PASSWORD, "_xsrf": token}
    answer = await browser.post(f"{hub.url}hub/login", data=form)
    if not answer.has_redirect_location:
        raise RuntimeError(f"{name} could not sign in to the Hub: {answer.status_code}")


async def arrive(hub: Hub, name: str, browser: httpx.AsyncClient) -> float | None:
    """Come from the provider, and return the ms until the Hub sends one on; None if it doesn't."""
    target = (
        base64.urlsafe_b64encode(f"{hub.user_url(name)}oidc-widget/callback".encode()).rstrip(b"=").decode()
    )
    address = f"{hub.redirect_uri}?code=c&state={'r' * 43}.{target}"
    started = time.perf_counter()
    for _ in range(REDIRECTS):
        answer = await browser.get(address)
        if not answer.has_redirect_location:
            return None
        address = urljoin(str(answer.url), answer.headers["Location"])
        if ARRIVED.search(address):
            return 1000 * (time.perf_counter() - started)
    return None
