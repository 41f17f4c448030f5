"""The system's browser is opened, and the answer comes to this machine."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from oidc_widget.demo.client import is_registered_redirect_uri
from oidc_widget.errors import SignInError
from oidc_widget.oauth.callback_address import issuer_tail, own_address
from oidc_widget.signin.pasted_redirect import DEFAULT_CALLBACK
from providers.http_person import HttpPerson
from shown import changes_to, shown


def redirect_of(url):
    return parse_qs(urlsplit(url).query)["redirect_uri"][0]


def answer_to(url, login="alice"):
    """Return the address that the provider sends the person to."""
    with HttpPerson(login) as person:
        return person.visit(url, until=redirect_of(url))


def get(address, **headers):
    return httpx.get(address, headers=headers, trust_env=False)


def test_the_answer_of_the_browser_brings_a_verified_token(provider, system_browser, login):
    w = login(flow="loopback")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(w.wait, 20)
        url = system_browser.opened()
        page = get(answer_to(url))
        assert waiting.result(20) == w.access_token
    assert provider.introspect(w.access_token)["sub"] == "a-1001"
    assert w.claims["nonce"] == parse_qs(urlsplit(url).query)["nonce"][0]
    assert parse_qs(urlsplit(url).query)["code_challenge_method"] == ["S256"]
    assert "You can close this" in page.text
    assert page.headers["cache-control"] == "no-store"
    for secret in (w.access_token, *parse_qs(urlsplit(str(page.url)).query)["code"]):
        assert secret not in page.text


def test_each_issuer_has_an_address_of_its_own(provider, system_browser, login):
    w = login(flow="loopback")
    w.sign_in()
    parts = urlsplit(redirect_of(system_browser.opened()))
    assert parts.hostname == "127.0.0.1"
    assert parts.path == f"/{issuer_tail(provider.issuer)}"
    shown(w)
    assert w.redirect_uri == own_address("http://127.0.0.1", provider.issuer)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": {"Host": "evil.example"}}, 421),
        ({"path": "/"}, 404),
        ({"path": "/favicon.ico"}, 404),
        ({"query": {"state": "another"}}, 200),
        ({"query": {"code": None}}, 200),
    ],
    ids=str,
)
def test_what_is_not_the_answer_changes_nothing(system_browser, login, change, status):
    w = login(flow="loopback")
    w.sign_in()
    answer = urlsplit(answer_to(system_browser.opened()))
    query = {**{k: v[0] for k, v in parse_qs(answer.query).items()}, **change.get("query", {})}
    other = answer._replace(
        path=change.get("path", answer.path), query=urlencode({k: v for k, v in query.items() if v})
    )
    response = get(other.geturl(), **change.get("headers", {}))
    assert response.status_code == status
    assert "The answer has arrived" not in response.text
    assert w.status == "signing_in"
    get(answer.geturl())
    assert changes_to(w, lambda: w.access_token)


def test_only_one_answer_counts_and_nothing_listens_after_it(provider, system_browser, login):
    provider.fault("token", "delay", seconds=1)
    w = login(flow="loopback")
    w.sign_in()
    answer = answer_to(system_browser.opened())
    assert "has arrived" in get(answer).text
    assert "not the answer" in get(answer).text
    assert changes_to(w, lambda: w.access_token)
    assert len(provider.requests("token", grant_type="authorization_code")) == 1
    with pytest.raises(httpx.ConnectError):
        get(answer)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"error": "access_denied", "code": None}, "access_denied"),
        ({"iss": "https://evil.example"}, "iss_mismatch"),
    ],
    ids=str,
)
def test_a_refusal_ends_the_sign_in_with_its_reason(provider, system_browser, login, query, code):
    w = login(flow="loopback")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(w.wait, 20)
        answer = urlsplit(answer_to(system_browser.opened()))
        sent = {**{k: v[0] for k, v in parse_qs(answer.query).items()}, **query}
        page = get(answer._replace(query=urlencode({k: v for k, v in sent.items() if v})).geturl())
        with pytest.raises(SignInError) as caught:
            waiting.result(20)
    assert "came to nothing" in page.text
    assert caught.value.code == code
    assert provider.requests("token", grant_type="authorization_code") == []


def test_a_cancelled_sign_in_listens_no_more(system_browser, login):
    w = login(flow="loopback")
    w.sign_in()
    answer = answer_to(system_browser.opened())
    w._sign_in.source.cancel()
    w._sign_in.source._worker.put((closed := threading.Event()).set)  # it closes the listener before that
    assert closed.wait(20)
    with pytest.raises(httpx.ConnectError):
        get(answer)
    assert w.access_token is None


def test_an_address_with_a_port_is_used_as_it_is_time_and_again(provider, system_browser, login):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://localhost:{free.getsockname()[1]}/back"
    provider.configure(redirect_uris=[address])
    for _ in range(2):
        w = login(flow="loopback", redirect_uri=address, extra_params={"prompt": "login"})
        w.sign_in()
        url = system_browser.opened()
        assert redirect_of(url) == address
        get(answer_to(url))
        assert changes_to(w, lambda: w.access_token)  # noqa: B023  # at once
        assert w.redirect_uri == address


def test_the_demo_provider_knows_the_addresses():
    for callback in ("http://127.0.0.1:4711", DEFAULT_CALLBACK, "http://localhost:8888/oidc-widget/callback"):
        address = own_address(callback, "http://127.0.0.1:9")
        assert is_registered_redirect_uri(address)
        assert not is_registered_redirect_uri(f"{address}/more")
        assert not is_registered_redirect_uri(address.replace("http://", "http://x."))
    assert not is_registered_redirect_uri("http://127.0.0.1:4711/")


# ---- what comes after it ----------------------------------------------------------------------------


def test_a_browser_that_does_not_open_gives_way_to_the_code(system_browser, login, says):
    system_browser.refuses()
    w = login(flow="loopback")
    w.sign_in()
    assert says(w, "No browser could be opened.\nTo sign in to") is True
    assert "device" in shown(w)


def test_silence_gives_way_to_the_code_and_the_answer_counts_all_the_same(
    system_browser, login, says, monkeypatch
):
    monkeypatch.setattr("oidc_widget.signin.loopback.SILENCE", 0.3)
    w = login(flow="loopback")
    w.sign_in()
    assert says(w, "has sent no answer for 0.3 s") is True
    assert "device" in shown(w)
    get(answer_to(system_browser.opened()))
    assert changes_to(w, lambda: w.access_token)


@pytest.mark.usefixtures("system_browser")
def test_a_refused_redirect_address_gives_way_to_the_code(provider, login, says, monkeypatch):
    provider.configure(redirect_uris=["https://hub.example/callback"])
    monkeypatch.setattr("oidc_widget.signin.loopback.FIRST_SILENCE", 0.1)
    w = login(flow="loopback")
    w.sign_in()
    wanted = own_address("http://127.0.0.1", provider.issuer)
    assert says(w, f"doesn't know this redirect address: {wanted}\n") is True
    assert "device" in shown(w)


def test_a_taken_port_gives_way_to_the_code(system_browser, login, says):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/back"
        w = login(flow="loopback", redirect_uri=address)
        w.sign_in()
        assert "device" in shown(w)
    assert says(w, f"Nothing can listen at {address}") is True
    assert not system_browser.was_opened()


def test_without_a_device_flow_the_address_is_asked_for(provider, system_browser, login):
    provider.discovery_response(omit=["device_authorization_endpoint"])
    system_browser.refuses()
    w = login(flow="loopback")
    w.sign_in()
    assert changes_to(w, lambda: "paste" in w._sign_in.pages.shown)


# ---- when `auto` takes it ----------------------------------------------------------------------------


@pytest.mark.usefixtures("terminal")
def test_in_a_terminal_with_a_screen_it_is_what_auto_takes(system_browser, login):
    w = login()
    w.sign_in()
    get(answer_to(system_browser.opened()))
    assert changes_to(w, lambda: w.access_token)


@pytest.mark.parametrize(
    "variable", ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT", "CI", "JUPYTERHUB_API_TOKEN"]
)
@pytest.mark.usefixtures("terminal")
def test_auto_opens_no_browser_that_is_somewhere_else(system_browser, login, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    w = login()
    w.sign_in()
    assert "device" in shown(w)
    assert not system_browser.was_opened()


def test_auto_opens_none_without_a_terminal(system_browser, login):
    w = login()
    w.sign_in()
    assert "device" in shown(w)
    assert not system_browser.was_opened()


@pytest.mark.usefixtures("terminal")
def test_auto_opens_none_without_a_display(login, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    w = login()
    w.sign_in()
    assert "device" in shown(w)
    assert not opened


@pytest.mark.parametrize("flow", ["device", "paste"])
@pytest.mark.usefixtures("terminal")
def test_another_flow_that_was_asked_for_is_taken(system_browser, login, flow):
    w = login(flow=flow)
    w.sign_in()
    assert flow in shown(w)
    assert not system_browser.was_opened()


@pytest.mark.usefixtures("system_browser", "terminal")
def test_an_address_elsewhere_can_not_be_listened_at(login, says):
    w = login(flow="loopback", redirect_uri="https://hub.example/back")
    w.sign_in()
    assert "device" in shown(w)
    assert says(w, "not one that this machine can listen at") is True
