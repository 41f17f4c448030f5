"""What the process that signed in does with its session: renewal, the end, and what it keeps to itself."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from oidc_widget.errors import DiscoveryError, SignInTimeout, TokenError
from oidc_widget.oauth import clock
from oidc_widget.oauth.secret import Secret
from oidc_widget.signin.token_cache import OWN
from shown import changes_to

DATA = "https://data.example.com/"


def refreshes(provider):
    return provider.requests("token", grant_type="refresh_token")


def renew(session):
    """Renew as its worker does, so that what goes wrong comes here with its frames."""
    session._request(session._slots[session._own])


def refresh_tokens(provider):
    return {secret.value for secret in provider.secrets("refresh_token")}


def test_a_hundred_threads_cause_one_refresh(provider, signed_in):
    w = signed_in()
    old = w._sign_in.state.now.token
    gate = threading.Barrier(100)

    def ask(_):
        gate.wait()
        return w._sign_in.token(OWN, 60, 20, old)

    with ThreadPoolExecutor(100) as pool:
        tokens = set(pool.map(ask, range(100)))
    assert len(tokens) == 1
    assert old not in tokens
    assert len(refreshes(provider)) == 1


def test_the_token_is_renewed_by_itself_before_it_ends(provider, signed_in):
    lifetime = 8  # a fifth of it is time enough also on a busy machine
    provider.configure(access_token_ttl=lifetime)
    w = signed_in()
    first, told = w.access_token, []
    w.observe(lambda change: told.append(change.new), "access_token")
    assert changes_to(w, lambda: w.access_token not in {None, first})
    assert w.status == "signed_in"
    answered = refreshes(provider)[0].time - provider.requests("token")[0].time
    assert answered < lifetime
    assert None not in told


def test_without_auto_refresh_the_token_ends(provider, signed_in):
    provider.configure(access_token_ttl=1)
    w = signed_in(auto_refresh=False)
    assert changes_to(w, lambda: w.status == "expired")
    assert w.access_token is None
    assert refreshes(provider) == []
    assert w.wait(20) == w.access_token
    assert len(refreshes(provider)) == 1


def test_a_wait_for_a_session_that_the_provider_ended_ends(provider, signed_in):
    provider.configure(access_token_ttl=1)
    w = signed_in(auto_refresh=False)
    assert changes_to(w, lambda: w.status == "expired")
    provider.revoke("alice")
    with pytest.raises(TokenError) as caught:
        w.wait(20)
    assert caught.value.code == "invalid_grant"


def test_a_renewal_that_fails_for_now_is_tried_again(provider, signed_in):
    provider.configure(access_token_ttl=3)
    provider.fault("token", "status", status=503, times=1, grant_type="refresh_token")
    w = signed_in()
    first = w.access_token
    assert changes_to(w, lambda: w.error is not None)
    assert w.error.code == "token_endpoint_unreachable"
    assert changes_to(w, lambda: w.access_token not in {None, first})
    assert w.error is None


def test_a_refresh_token_that_is_not_rotated_stays_good(provider, signed_in):
    provider.configure(rotation=False)
    provider.token_response(omit=["refresh_token"], on="refresh_token")
    w = signed_in()
    for _ in range(2):
        w._sign_in.token(OWN, 60, 20, w._sign_in.state.now.token)
    assert len({request.params["refresh_token"] for request in refreshes(provider)}) == 1


def test_a_provider_that_ended_the_session_is_believed(provider, signed_in):
    w = signed_in()
    provider.revoke("alice")
    w.refresh()
    assert changes_to(w, lambda: w.status == "expired")
    assert w.error.code == "invalid_grant"
    assert w.access_token is None


def test_who_asks_for_a_token_is_told_that_the_session_has_ended(provider, signed_in):
    w = signed_in()
    provider.revoke("alice")
    with pytest.raises(TokenError):
        w._sign_in.token(OWN, 60, 20, w._sign_in.state.now.token)
    assert changes_to(w, lambda: w.status == "expired")


def test_a_refresh_changes_nobodys_identity(provider, signed_in):
    w = signed_in()
    provider.forge({"sub": "b-1002"}, on="refresh_token")
    w.refresh()
    assert changes_to(w, lambda: w.error is not None)
    assert w.error.code == "id_token_invalid"
    assert w.access_token is None


@pytest.mark.parametrize("found", [False, True])
def test_a_refresh_outlives_keys_that_can_not_be_had(provider, signed_in, found):
    w = signed_in()
    old = w.access_token
    provider.forge(header={"kid": "new"}, on="refresh_token")
    if not found:
        provider.fault("jwks", "status", status=503)
    w.refresh()
    assert changes_to(w, lambda: w.error is not None)
    assert w.error.code == ("id_token_invalid" if found else "keys_unavailable")
    if found:
        assert (w.status, w.access_token) == ("expired", None)
        return
    assert (w.status, w.access_token) == ("signed_in", old)
    provider.heal()
    w.refresh()  # with the refresh token that came meanwhile
    assert changes_to(w, lambda: w.error is None)
    assert w.access_token not in {None, old}


def test_another_api_gets_a_token_of_its_own(provider, login, approve):
    w = login(
        scopes=["openid", "read"], resource="https://api.example.com/", extra_params={"prompt": "login"}
    )
    w.sign_in()
    approve(w)
    own = w.wait(20)
    assert w.token(scopes=["openid"]) != own
    assert refreshes(provider)[-1].params["scope"] == "openid"
    with pytest.raises(TokenError) as caught:
        w.token(resource=DATA)  # this provider wants it named from the start
    assert caught.value.code == "scope_unavailable"
    assert refreshes(provider)[-1].params["resource"] == DATA
    assert w.status == "signed_in"


def grant(provider, **scope):
    """Answer as a provider that ignores scopes it doesn't know (RFC 6749 §3.3)."""
    body = {"access_token": "another", "token_type": "Bearer", **scope}
    provider.fault("token", "status", status=200, body=body, grant_type="refresh_token")


