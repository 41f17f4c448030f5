"""JupyterHub's callback service over HTTP: whose sign-in it passes on, and what it refuses."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from hub_visitor import Browser
from oidc_widget.diagnosis.doctor import examine
from oidc_widget.oauth.callback_address import issuer_tail

CALLBACK = "services/oidc-widget/callback"


def state_for(target):
    return "r" * 43 + "." + base64.urlsafe_b64encode(target.encode()).rstrip(b"=").decode()


def query_for(target):
    return f"code=a&state={state_for(target)}"


@pytest.fixture
def alice(hub):
    with Browser(hub) as browser:
        yield browser.sign_in("alice")


def test_the_popup_is_sent_on_with_its_query_unchanged(hub, alice):
    target = f"{hub.user_url('alice')}oidc-widget/callback"
    query = f"code=a%2Bb%20c&state={state_for(target)}&iss=https%3A%2F%2Fidp.example.com&x=1&x=2"
    for _ in range(2):  # first with the Hub's sign-in to its service in between, then without
        answer = alice.callback(query)
        assert urljoin(str(answer.url), answer.headers["Location"]) == f"{target}?{query}"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = alice.get(urljoin(str(answer.url), answer.headers["Location"]))
    assert page.status_code == 200
    assert "Finishing the sign-in" in page.text


def test_the_doctor_finds_it(hub, provider):
    services = hub.redirect_uri.removesuffix("oidc-widget/callback")
    found = {check.checked: check for check in examine(provider.issuer, jupyter=services)}
    assert found["Redirect, configured"].found == hub.redirect_uri
    if not hub.subdomain:  # names below localhost are for browsers alone
        assert found["Callback page"].verdict == "ok"


TAIL = f"/{issuer_tail('https://idp.example.com')}"


def test_an_issuer_s_own_address_stays_one_on_the_way_on(hub, alice):
    target = f"{hub.user_url('alice')}oidc-widget/callback"
    for _ in range(2):  # first with the Hub's sign-in to its service in between, then without
        answer = alice.callback(query_for(target), TAIL)
        assert urljoin(str(answer.url), answer.headers["Location"]) == f"{target}{TAIL}?{query_for(target)}"
    page = alice.get(urljoin(str(answer.url), answer.headers["Location"]))
    assert (page.status_code, "Finishing the sign-in" in page.text) == (200, True)


def test_an_issuer_s_own_address_is_that_of_the_request_and_not_of_state(hub, alice):
    # `state` is anybody's to write: it names a server, and never a provider.
    answer = alice.callback(query_for(f"{hub.user_url('alice')}oidc-widget/callback{TAIL}"))
    assert answer.status_code in {403, 503}
    assert "Location" not in answer.headers
    own = f"{hub.user_url('alice')}oidc-widget/callback"
    other = f"/{issuer_tail('https://other.example.com')}"
    answer = alice.callback(query_for(own), other)
    assert urlsplit(answer.headers["Location"]).path.endswith(f"/oidc-widget/callback{other}")


def test_an_issuer_s_own_address_leads_nobody_to_a_stranger_s_server(hub, alice):
    answer = alice.callback(query_for(f"{hub.user_url('bob')}oidc-widget/callback"), TAIL)
    assert answer.status_code == 403
    assert "belongs to another server" in answer.text


@pytest.mark.parametrize(
    "tail",
    [
        "/",
        "/lab",
        "/idp.example.com",
        "/idp.example.com.0123456789ABCDEF",
        "/..%2f..%2flab.0123456789abcdef",
        f"{TAIL}/",
        f"{TAIL}/..",
        f"{TAIL}{TAIL}",
        f"{TAIL}%0d%0aX:%20y",
    ],
)
def test_what_is_no_issuer_s_own_address_is_an_error(hub, alice, tail):
    answer = alice.callback(query_for(f"{hub.user_url('alice')}oidc-widget/callback"), tail)
    assert answer.status_code == 404 or "oidc-widget/callback?" in answer.headers.get("Location", "")
    assert "X" not in answer.headers


def test_a_user_s_server_knows_the_one_redirect_address(hub, alice):
    alice.get(f"{hub.user_url('alice')}lab", follow_redirects=True)
    answer = alice.get(f"{hub.user_url('alice')}oidc-widget/api/providers")
    address = answer.json()["redirect_uri"]
    assert urljoin(hub.user_url("alice"), address) == hub.redirect_uri


def test_a_code_is_never_sent_to_somebody_else_s_server(hub, alice):
    # Bob may have sent Alice a link; her own sign-in at the provider would answer it at once.
    answer = alice.callback(query_for(f"{hub.user_url('bob')}oidc-widget/callback"))
    assert answer.status_code == 403
    assert "belongs to another server" in answer.text
    assert "as alice" in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/some/hub/user/alice/oidc-widget/callback",
        "//evil.example/some/hub/user/alice/oidc-widget/callback",
        "{user}../bob/oidc-widget/callback",
        "{user}..%2fbob/oidc-widget/callback",
        "{user}%2foidc-widget/callback",
        "{user}lab",
        "{hub}hub/logout",
        "ftp{rest}oidc-widget/callback",
        "javascript:alert(1)",
    ],
)
def test_a_target_that_is_no_callback_of_the_person_s_server_is_an_error(hub, alice, target):
    user = hub.user_url("alice")
    target = target.format(user=user, hub=hub.url, rest=user.removeprefix("http"))
    answer = alice.callback(query_for(target))
    assert answer.status_code in {403, 503}
    assert "Location" not in answer.headers


@pytest.mark.parametrize("state", [None, "", "random", "random.!!", "r." + "A" * 6000])
def test_a_state_without_a_target_is_an_error_before_any_sign_in(hub, state):
    with Browser(hub) as stranger:
        answer = stranger.get(hub.redirect_uri, params={"code": "a", **({"state": state} if state else {})})
    assert answer.status_code == 400
    assert "can't be passed on" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_megabyte_of_state_is_an_error(hub):
    url = httpx.URL(hub.redirect_uri)
    with socket.create_connection(("127.0.0.1", url.port), timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"GET " + url.raw_path + b"?state=" + b"x" * 1_000_000)
            connection.sendall(f" HTTP/1.1\r\nHost: {url.netloc.decode()}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            assert re.match(rb"HTTP/1.1 4|$", connection.recv(4096))
    assert hub.request("GET", CALLBACK).status_code == 400


def test_who_is_not_signed_in_to_the_hub_is_asked_to(hub):
    with Browser(hub) as stranger:
        answer = stranger.callback(query_for(f"{hub.user_url('alice')}oidc-widget/callback"))
    assert urlsplit(str(answer.url)).path == "/some/hub/hub/login"


def test_a_stopped_server_is_said_to_be_stopped(hub, alice):
    answer = alice.callback(query_for(f"{hub.user_url('alice', 'gone')}oidc-widget/callback"))
    assert answer.status_code == 503
    assert "Your server is not running" in answer.text


def test_no_code_or_state_is_in_any_log(hub, alice):
    state = state_for(f"{hub.user_url('alice')}oidc-widget/callback")
    alice.callback(f"code=SECRET-CODE&state={state}")
    log = hub.logged()
    assert "oidc_widget.hub" in log
    assert "SECRET-CODE" not in log
    assert state not in log
