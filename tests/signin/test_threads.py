"""One thread knows when, others may wait; nobody is kept alive, and nothing that goes wrong ends the next."""

from __future__ import annotations

import gc
import os
import queue
import threading
import weakref

import pytest

from oidc_widget.oauth import clock
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.signin.state import State
from oidc_widget.signin.threads import Observers, Scheduler, Worker, weakly


class Owner:
    def __init__(self, called):
        self._called = called

    def call(self):
        self._called.put(self)


@pytest.fixture
def called():
    return queue.Queue()


def test_each_is_called_at_its_time_whatever_the_order_of_setting(called):
    scheduler, now = Scheduler(), clock.now()
    scheduler.at(now + 0.1, lambda: called.put("late"))
    scheduler.at(now + 0.05, lambda: called.put("early"))
    scheduler.soon(lambda: called.put("soon"))
    assert [called.get(timeout=10) for _ in range(3)] == ["soon", "early", "late"]
    assert clock.now() >= now + 0.1


def test_what_is_cancelled_is_never_called_and_holds_nothing(called):
    scheduler, now = Scheduler(), clock.now()
    owner = Owner(called)
    gone = weakref.ref(owner)
    timer = scheduler.at(now + 0.02, owner.call)
    timer.cancel()
    del owner
    assert gone() is None
    scheduler.at(now + 0.05, lambda: called.put("last"))
    assert called.get(timeout=10) == "last"
    assert called.empty()


@pytest.mark.parametrize("raised", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_call_that_raises_ends_nothing_else(called, caplog, raised):
    def fail():
        raise raised

    scheduler, worker = Scheduler(), Worker("tested")
    for put in (scheduler.soon, worker.put):
        put(fail)
        put(lambda: called.put("next"))
        assert called.get(timeout=10) == "next"
    assert caplog.text.count(f"{raised.__name__} in the background") == 2


def test_an_owner_is_not_kept_alive(called):
    owner = Owner(called)
    Scheduler().at(clock.now() + 1000, weakly(owner.call))
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None


def test_a_finalizer_may_hand_something_in_whatever_its_thread_holds(called):
    scheduler = Scheduler()
    scheduler.start()

    class Left:
        def __del__(self):
            scheduler.soon(lambda: called.put("done"))

    with scheduler._lock:
        left = Left()
        del left
        assert called.get(timeout=10) == "done"


def test_what_is_due_while_the_computer_sleeps_is_done_soon_after(called, monkeypatch):
    monkeypatch.setattr("oidc_widget.signin.threads._LONGEST_WAIT", 0.05)
    scheduler, wall = Scheduler(), clock.time.time
    scheduler.at(clock.now() + 3600, lambda: called.put("awake"))
    monkeypatch.setattr(clock.time, "time", lambda: wall() + 7200)
    assert called.get(timeout=10) == "awake"


def test_a_worker_does_one_after_the_other_and_its_thread_ends(called):
    worker = Worker("tested")
    for number in range(100):
        worker.put(lambda number=number: called.put((number, threading.current_thread())))
    done = [called.get(timeout=10) for _ in range(100)]
    assert [number for number, _ in done] == list(range(100))
    for thread in {thread for _, thread in done}:
        thread.join(10)
        assert not thread.is_alive()


def test_what_a_worker_forgets_is_not_done(called):
    worker = Worker("tested")
    worker.put(lambda: called.put("forgotten"), 0.02)
    worker.clear()
    worker.put(lambda: called.put("done"), 0.05)
    assert called.get(timeout=10) == "done"
    assert called.empty()


def test_an_observer_that_leaves_the_interpreter_ends_nothing_else(called, capfd):
    observers = Observers("tested")

    def leave():
        raise SystemExit("I am gone")

    observers.put(leave)
    observers.put(lambda: called.put("next"))
    assert called.get(timeout=10) == "next"
    assert "I am gone" in capfd.readouterr().err


def test_observers_do_without_streams(called, monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    observers = Observers("tested")
    observers.put(lambda: 1 / 0)
    observers.put(lambda: called.put("next"))
    assert called.get(timeout=10) == "next"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_scheduler_of_its_own(called):
    scheduler = Scheduler()
    scheduler.soon(lambda: called.put("parent"))
    assert called.get(timeout=10) == "parent"
    child = os.fork()
    if child == 0:
        from oidc_widget.signin.threads import scheduler as own  # noqa: PLC0415  # the process's

        done = threading.Event()
        own.soon(done.set)
        os._exit(0 if done.wait(10) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_tokens_of_many_sign_ins_share_one_thread_and_expire_each():
    changes = queue.Queue()
    before = threading.active_count()
    states = [State(lambda _old, new: changes.put(new.status)) for _ in range(50)]
    for state in states:
        state.take_token(AccessToken.lasting("token", 0.05))
    assert threading.active_count() <= before + 1
    statuses = [changes.get(timeout=10) for _ in range(100)]
    assert statuses.count("expired") == 50
    assert all(state.now.token is None and state.now.session for state in states)


def test_a_token_that_was_replaced_does_not_expire_the_new_one():
    changes = queue.Queue()
    state = State(lambda _old, new: changes.put(new.status))
    state.take_token(AccessToken.lasting("old", 0.02))
    state.take_token(AccessToken.lasting("new", 0.06))
    assert [changes.get(timeout=10) for _ in range(3)] == ["signed_in", "signed_in", "expired"]
    assert changes.empty()
