"""One thread tells of all tokens' ends, each once, and holds nobody alive."""

from __future__ import annotations

import gc
import queue
import threading
import time
import weakref

from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.signin.expiry import Alarm
from oidc_widget.signin.state import Keeper


class Owner:
    def __init__(self, name):
        self.name = name


def test_each_is_called_at_its_time_whatever_the_order_of_setting():
    alarm, called = Alarm(), queue.Queue()
    late, early = Owner("late"), Owner("early")
    now = time.monotonic()
    alarm.set(late, now + 0.1, called.put)
    alarm.set(early, now + 0.05, called.put)
    assert called.get(timeout=10) is early
    assert called.get(timeout=10) is late
    assert time.monotonic() >= now + 0.1


def test_what_is_set_anew_or_cancelled_is_called_once_or_never():
    alarm, called = Alarm(), queue.Queue()
    owner, cancelled, last = Owner("owner"), Owner("cancelled"), Owner("last")
    now = time.monotonic()
    alarm.set(owner, now + 0.01, lambda _: called.put("old"))
    alarm.set(owner, now + 0.02, lambda _: called.put("new"))
    alarm.set(cancelled, now + 0.02, called.put)
    alarm.cancel(cancelled)
    alarm.set(last, now + 0.05, lambda _: called.put("last"))
    assert [called.get(timeout=10), called.get(timeout=10)] == ["new", "last"]
    assert called.empty()


def test_a_call_that_raises_ends_nothing_else(caplog):
    alarm, called = Alarm(), queue.Queue()
    one, two = Owner("one"), Owner("two")
    alarm.set(one, time.monotonic(), lambda _: 1 / 0)
    alarm.set(two, time.monotonic() + 0.01, called.put)
    assert called.get(timeout=10) is two
    assert "could not tell of a token's end" in caplog.text


def test_an_owner_is_not_kept_alive():
    alarm = Alarm()
    owner = Owner("owner")
    alarm.set(owner, time.monotonic() + 1000, lambda _: None)
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None


def test_tokens_of_many_sign_ins_share_one_thread_and_expire_each():
    changes = queue.Queue()
    before = threading.active_count()
    keepers = [Keeper(lambda _old, new: changes.put(new.status)) for _ in range(50)]
    for keeper in keepers:
        keeper.take_token(AccessToken.lasting("token", 0.05))
    assert threading.active_count() <= before + 1
    statuses = [changes.get(timeout=10) for _ in range(100)]
    assert statuses.count("expired") == 50
    assert all(keeper.state.token is None and keeper.state.session for keeper in keepers)


def test_a_token_that_was_replaced_does_not_expire_the_new_one():
    changes = queue.Queue()
    keeper = Keeper(lambda _old, new: changes.put(new.status))
    keeper.take_token(AccessToken.lasting("old", 0.02))
    keeper.take_token(AccessToken.lasting("new", 0.06))
    assert [changes.get(timeout=10) for _ in range(3)] == ["signed_in", "signed_in", "expired"]
    assert changes.empty()
