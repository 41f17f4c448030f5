"""Lifetimes go on while the computer sleeps and when a clock is set: here the clocks are moved by hand."""

from __future__ import annotations

import time

import pytest

from oidc_widget.oauth import clock
from oidc_widget.oauth.access_token import AccessToken

#: Moves a clock of the kernel's process, as sleep does (the wall clock alone), or a wrong time put right.
MOVE = """
import time
def move(name, seconds):
    real = getattr(time, name)
    setattr(time, name, lambda: real() + seconds)
"""


@pytest.fixture
def moved(monkeypatch):
    def move(name, seconds):
        real = getattr(time, name)
        monkeypatch.setattr(clock.time, name, lambda: real() + seconds)

    yield move
    monkeypatch.undo()
    clock.now()


@pytest.mark.parametrize("name", ["time", "monotonic"])
def test_whichever_clock_moved_further_counts(moved, name):
    token = AccessToken.lasting("token", 600)
    moved(name, 3600)
    assert not token.lives()
    assert token.expires_in == 0


def test_a_clock_that_is_set_back_gives_no_token_a_longer_life(moved):
    token = AccessToken.lasting("token", 600)
    moved("time", -3600)
    assert 590 < token.expires_in <= 600
    moved("time", 3600)  # and right again: what was missed is not known, so it counts
    assert token.expires_in == 0


def test_clocks_that_drift_a_little_add_nothing_up(monkeypatch):
    wall, off = time.time, [0.0]
    monkeypatch.setattr(clock.time, "time", lambda: wall() + off[0])
    begun = clock.now()
    for step in range(1000):
        off[0] = 0.4 * (step % 2)
        clock.now()
    assert clock.now() - begun < 10


@pytest.mark.parametrize("name", ["time", "monotonic"])
def test_a_kernel_that_slept_has_no_stale_token_and_asks_for_a_new_one(kernel, name):
    kernel.login()
    kernel.page()
    kernel.token("w", "old", expires_in=600)
    kernel.run(MOVE)
    try:
        kernel.run(f"move({name!r}, 3600)")
        assert kernel.run("w.status, w.access_token, w.expires_in") == "('expired', None, None)"
        before = len(kernel.told)
        cell = kernel.start("w.token(timeout=20)")
        question = kernel.wait_for_message("refresh", after=before)
        kernel.answer("w", question, "new")
        assert cell.finish() == "'new'"
    finally:
        kernel.run(f"move({name!r}, -3600)")


def test_observers_hear_of_the_end_soon_after_the_kernel_woke_up(kernel):
    kernel.login()
    kernel.token("w", "old", expires_in=600)
    kernel.run(MOVE)
    kernel.run("heard = []; w.observe(lambda change: heard.append(change.new), 'status')")
    try:
        kernel.run("move('time', 3600)")
        assert kernel.run(
            "t = time.perf_counter()\nwhile 'expired' not in heard: time.sleep(0.01)\nheard"
        ) == ("['expired']")
    finally:
        kernel.run("move('time', -3600)")
