"""What is left of a widget that is closed, or has nothing to do."""

from __future__ import annotations

import gc
import threading

import pytest

from oidc_widget import OIDCLogin
from oidc_widget.errors import ConfigurationError, SignInError
from oidc_widget.signin import control_channel

TOKEN = {"access_token": "t", "expires_in": 60, "id_token": "i", "claims": {"sub": "a"}, "session": "s"}


def login(**options):
    return OIDCLogin("https://idp.example.com", "notebooks", flow="popup", **options)


def threads_of(w):
    return [thread for thread in threading.enumerate() if thread.name == f"oidc-widget-{w._link_id[:8]}"]


def test_observers_are_told_in_order_and_no_thread_stays_for_them():
    w, told, done = login(), [], threading.Event()

    def observe(change):
        told.append(change.new)
        if change.new == "signed_in":
            done.set()
        raise ZeroDivisionError  # it is shown, and the next one runs

    w.observe(observe, "status")
    for status in ("signing_in", "error", "signing_in"):
        w._desk.keeper.take_status(status)
    w.receive("token", TOKEN, express=True)
    assert done.wait(10)
    assert told == ["signing_in", "error", "signing_in", "signed_in"]
    for thread in threads_of(w):
        thread.join(10)
    assert threads_of(w) == []


def test_a_closed_widget_has_no_token_and_takes_none():
    w, told = login(share_id_token=True), threading.Event()
    w.receive("token", TOKEN, express=True)
    assert w.access_token == "t"
    waiting = w._desk.keeper.arrival()
    assert waiting.done()
    w.observe(lambda change: change.new is None and told.set(), "access_token")
    w.close()
    assert (w.access_token, w.id_token, w.claims, w.status) == (None, None, None, "signed_out")
    assert told.wait(10)
    assert w._link_id not in control_channel._receivers
    w.close()


def test_closing_ends_a_wait():
    w = login()
    waiting = w._desk.keeper.arrival()
    w.close()
    with pytest.raises(SignInError, match="was closed"):
        waiting.result(0)


def test_a_widget_that_was_never_made_closes_quietly():
    with pytest.raises(ConfigurationError):
        OIDCLogin()
    gc.collect()
