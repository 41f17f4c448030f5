"""When a new token is asked for, and what is sent where none can be had."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
import trio

from oidc_widget.bearer_request import asks_for_another_token
from oidc_widget.errors import SignInError, TokenError

PASSING = SignInError("The provider gives no answer now.", code="token_endpoint_unreachable")
FINAL = TokenError("The sign-in is over.", code="invalid_grant")


def tokens(api):
    return [seen.authorization for seen in api.seen]


ending = pytest.mark.usefixtures("ending_soon")


@pytest.fixture
def ending_soon(login):
    login.receive("token", {"access_token": "ending", "expires_in": 29, "lifetime": 3600}, express=True)


@ending
def test_a_token_with_little_life_left_is_used_until_it_ends_when_renewal_fails_for_now(
    ask, api, login, source
):
    api.valid.add("ending")
    source.refusal = PASSING
    assert ask("GET", api.url, login) == 200
    assert tokens(api) == ["Bearer ending"]
    assert source.asked == 1


@ending
def test_a_provider_that_fails_is_not_asked_with_each_request(ask, api, login, source):
    api.valid.add("ending")
    source.refusal = PASSING
    login._tokens_for(None, None)._retry._delay = 60
    assert [ask("GET", api.url, login) for _ in range(3)] == [200] * 3
    assert source.asked == 1


@ending
def test_a_token_whose_sign_in_is_over_is_not_sent(ask, api, login, source):
    api.valid.add("ending")
    source.refusal = FINAL
    with pytest.raises(TokenError, match="over"):
        ask("GET", api.url, login)
    assert api.seen == []


@ending
def test_a_token_that_ends_soon_waits_only_a_little_for_a_source_that_says_nothing(
    ask, api, login, source, monkeypatch
):
    api.valid.add("ending")
    monkeypatch.setattr("oidc_widget.fresh_tokens._PATIENCE", 0.1)
    source.silent = True
    assert ask("GET", api.url, login) == 200
    assert tokens(api) == ["Bearer ending"]


def test_a_token_that_has_ended_is_not_sent(ask, api, login, source):
    login.receive("token", {"access_token": "ended", "expires_in": 0, "lifetime": 3600}, express=True)
    source.refusal = PASSING
    with pytest.raises(TokenError, match="no answer"):
        ask("GET", api.url, login)
    assert api.seen == []


def test_an_api_that_always_answers_401_costs_one_renewal_for_each_token(ask, api, login, source):
    assert [ask("GET", api.url, login) for _ in range(4)] == [401] * 4
    assert source.asked == 1
    login.receive("token", {"access_token": "next", "expires_in": 3600}, express=True)
    assert [ask("GET", api.url, login) for _ in range(4)] == [401] * 4
    assert source.asked == 2


def test_two_apis_that_always_answer_401_do_not_take_turns(ask, api, elsewhere, login, source):
    elsewhere.valid.clear()
    for _ in range(3):
        for url in (api.url, elsewhere.url):
            assert ask("GET", url, login) == 401
    assert source.asked == 1


@pytest.mark.parametrize(
    "challenges",
    [
        ('Basic realm="the Bearer of a password"',),
        ("Negotiate YWJj==", 'Digest realm="a", qop="auth"'),
        ('Bearer error="insufficient_scope"',),
        ('Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="',),
    ],
)
def test_a_401_that_is_not_about_the_token_costs_no_renewal(ask, api, login, source, challenges):
    api.challenges = challenges
    assert ask("GET", api.url, login) == 401
    assert tokens(api) == ["Bearer token-1"]
    assert source.asked == 0


@pytest.mark.parametrize(
    "challenges",
    [
        (),
        ("Bearer",),
        ('Basic realm="x"', "Bearer"),
        ('Basic realm="a, b", Bearer realm="c"',),
        ('bearer error = "invalid_token"',),
    ],
)
def test_a_401_that_may_be_about_the_token_brings_a_new_one(ask, api, login, source, challenges):
    api.challenges = challenges
    api.valid.add("token-2")
    assert ask("GET", api.url, login) == 200
    assert source.asked == 1


@pytest.mark.parametrize(
    ("challenges", "asks"),
    [
        ('Basic realm="x\\", Bearer "', False),
        ('Basic realm="never closed, Bearer', False),
        ("Basic bearer=1", False),
        ('Digest realm="x", bearer  = 1', False),
        ('Basic realm = "a", charset="UTF-8"', False),
        ("Bearer-like", False),
        (" , Bearer , ", True),
        ("Negotiate abc==, BEARER scope=a", True),
        ("", True),
        ("Basic " + '"\\' * 30_000, False),  # answers within the time-out of any test
        (" " * 60_000 + "=", False),
        ("a " * 30_000, False),
    ],
)
def test_challenges_are_read_as_they_are_written(challenges, asks):
    assert asks_for_another_token(challenges) is asks


def test_a_request_in_trio_holds_up_nobody_else(api, login, source):
    """The request waits for the renewal, and that for another task of the same loop."""
    login.receive("token", {"access_token": "ended", "expires_in": 0, "lifetime": 3600}, express=True)
    api.valid.add("token-2")
    source.held_back = threading.Event()

    async def main():
        async with httpx.AsyncClient(auth=login.auth) as client, trio.open_nursery() as nursery:
            nursery.start_soon(client.get, api.url)
            with trio.fail_after(20):
                await trio.to_thread.run_sync(source.was_asked.wait)
                source.held_back.set()

    trio.run(main)
    assert tokens(api) == ["Bearer token-2"]


def test_a_request_in_asyncio_holds_up_nobody_else(api, login, source):
    login.receive("token", {"access_token": "ended", "expires_in": 0, "lifetime": 3600}, express=True)
    api.valid.add("token-2")
    source.held_back = threading.Event()

    async def main():
        async with httpx.AsyncClient(auth=login.auth) as client:
            request = asyncio.create_task(client.get(api.url))
            await asyncio.to_thread(source.was_asked.wait, 20)
            source.held_back.set()
            return await asyncio.wait_for(request, 20)

    assert asyncio.run(main()).status_code == 200


def test_w_token_async_works_in_trio(login):
    assert trio.run(login.token_async) == "token-1"
