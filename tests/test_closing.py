"""What is left of a widget that is closed, or has nothing to do."""

from __future__ import annotations

import gc
import queue
import threading
import weakref

import pytest
from ipywidgets.widgets import widget as ipywidgets_widget

from oidc_widget import OIDCLogin
from oidc_widget.errors import ConfigurationError, SignInError
from oidc_widget.signin import control_channel

TOKEN = {"access_token": "t", "expires_in": 60, "id_token": "i", "claims": {"sub": "a"}, "session": "s"}


def login(**options):
    return OIDCLogin("https://idp.example.com", "notebooks", **{"flow": "popup", **options})


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
        w._sign_in.state.take_status(status)
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
    waiting = w._sign_in.state.arrival()
    assert waiting.done()
    w.observe(lambda change: change.new is None and told.set(), "access_token")
    w.close()
    assert (w.access_token, w.id_token, w.claims, w.status) == (None, None, None, "signed_out")
    assert told.wait(10)
    assert w._link_id not in control_channel._receivers
    w.close()


def test_closing_ends_a_wait():
    w = login()
    waiting = w._sign_in.state.arrival()
    w.close()
    with pytest.raises(SignInError, match="was closed"):
        waiting.result(0)


def test_a_widget_that_was_never_made_closes_quietly():
    with pytest.raises(ConfigurationError):
        OIDCLogin()
    gc.collect()


def leave(count, make):
    """Return how many of so many widgets are still there after nothing of a person's refers to them."""
    left = [weakref.ref(make()) for _ in range(count)]
    gc.collect()
    return sum(reference() is not None for reference in left)


def with_a_token(**options):
    w = login(**options)
    w.observe(lambda change: change, "access_token")
    w.receive("token", TOKEN, express=True)
    return w


def closed():
    w = with_a_token()
    w.close()
    return w


@pytest.mark.parametrize(
    "make", [with_a_token, closed, lambda: OIDCLogin("https://a.example", "a", flow="device")]
)
def test_nothing_of_ours_keeps_a_widget_alive(make):
    # Some libraries' own caches keep what they were given in other tests.
    registered, receiving = len(ipywidgets_widget._instances), len(control_channel._receivers)
    assert leave(20, make) == 0
    assert len(ipywidgets_widget._instances) <= registered
    assert len(control_channel._receivers) <= receiving


def test_a_widget_that_somebody_can_reach_stays_and_goes_on():
    w, told = with_a_token(), threading.Event()
    held = [w.auth]
    number = w._link_id
    del w
    gc.collect()
    w = ipywidgets_widget._instances[number]  # as a page finds it that was reloaded
    assert w.access_token == "t"
    w.observe(lambda _: told.set(), "access_token")
    w.comm.handle_msg(
        {
            "content": {
                "data": {
                    "method": "custom",
                    "content": {
                        "link_id": number,
                        "event": "token",
                        "payload": {**TOKEN, "access_token": "new"},
                    },
                }
            },
            "buffers": [],
        }
    )
    assert told.wait(10)
    assert w.access_token == "new"
    held.clear()
    del w


def test_what_a_page_sets_of_the_state_changes_nothing():
    w = login()
    w.set_state(
        {
            "_request": {"authority": 5},
            "_link_id": "another",
            "_options": {},
            "status": "signed_in",
            "_esm": "x",
        }
    )
    assert w._request["authority"] == "https://idp.example.com"
    assert w._options["flow"] == "popup"
    assert (w.status, len(w._link_id)) == ("signed_out", 32)
    assert len(w._esm) > 1000


def test_a_token_that_arrives_while_notifications_are_held_is_taken():
    w, told = login(), queue.Queue()
    w.observe(lambda change: told.put(change.new), "access_token")
    with w.hold_trait_notifications():
        w.receive("token", TOKEN, express=True)
        assert told.get(timeout=10) == "t"
        assert w.access_token == "t"
    assert (w.access_token, w.status) == ("t", "signed_in")


def test_a_slow_observer_does_not_delay_what_a_page_asks_for():
    w = login(flow="device")
    w.receive("page", {"popup": False}, express=True)
    w.receive("token", TOKEN, express=True)
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def observe(_change):
        began.set()
        go_on.wait(20)

    w.observe(observe, "access_token")
    w.receive("token", {**TOKEN, "access_token": "new"}, express=True)
    assert began.wait(10)
    state = w._sign_in.state
    real = state.end
    state.end = lambda: (real(), ended.set())
    w.receive("command", {"name": "sign_out"}, express=True)
    assert ended.wait(10)
    assert w.access_token is None
    go_on.set()


def test_an_observer_that_leaves_the_interpreter_ends_nothing_else(capfd):
    w, told = login(), threading.Event()

    def observe(change):
        if change.new == "signed_in":
            told.set()
        raise SystemExit("gone")

    w.observe(observe, "status")
    w.receive("status", {"status": "signing_in"}, express=True)
    w.receive("token", TOKEN, express=True)
    assert told.wait(10)
    assert "gone" in capfd.readouterr().err


def test_a_delivery_that_failed_is_no_copy_when_it_comes_by_the_other_lane(monkeypatch):
    w = login()
    payload = {**TOKEN, "seq": 1, "vault": "v"}
    with monkeypatch.context() as broken:
        broken.setattr(w._sign_in.state, "take_token", lambda *_, **__: 1 / 0)
        content = {"link_id": w._link_id, "event": "token", "payload": payload}
        assert control_channel.deliver(content, by_control=True) == {"status": "error"}
    assert w.access_token is None
    w.receive("token", payload, express=False)
    assert w.access_token == "t"
    w.receive("token", {**payload, "access_token": "copy"}, express=True)
    assert w.access_token == "t"
