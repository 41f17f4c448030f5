"""Signing in by hand: a link to open, and the address that one lands on to paste back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from oidc_widget.errors import SignInError, SignInTimeout
from oidc_widget.signin.pasted_redirect import DEFAULT_REDIRECT_URI
from providers.http_person import HttpPerson
from shown import changes_to, shown


@pytest.fixture
def provider(provider):
    provider.discovery_response(omit=["device_authorization_endpoint"])
    provider.configure(redirect_uris=[DEFAULT_REDIRECT_URI, "http://localhost:8888/back"])
    return provider


@pytest.fixture
def landed():
    """Open the link as a person does, and return the address in the browser's bar."""

    def visit(w):
        link = shown(w)["paste"]
        with HttpPerson() as alice:
            return alice.visit(link["authorization_url"], until=link["redirect_uri"])

    return visit


def changed(address, **parameters):
    parts = urlsplit(address)
    query = {**dict(parse_qsl(parts.query)), **parameters}
    return parts._replace(query=urlencode({k: v for k, v in query.items() if v is not None})).geturl()


def exchanges(provider):
    return provider.requests("token", grant_type="authorization_code")


def test_the_pasted_address_brings_a_verified_token(provider, login, landed, capfd):
    w = login()
    w.sign_in()
    w.paste(landed(w))
    assert changes_to(w, lambda: w.access_token)
    assert w.claims["name"] == "Alice Adams"
    (asked,) = [seen for seen in provider.requests("authorization") if "code_challenge" in seen.params]
    assert asked.params["code_challenge_method"] == "S256"
    assert w.claims["nonce"] == asked.params["nonce"]
    printed = capfd.readouterr().out
    assert "w.paste" in printed
    assert DEFAULT_REDIRECT_URI in printed


def test_a_given_redirect_address_is_the_one_that_is_used(login, landed):
    w = login(redirect_uri="http://localhost:8888/back")
    w.sign_in()
    address = landed(w)
    assert address.startswith("http://localhost:8888/back?")
    w.paste(f"  <{address}> ")
    assert changes_to(w, lambda: w.access_token)


def test_the_query_alone_will_do(login, landed):
    w = login()
    w.sign_in()
    w.paste("?" + urlsplit(landed(w)).query)
    assert changes_to(w, lambda: w.access_token)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"state": "another"}, "state_mismatch"),
        ({"state": None}, "state_mismatch"),
        ({"iss": "https://evil.example"}, "iss_mismatch"),
        ({"iss": None}, "iss_mismatch"),
        ({"code": None}, "authorization_failed"),
        ({"code": None, "error": "access_denied"}, "access_denied"),
    ],
    ids=str,
)
def test_an_address_that_is_not_the_answer_is_refused_and_the_right_one_taken(
    provider, login, landed, parameters, code
):
    w = login()
    w.sign_in()
    address = landed(w)
    with pytest.raises(SignInError) as caught:
        w.paste(changed(address, **parameters))
    assert caught.value.code == code
    assert exchanges(provider) == []
    w.paste(address)
    assert changes_to(w, lambda: w.access_token)


@pytest.mark.parametrize("text", ["", "hello", "http://localhost/", "http://[", "code=1&state=2"])
def test_what_is_no_address_is_refused(login, text):
    w = login()
    w.sign_in()
    shown(w)
    with pytest.raises(SignInError):
        w.paste(text)
    assert w.status == "signing_in"


def test_a_parameter_that_is_there_twice_is_refused(login, landed):
    w = login()
    w.sign_in()
    with pytest.raises(SignInError, match="twice"):
        w.paste(landed(w) + "&code=other")


def test_a_code_of_somebody_elses_sign_in_fails_for_its_verifier(provider, login, landed):
    mine, other = login(), login()
    for w in (mine, other):
        w.sign_in()
    theirs = parse_qs(urlsplit(landed(other)).query)["code"][0]
    mine.paste(changed(landed(mine), code=theirs))
    assert changes_to(mine, lambda: mine.status == "error")
    assert mine.error.code == "invalid_grant"
    assert exchanges(provider)[-1].error == "invalid_grant"


def test_an_id_token_of_another_sign_in_is_refused(provider, login, landed):
    provider.forge({"nonce": "another"})
    w = login()
    w.sign_in()
    w.paste(landed(w))
    assert changes_to(w, lambda: w.status == "error")
    assert w.error.code == "id_token_invalid"


def test_an_address_without_a_sign_in_is_refused(login):
    with pytest.raises(SignInError, match="No sign-in waits"):
        login().paste("http://localhost/?code=1")


def test_a_wait_from_another_thread_ends_with_the_address(login, landed):
    w = login()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(w.wait, 20)
        w.paste(landed(w))
        assert waiting.result(20) == w.access_token


def test_where_nobody_can_be_asked_the_wait_says_what_to_do(login, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(SignInError, match=r"w\.paste") as caught:
        login().wait(20)
    assert caught.value.code == "no_terminal"


def test_a_provider_that_takes_its_time_is_not_waited_for_longer_than_asked(provider, login):
    provider.fault("discovery", "delay", seconds=3)
    with pytest.raises(SignInTimeout):
        login().wait(0.2)


def test_the_secrets_of_the_sign_in_are_in_no_repr(login, landed):
    w = login()
    w.sign_in()
    landed(w)
    way = w._desk.source._attempt.way
    seen = repr([way, vars(way), w, w._desk.source._attempt])
    for secret in (way._sent.state, way._sent.nonce, way._sent.verifier):
        assert secret not in seen
