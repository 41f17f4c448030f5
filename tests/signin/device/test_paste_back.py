"""Signing in by hand: a link to open, and the address that one lands on to paste back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from oidc_widget.errors import SignInError, SignInTimeout
from oidc_widget.oauth.callback_address import own_address
from oidc_widget.signin.pasted_redirect import DEFAULT_CALLBACK
from providers.http_person import HttpPerson
from shown import changes_to, shown


@pytest.fixture
def provider(provider):
    provider.discovery_response(omit=["device_authorization_endpoint"])
    provider.configure(
        redirect_uris=[own_address(DEFAULT_CALLBACK, provider.issuer), "http://localhost:8888/back"]
    )
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
    assert own_address(DEFAULT_CALLBACK, provider.issuer) in printed


def test_a_given_redirect_address_is_the_one_that_is_used(login, landed):
    w = login(redirect_uri="http://localhost:8888/back")
    w.sign_in()
    address = landed(w)
    assert address.startswith("http://localhost:8888/back?")
    w.paste(f"  <{address}> ")
    assert changes_to(w, lambda: w.access_token)


def test_an_answer_in_the_fragment_counts_too(login, landed):
    w = login()
    w.sign_in()
    w.paste(landed(w).replace("?", "#"))
    assert changes_to(w, lambda: w.access_token)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"state": "another"}, "state_mismatch"),
        ({"state": None}, "state_mismatch"),
        ({"code": None}, "authorization_failed"),
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


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"iss": "https://evil.example"}, "iss_mismatch"),
        ({"iss": None}, "iss_mismatch"),
        ({"response": "e30"}, "authorization_failed"),
        ({"id_token": "e30"}, "authorization_failed"),
        ({"code": None, "error": "access_denied"}, "access_denied"),
        ({"code": None, "error": "access_denied", "iss": "https://evil.example"}, "iss_mismatch"),
        ({"code": None, "error": "access_denied", "iss": None}, "authorization_failed"),
    ],
    ids=str,
)
def test_an_answer_that_brings_no_code_of_this_provider_ends_the_sign_in(
    provider, login, landed, parameters, code
):
    w = login()
    w.sign_in()
    w.paste(changed(landed(w), error_description="Call 0900-EVIL", **parameters))
    assert changes_to(w, lambda: w.status == "error")
    assert w.error.code == code
    assert ("0900" in w.error.message) == (code == "access_denied")
    assert exchanges(provider) == []


@pytest.mark.parametrize(
    "path", ["/oidc-widget/callback", "/oidc-widget/callback/idp.example.0123456789abcdef", ""]
)
def test_an_answer_counts_on_its_issuers_own_path_only(provider, login, landed, path):
    w = login()
    w.sign_in()
    address = landed(w)
    with pytest.raises(SignInError, match="not the address"):
        w.paste(urlsplit(address)._replace(path=path).geturl())
    with pytest.raises(SignInError, match="not the address"):
        w.paste("?" + urlsplit(address).query)
    assert exchanges(provider) == []
    w.paste(address)
    assert changes_to(w, lambda: w.access_token)


@pytest.mark.parametrize(
    "given", [DEFAULT_CALLBACK, "https://hub.example/user/a/oidc-widget/callback/idp.0123456789abcdef"]
)
def test_a_callback_of_ours_that_is_another_issuers_too_is_refused_with_the_one_to_register(login, given):
    w = login(redirect_uri=given)
    w.sign_in()
    assert changes_to(w, lambda: w.status == "error")
    assert w.error.code == "redirect_uri_mismatch"
    assert own_address(given[: given.index("callback") + 8], w._request["authority"]) in w.error.hint


def test_the_address_to_register_is_known_with_the_link(provider, login):
    w = login()
    assert w.redirect_uri is None
    w.sign_in()
    shown(w)
    assert w.redirect_uri == own_address(DEFAULT_CALLBACK, provider.issuer)


def test_an_audience_among_the_extra_parameters_is_sent(login):
    w = login(extra_params={"audience": "https://api.example.com/", "resource": "https://data.example.com/"})
    w.sign_in()
    query = parse_qs(urlsplit(shown(w)["paste"]["authorization_url"]).query)
    assert query["audience"] == ["https://api.example.com/"]
    assert query["resource"] == ["https://data.example.com/"]


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
    way = w._sign_in.source._attempt.way
    seen = repr([way, vars(way), w, w._sign_in.source._attempt])
    for secret in (way._sent.state, way._sent.nonce, way._sent.verifier):
        assert secret not in seen