@pytest.mark.parametrize("granted", ["openid", "data:write OPENID", ""])
def test_a_token_without_a_right_that_was_asked_for_is_not_handed_over(provider, signed_in, granted):
    w = signed_in()
    grant(provider, scope=granted)
    with pytest.raises(TokenError, match="lacks data:read") as caught:
        w.token(scopes=["openid", "data:read"])
    assert caught.value.code == "scope_unavailable"
    assert w.status == "signed_in"
    assert w.token(scopes=["openid", "email"]) == "another"


@pytest.mark.parametrize("granted", [{"scope": "User.Read"}, {"scope": None}, {}], ids=str)
def test_a_right_may_be_spelt_otherwise_or_not_be_mentioned(provider, signed_in, granted):
    w = signed_in()
    grant(provider, **granted)
    scopes = ["openid", "user.read", "offline_access", "https://api.example/.default"]
    assert w.token(scopes=scopes) == "another"


def test_signing_out_revokes_and_forgets_at_once(provider, signed_in):
    w = signed_in()
    token = w.access_token
    ending = set(threading.enumerate())
    w.sign_out()
    assert (w.status, w.access_token, w.claims) == ("signed_out", None, None)
    join_all_but(ending)
    revoked = provider.requests("revocation")
    assert {request.params["token"] for request in revoked} <= refresh_tokens(provider)
    assert not provider.introspect(token)["active"]


def join_all_but(before):
    for thread in set(threading.enumerate()) - before:
        thread._started.wait(10)  # it may be listed before it runs, and can't be joined then
        thread.join(10)


def test_closing_ends_a_session_that_nobody_else_holds(provider, signed_in):
    w = signed_in()
    token = w.access_token
    ending = set(threading.enumerate())
    w.close()
    assert w.access_token is None
    join_all_but(ending)
    assert not provider.introspect(token)["active"]


def test_without_a_refresh_token_signing_out_revokes_the_access_token(provider, signed_in):
    provider.configure(strict_offline_access=True)
    w = signed_in()
    token = w.access_token
    ending = set(threading.enumerate())
    w.sign_out()
    join_all_but(ending)
    assert [request.params["token_type_hint"] for request in provider.requests("revocation")] == [
        "access_token"
    ]
    assert not provider.introspect(token)["active"]


