"""A child that was forked uses what is in memory, asks nobody, and leaves the parent's session alone."""

from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from oidc_widget import OIDCLogin
from oidc_widget.errors import TokenError
from oidc_widget.signin.token_cache import OWN
from shown import changes_to

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def in_child(work):
    """Run this in a forked child, and return what it returned, or the error that it raised."""
    ours, theirs = multiprocessing.Pipe(duplex=False)

    def run():
        try:
            theirs.send(work())
        except Exception as error:  # noqa: BLE001  # the parent judges
            theirs.send(error)

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    assert ours.poll(20), "the child hangs"
    child.join(20)
    return ours.recv()


def requests(provider):
    return len(provider.requests("token")) + len(provider.requests("revocation"))


def test_a_child_uses_the_token_that_there_is(provider, signed_in):
    w = signed_in()
    before = requests(provider)
    assert in_child(lambda: (w.token(), w.access_token, w.expires_in > 0)) == (w.token(), w.token(), True)
    assert requests(provider) == before


@pytest.mark.parametrize(
    "ask",
    [
        lambda w: w._sign_in.token(OWN, 60, 20, w._sign_in.state.now.token),
        lambda w: w.token(min_ttl=10**6, resource="https://api.example/"),
        lambda w: w.wait(0) and w.refresh(),
        lambda w: w.sign_in(),
        lambda w: w.paste("http://localhost/"),
    ],
)
@pytest.mark.parametrize("locked", [False, True])
def test_a_child_asks_nobody_and_says_what_to_do(provider, signed_in, ask, locked):
    w = signed_in()
    before = requests(provider)
    with (
        w._sign_in.state._lock if locked else threading.Lock(),
        w._sign_in.cache._lock if locked else threading.Lock(),
    ):
        error = in_child(lambda: ask(w))
    assert isinstance(error, TokenError)
    assert (error.code, "dask.share" in error.hint) == ("forked", True)
    assert requests(provider) == before


@pytest.mark.parametrize("end", [lambda w: w.sign_out(), lambda w: w.close()])
def test_what_a_child_ends_goes_on_in_the_parent(provider, signed_in, end):
    w = signed_in()
    before = requests(provider)
    assert in_child(lambda: (end(w), w.access_token))[1] is None
    assert requests(provider) == before
    old = w.access_token
    w.refresh()
    assert changes_to(w, lambda: w.access_token != old)
    assert w.status == "signed_in"


def test_a_widget_that_a_child_makes_is_its_own(provider, approve):
    def work():
        own = OIDCLogin(provider.issuer, provider.client_id, flow="device")
        own.sign_in()
        approve(own)
        return bool(own.wait(20))

    assert in_child(work) is True
