"""ID tokens of a sign-in: what proves that they are new, and what a refresh must not change."""

from __future__ import annotations

import time

import pytest

from oidc_widget.errors import SignInError
from oidc_widget.oauth.answer import Answer
from oidc_widget.oauth.http import open_client
from oidc_widget.oauth.provider import Provider
from oidc_widget.oauth.secret import Secret
from oidc_widget.oauth.token_endpoint import TokenEndpoint, TokenResponse
from oidc_widget.verify.id_token import IdTokenVerifier

CLIENT_ID = "notebooks"


@pytest.fixture
def response(issuer, key_server):
    """A token response whose ID token was issued `ago` seconds ago, by a provider of this machine's time."""

    def make(*, ago=0, lives=300, **claims):
        issued = time.time() - ago
        token = issuer.token(
            header={"typ": "JWT"},
            **{
                "iss": key_server.issuer,
                "aud": CLIENT_ID,
                "iat": issued,
                "exp": issued + lives,
                "scope": ...,
                **claims,
            },
        )
        return TokenResponse(Secret("access"), 300.0, id_token=Secret(token), answered_at=time.time())

    return make


@pytest.fixture
def verifier(key_server):
    provider = Provider(key_server.issuer, {"jwks_uri": f"{key_server.issuer}/jwks"})
    with open_client() as client:
        yield IdTokenVerifier(provider, CLIENT_ID, client)


def refused(verifier, response, **expected):
    with pytest.raises(SignInError) as caught:
        verifier.claims(response, **expected)
    assert caught.value.code == "id_token_invalid"
    return caught.value.message


def test_an_expired_token_is_expired_whatever_it_says_of_when_it_was_made(verifier, response):
    assert "expired" in refused(verifier, response(ago=830, lives=30))
    assert "expired" in refused(verifier, response(ago=830, lives=30), sub="alice")


@pytest.mark.parametrize("off", [-600, 600])
def test_a_clock_that_is_minutes_off_is_told_by_a_token_that_our_nonce_proves_new(verifier, response, off):
    assert verifier.claims(response(ago=-off, nonce="n"), nonce="n")["sub"] == "alice"
    # What was learned of the clock goes for the session's refreshes.
    later = response(ago=-off)
    assert (
        verifier.claims(TokenResponse(later.access_token, 300.0, id_token=later.id_token))["sub"] == "alice"
    )


def test_without_a_nonce_the_answer_tells_the_providers_time_and_not_the_token(verifier, response):
    made = response(ago=-600)
    assert "issued at" in refused(verifier, made)
    answered = TokenResponse(made.access_token, 300.0, id_token=made.id_token, answered_at=time.time() + 600)
    assert verifier.claims(answered)["sub"] == "alice"


def test_a_clock_that_is_further_off_is_believed_by_nobody(verifier, response):
    refused(verifier, response(ago=1200, lives=300, nonce="n"), nonce="n")


def test_a_token_of_another_sign_in_proves_nothing(verifier, response):
    refused(verifier, response(nonce="other"), nonce="n")
    refused(verifier, response(), nonce="n")


def test_what_failed_teaches_nothing_of_the_clock(verifier, response):
    refused(verifier, response(ago=-600, nonce="other"), nonce="n")
    made = response(ago=-600)
    refused(verifier, TokenResponse(made.access_token, 300.0, id_token=made.id_token))


@pytest.mark.parametrize(
    ("name", "value"), [("sub", "bob"), ("auth_time", 2000), ("azp", "other"), ("nonce", "other")]
)
def test_a_refresh_changes_nothing_of_the_sign_in(verifier, response, name, value):
    first = {"sub": "alice", "auth_time": 1000, "azp": CLIENT_ID, "nonce": "n"}
    assert verifier.claims(response(**first), nonce="n")
    refused(verifier, response(**{**first, name: value}))
    assert verifier.claims(response(**first))
    # Half of the providers leave them out of a refreshed one.
    assert verifier.claims(response(sub="alice"), sub="alice")


@pytest.mark.parametrize("auth_time", [1001, 999, 1000.4])
def test_a_provider_that_counts_back_from_now_may_be_a_second_off(verifier, response, auth_time):
    first = {"sub": "alice", "auth_time": 1000, "nonce": "n"}
    verifier.claims(response(**first), nonce="n")
    assert verifier.claims(response(**{**first, "auth_time": auth_time}))["auth_time"] == auth_time
    refused(verifier, response(**{**first, "auth_time": 1002}))


def test_another_person_is_refused_even_as_the_first(verifier, response):
    assert "another person" in refused(verifier, response(), sub="bob")


@pytest.mark.parametrize("name", ["id_token", "refresh_token"])
@pytest.mark.parametrize("value", ["", 5, [], {}])
def test_a_token_that_is_none_makes_the_response_invalid(name, value):
    provider = Provider("https://idp.example.com", {"token_endpoint": "https://idp.example.com/token"})
    document = {"access_token": "a", "token_type": "Bearer", name: value}
    with open_client() as client, pytest.raises(SignInError) as caught:
        TokenEndpoint(provider, CLIENT_ID, client).tokens(Answer(200, document))
    assert caught.value.code == "token_response_invalid"