def test_signing_in_again_ends_the_session_before(provider, signed_in, approve):
    w = signed_in()
    w.sign_in()
    approve(w, "bob")
    assert changes_to(w, lambda: w.claims["name"] == "Bob Brown")
    assert w.wait(20)
    assert changes_to(w, lambda: provider.requests("revocation"))


def test_the_refresh_token_is_in_no_repr_and_no_pickle(provider, signed_in):
    w = signed_in()
    session = w._sign_in.source._session
    (secret,) = refresh_tokens(provider)
    for thing in (
        w,
        w._sign_in,
        w._sign_in.source,
        session,
        vars(session),
        vars(w._sign_in.source),
        session._slots,
    ):
        assert secret not in repr(thing)
        assert w.access_token not in repr(thing)
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="stays in the process that signed in"):
            copied(Secret("x"))
        with pytest.raises(TypeError, match="stays in the process that signed in"):
            copied(session)
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(w)


@pytest.mark.parametrize("fault", ["refuse", "status", "html", "invalid_grant"])
def test_the_refresh_token_is_in_no_traceback(provider, signed_in, fault):
    w = signed_in()
    session = w._sign_in.source._session
    if fault == "invalid_grant":
        provider.revoke("alice")
    else:
        provider.fault("token", fault)
    with pytest.raises(Exception) as caught:  # noqa: PT011  # its traceback is what counts
        renew(session)
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format(chain=True)
    )
    assert "KernelSession" in shown
    assert not any(secret in shown for secret in refresh_tokens(provider))


def test_a_forged_id_token_is_in_no_traceback(provider, signed_in):
    w = signed_in()
    provider.forge({"sub": "b-1002"}, on="refresh_token", sign_with="other")
    with pytest.raises(Exception) as caught:  # noqa: PT011  # likewise
        renew(w._sign_in.source._session)
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format(chain=True)
    )
    assert caught.value.__cause__.code == "bad_signature"
    for secret in provider.secrets("id_token", "refresh_token", "access_token"):
        assert secret.value not in shown


def test_an_id_token_without_keys_is_in_no_traceback(provider, signed_in):
    w = signed_in()
    provider.forge(header={"kid": "new"}, on="refresh_token")
    provider.fault("jwks", "status", status=503)
    with pytest.raises(DiscoveryError) as caught:
        renew(w._sign_in.source._session)
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format(chain=True)
    )
    for secret in provider.secrets("id_token", "refresh_token", "access_token"):
        assert secret.value not in shown


def test_the_id_token_is_handed_over_only_where_asked_for(provider, signed_in):
    assert signed_in().id_token is None
    assert signed_in(share_id_token=True).id_token in {
        secret.value for secret in provider.secrets("id_token")
    }


@pytest.mark.parametrize("moment", ["the sign-in", "a renewal"])
def test_a_token_that_arrives_while_one_signs_out_does_not_stay(login, approve, monkeypatch, moment):
    w = login()
    w.sign_in()
    if moment == "a renewal":
        approve(w)
        w.wait(20)
    state = w._sign_in.state
    take_token, arrived = state.take_token, threading.Event()
    leaving = threading.Thread(target=w.sign_out)

    def take_late(*args, **how):
        leaving.start()
        leaving.join(0.5)  # it waits for the token, or is done before it
        take_token(*args, **how)
        arrived.set()

    monkeypatch.setattr(state, "take_token", take_late)
    if moment == "a renewal":
        w.refresh()
    else:
        approve(w)
    assert arrived.wait(20)
    leaving.join()
    assert (w.access_token, w.status) == (None, "signed_out")


