"""`max_age` and `acr_values` are no wishes (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

import json
import time

import pytest

from oidc_widget.errors import SignInError
from oidc_widget.signin.authentication import require_authentication

NOW = 1_800_000_000


def request(**extra_params):
    return {"extra_params": extra_params}


@pytest.mark.parametrize("auth_time", [NOW, NOW - 60, NOW - 60.5, NOW + 300])
def test_an_authentication_that_is_recent_enough_is_accepted(auth_time):
    require_authentication({"auth_time": auth_time}, request(max_age="60"), NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        None,
        {"auth_time": NOW - 66},
        {"auth_time": 0},
        {"auth_time": True},
        {"auth_time": str(NOW)},
        {"auth_time": float("nan")},
    ],
    ids=str,
)
def test_one_that_is_older_or_of_an_unknown_age_is_refused(claims):
    with pytest.raises(SignInError, match="max_age") as caught:
        require_authentication(claims, request(max_age="60"), NOW)
    assert caught.value.code == "id_token_invalid"


def test_who_asks_for_nothing_of_the_kind_gets_whatever_there_is():
    require_authentication({"auth_time": 0, "acr": "lead"}, request(prompt="login"), NOW)
    require_authentication(None, {}, NOW)


ESSENTIAL = json.dumps({"id_token": {"acr": {"essential": True, "values": ["gold", "silver"]}}})


@pytest.mark.parametrize("asked", [{"acr_values": "silver gold"}, {"claims": ESSENTIAL}], ids=str)
def test_an_acr_must_be_one_of_those_asked_for(asked):
    require_authentication({"acr": "gold"}, request(**asked), NOW)
    for claims in ({"acr": "lead"}, {"acr": ["gold"]}, {}, None):
        with pytest.raises(SignInError) as caught:
            require_authentication(claims, request(**asked), NOW)
        assert caught.value.code == "acr_mismatch"
        assert "leave acr_values out" in caught.value.hint


@pytest.mark.parametrize(
    "claims",
    [
        "{",
        "[]",
        '{"id_token": null}',
        '{"id_token": {"acr": null}}',
        '{"id_token": {"acr": {"value": "gold"}}}',
    ],
)
def test_what_is_not_essential_is_not_enforced(claims):
    require_authentication({}, request(claims=claims), NOW)


@pytest.mark.parametrize(
    ("extra", "claims", "code"),
    [
        ({"max_age": 60}, {"auth_time": 1_400_000_000}, "id_token_invalid"),
        ({"max_age": 60}, {"auth_time": None}, "id_token_invalid"),
        ({"acr_values": "gold"}, {"acr": "lead"}, "acr_mismatch"),
        ({"acr_values": "gold"}, {"acr": None}, "acr_mismatch"),
    ],
    ids=str,
)
def test_a_sign_in_that_was_not_as_asked_for_gives_no_token(provider, signed_in, extra, claims, code):
    provider.forge(claims)
    with pytest.raises(SignInError) as caught:
        signed_in(extra_params=extra)
    assert caught.value.code == code
    assert len(provider.requests("revocation")) == 1


def test_a_sign_in_that_was_as_asked_for_does(provider, signed_in):
    provider.forge({"auth_time": int(time.time()), "acr": "gold"})
    assert signed_in(extra_params={"max_age": 60, "acr_values": "gold"}).access_token


def test_a_session_that_became_too_old_meanwhile_serves_nobody_who_minds(provider, signed_in):
    provider.forge({"auth_time": int(time.time()) - 20})
    session = signed_in(extra_params={"max_age": 30})._sign_in.source._session
    wanted = request(max_age="30")
    session.require_authentication(wanted)
    session._begun -= 60
    with pytest.raises(SignInError):
        session.require_authentication(wanted)
