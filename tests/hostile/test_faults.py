"""The provider is killed, or the line cut, at each step: people are told, and it goes on afterwards."""

from __future__ import annotations

import threading

import pytest

from oidc_widget import OIDCLogin
from providers.http_person import HttpPerson
from shown import changes_to, shown


@pytest.fixture
def provider(provider):
    provider.configure(device_authorization_response={"set": {"interval": 0.1}}, consent="skip")
    return provider


@pytest.fixture
def w(provider):
    made = OIDCLogin(provider.issuer, provider.client_id)
    yield made
    made._sign_in.source.cancel()
    made.sign_out()


def approve(w, login="alice"):
    with HttpPerson(login) as person:
        person.visit(shown(w)["device"]["verification_uri_complete"])


def sign_in(w):
    w.sign_in()
    approve(w)
    assert changes_to(w, lambda: w.status == "signed_in")


#: Seconds: who got no answer asks no sooner again.
SLOWER = 0.5

STEPS = {
    "discovery": "provider_unreachable",
    "device_authorization": "token_endpoint_unreachable",
    "jwks": "keys_unavailable",
}


@pytest.mark.parametrize("kind", ["refuse", "hang"])
@pytest.mark.parametrize("step", STEPS)
def test_a_sign_in_that_is_cut_off_is_told_and_works_the_next_time(provider, w, told, step, kind):
    provider.fault(step, kind)
    w.sign_in()
    if step == "jwks":
        approve(w)
    if kind == "hang":  # until the line is cut, under whoever waits
        seen_by(provider, step)
        provider.fault(step, "refuse")
    assert changes_to(w, lambda: w.status == "error")
    told(
        {"name": f"line cut at {step}, {kind}", "does": "a sign-in is cut off"},
        "device",
        STEPS[step],
        w.error.code,
    )
    assert w.access_token is None
    provider.heal()
    provider.configure(device_authorization_response={"set": {"interval": 0.1}})
    sign_in(w)
    assert w.error is None


def seen_by(provider, endpoint):
    """Wait until a request hangs there."""
    for _ in range(2000):
        if provider.requests(endpoint):
            return
        threading.Event().wait(0.005)
    raise AssertionError(f"nobody has asked {endpoint}")


def test_a_provider_that_goes_down_and_comes_back_while_a_code_is_out_is_waited_for(
    provider, w, polled, told
):
    w.sign_in()
    shown(w)
    provider.down()
    while polled.get(timeout=10)[1] < SLOWER:
        pass  # the answers of before
    assert w.status == "signing_in"
    provider.up()
    approve(w)
    assert changes_to(w, lambda: w.status in {"signed_in", "error"})
    told({"name": "down while polling", "does": "no connection for a while"}, "device", "signed_in", w.status)


def test_a_provider_that_is_down_takes_no_token_away_and_renews_once_it_is_back(provider, w, told):
    sign_in(w)
    first = w.access_token
    provider.down()
    w.refresh()
    assert changes_to(w, lambda: w.error)
    told(
        {"name": "down at the refresh", "does": "no connection"},
        "renewal",
        "token_endpoint_unreachable",
        w.error.code,
    )
    assert (w.status, w.access_token) == ("expired", None) or w.access_token == first
    provider.up()
    assert changes_to(w, lambda: w.error is None and w.access_token not in {None, first}, 30)
    assert len(provider.requests("token", grant_type="refresh_token", status=200)) == 1


def test_a_provider_that_was_killed_and_knows_nobody_any_more_is_believed(start_provider, told):
    first = start_provider(consent="skip", device_authorization_response={"set": {"interval": 0.1}})
    w = OIDCLogin(first.issuer, first.client_id)
    sign_in(w)
    port = int(first.issuer.rpartition(":")[2])
    first._process.kill()
    first._process.wait()
    start_provider(port=port, consent="skip")
    w.refresh()
    assert changes_to(w, lambda: w.error)
    told(
        {"name": "killed and started anew", "does": "refresh tokens are forgotten"},
        "renewal",
        "invalid_grant",
        w.error.code,
    )
    assert (w.status, w.access_token) == ("expired", None)
