"""Threads and event loops that use one sign-in at once; `OIDC_WIDGET_STRESS=60` makes it a minute."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time

import pytest

from oidc_widget import OIDCLogin
from oidc_widget.errors import TokenError

SECONDS = float(os.environ.get("OIDC_WIDGET_STRESS", "5"))
THREADS, LOOPS = 9, 4


class Page:
    """A page as it answers: new tokens, sometimes a refusal, sometimes nothing at once."""

    def __init__(self, w):
        self._w = w
        self._count = 0
        self._lock = threading.Lock()

    def hear(self, message):
        threading.Thread(target=self._answer, args=(message,), daemon=True).start()

    def _answer(self, message):
        with self._lock:
            self._count += 1
            number = self._count
        if message["kind"] == "ping":
            self._w.receive("page", {"popup": True}, express=True)
        elif message["kind"] == "refresh" and message.get("id"):
            result = {"access_token": f"token-{number}", "expires_in": 61}
            if number % 7 == 0:
                result = {"error": {"code": "provider_unreachable", "message": "It is down."}}
            if number % 5 == 0:
                self._w.receive("token", {"access_token": f"own-{number}", "expires_in": 61}, express=True)
            self._w.receive("answer", {"id": message["id"], **result}, express=number % 2 == 0)


@pytest.fixture
def w():
    made = OIDCLogin("https://idp.example", "notebooks", flow="popup")
    made._sign_in.pages._send = Page(made).hear
    made.receive("page", {"popup": True}, express=True)
    made.receive("token", {"access_token": "first", "expires_in": 61}, express=True)
    yield made
    made.close()


class Crowd:
    """What came of all that was asked: a request may be refused, but not hang, nor raise anything else."""

    def __init__(self, w):
        self._w = w
        self._end = time.monotonic() + SECONDS
        self.served = [0] * (THREADS + LOOPS)
        self.failures = []

    def ask(self, number):
        how = {"resource": f"https://api.example/{number % 3}"} if number % 2 else {}
        while time.monotonic() < self._end:
            with self._judged(number):
                assert self._w.token(60.5 + 0.5 * (number % 2), timeout=10, **how)

    def ask_in_loop(self, number):
        async def both():
            await asyncio.gather(self._ask_async(number, 5), self._ask_async(number, 0.01))

        asyncio.run(both())

    async def _ask_async(self, number, patience):
        while time.monotonic() < self._end:
            with self._judged(number), contextlib.suppress(asyncio.TimeoutError):
                # Who gives up takes nobody else's answer away.
                assert await asyncio.wait_for(self._w.token_async(61, timeout=10), patience)

    @contextlib.contextmanager
    def _judged(self, number):
        try:
            yield
        except TokenError:
            pass
        except BaseException as error:  # noqa: BLE001  # judged at the end
            self.failures.append(error)
        self.served[number] += 1


def test_many_threads_and_loops_get_tokens_and_nobody_is_stuck(w):
    crowd, told = Crowd(w), []
    w.observe(lambda change: told.append(change.new), "access_token")
    work = [*(crowd.ask for _ in range(THREADS)), *(crowd.ask_in_loop for _ in range(LOOPS))]
    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number, ask in enumerate(work)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(SECONDS + 20)
    assert [sys._current_frames()[one.ident] for one in threads if one.is_alive()] == []
    assert crowd.failures == []
    assert min(crowd.served) > 0
    assert w._sign_in.cache._open == {}
    assert told