def test_a_throttled_endpoint_is_left_alone_as_long_as_it_says(provider, signed_in):
    w = signed_in()
    body = {"error": "slow_down"}
    provider.fault("token", "status", status=429, body=body, headers={"Retry-After": "2"})
    before, failures = len(refreshes(provider)), set()
    for _ in range(60):
        with pytest.raises(TokenError) as caught:
            w.token(min_ttl=10**6, scopes=["openid"])
        failures.add(caught.value.code)
    assert failures == {"token_endpoint_unreachable"}
    asked = refreshes(provider)[before:]
    assert len(asked) == 1
    provider.heal()
    old = w.access_token
    w.refresh()  # it is tried again when the provider said
    assert changes_to(w, lambda: w.access_token != old)
    assert 2 <= refreshes(provider)[-1].time - asked[0].answered < 10


def test_an_endpoint_that_is_down_is_asked_ever_more_seldom_and_never_by_callers(provider, signed_in):
    w = signed_in()
    provider.fault("token", "status", status=503)
    before = len(refreshes(provider))
    for _ in range(60):
        with pytest.raises(TokenError):
            w.token(scopes=["openid"])
    assert len(refreshes(provider)) - before <= 2
    assert w._sign_in.source._session._retry._longest <= 15


def test_a_refresh_token_that_is_dead_in_the_providers_own_words_ends_the_session(provider, signed_in):
    w = signed_in()
    old = w.access_token
    w.refresh()
    assert changes_to(w, lambda: w.access_token != old)
    provider.fault("token", "status", status=400, body={"error": "invalid_request"})
    w.refresh()
    assert changes_to(w, lambda: w.status == "expired")
    assert w.error.code == "invalid_grant"
    assert w.access_token is None


def test_what_was_not_foreseen_is_told_and_tried_again(provider, signed_in, monkeypatch):
    provider.configure(access_token_ttl=4)
    w = signed_in()
    first = w.access_token
    session = w._sign_in.source._session
    with monkeypatch.context() as broken:
        broken.setattr(session.endpoint, "refresh", lambda *_, **__: {}["a bug"])
        assert changes_to(w, lambda: w.error is not None)
    assert "not foreseen (KeyError)" in str(w.error)
    assert w.error.code == "sign_in_failed"
    assert changes_to(w, lambda: w.access_token not in {None, first})
    assert w.error is None


@pytest.mark.parametrize("name", ["time", "monotonic"])
def test_a_session_is_renewed_soon_after_the_computer_woke_up(signed_in, monkeypatch, name):
    monkeypatch.setattr("oidc_widget.signin.threads._LONGEST_WAIT", 0.1)
    w = signed_in()
    old = w.access_token
    with monkeypatch.context() as slept:
        real = getattr(time, name)
        slept.setattr(clock.time, name, lambda: real() + 7200)
        assert w.access_token is None
        assert changes_to(w, lambda: w.access_token not in {None, old})
    assert w.expires_in > 3000


def test_a_narrower_id_token_takes_no_claim_away(provider, signed_in):
    w = signed_in()
    old, name = w.access_token, w.claims["name"]
    provider.forge({"name": None, "email": None}, on="refresh_token")
    w.refresh()
    assert changes_to(w, lambda: w.access_token != old)
    assert w.claims["name"] == name


@pytest.mark.parametrize("how", ["nobody", "declined", "unreachable"])
def test_asking_for_a_token_raises_what_it_promises(provider, login, how):
    if how == "declined":
        provider.fault("token", "status", status=400, body={"error": "access_denied"})
    if how == "unreachable":
        provider.down()
    w = login()
    with pytest.raises(TokenError) as caught:
        w.token(timeout=0.3 if how == "nobody" else 20)
    code = {"nobody": "timeout", "declined": "access_denied", "unreachable": "provider_unreachable"}[how]
    assert caught.value.code == code
    assert caught.value.__cause__.code == code
    if how != "nobody":
        with pytest.raises(TokenError):
            asyncio.run(w.token_async(timeout=20))
        return
    assert "Click" not in str(caught.value)
    with pytest.raises(SignInTimeout):
        asyncio.run(w.token_async(timeout=0.1))


def test_a_process_without_streams_signs_in(login, approve, monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", None)
    w = login()
    w.observe(lambda _: print("told"), "status")  # noqa: T201  # into the void
    w.sign_in()
    approve(w)
    assert w.wait(20) == w.access_token
