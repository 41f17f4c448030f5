from __future__ import annotations

import httpx
import pytest

BAD_REDIRECT_URIS = [
    "https://evil.example/oidc-widget/callback",
    "http://evil.example/oidc-widget/callback",
    "https://localhost:8888/oidc-widget/callback",
    "http://localhost:8888/",
    "http://localhost:8888/oidc-widget/callback/more",
    "http://localhost:8888/oidc-widget/callback/idp.example.com.6e2977ae82314db",
    "http://localhost:8888/oidc-widget/callback/idp.example.com.6e2977ae82314db3/more",
    "http://localhost:8888/oidc-widget/callback?x=1",
    "http://localhost:8888/oidc-widget/callback#x",
    "http://localhost.evil.example/oidc-widget/callback",
    "http://localhost:8888@evil.example/oidc-widget/callback",
    "http://evil.example\\@localhost/oidc-widget/callback",
    "http://localhost\\.evil.example/oidc-widget/callback",
    "http://localhost:8888/x\\oidc-widget/callback",
    "http://127.0.0.2/oidc-widget/callback",
    "http://0/oidc-widget/callback",
    "//localhost:8888/oidc-widget/callback",
    "javascript://localhost/%0aalert(1)//oidc-widget/callback",
    "http://localhost:8888/oidc-widget/callback\n",
    "http://localhost:8888/é/oidc-widget/callback",
    '"><script>alert(1)</script>',
    "",
]


@pytest.mark.parametrize("redirect_uri", [*BAD_REDIRECT_URIS, None])
@pytest.mark.parametrize("more", [{}, {"prompt": "none"}, {"response_type": "token"}])
def test_an_unregistered_redirect_address_is_never_gone_to(client, user_agent, redirect_uri, more):
    page = user_agent.get(client.request(redirect_uri=redirect_uri, **more).url)
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "know this redirect address" in page.text
    assert "<script>" not in page.text
    assert "<form" not in page.text


def test_two_redirect_addresses_are_none(client, user_agent):
    good = "http://localhost:8888/oidc-widget/callback"
    page = user_agent.get(
        client.request(redirect_uri=[good, "https://evil.example/oidc-widget/callback"]).url
    )
    assert page.status_code == 400
    assert "location" not in page.headers


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://localhost:8888/oidc-widget/callback",
        "http://localhost/oidc-widget/callback",
        "http://localhost:8888/oidc-widget/callback/127.0.0.1.f96d50159bb140c5",
        "http://127.0.0.1:1/oidc-widget/callback",
        "http://localhost:8000/user/alice%40example.com/my-server/oidc-widget/callback",
    ],
)
def test_a_loopback_callback_may_have_any_port_and_base_url(client, user_agent, redirect_uri):
    page = user_agent.get(client.request(redirect_uri=redirect_uri, prompt="consent").url)
    page = user_agent.press(user_agent.press(page, "Bob Brown"), "Allow")
    assert page.headers["location"].startswith(redirect_uri + "?code=")


def test_an_unknown_client_is_told_so_here(client, user_agent):
    page = user_agent.get(client.request(client_id="<b>other</b>").url)
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "&lt;b&gt;other&lt;/b&gt;" in page.text


def test_denying_sends_the_person_back_with_access_denied(client, user_agent):
    request = client.request(prompt="consent")
    answer = user_agent.sign_in(request.url, allow=False)
    assert (answer["error"], answer["state"], answer["iss"]) == (
        "access_denied",
        request.state,
        client.issuer,
    )
    assert "code" not in answer


def test_cancelling_the_sign_in_is_a_denial(client, user_agent):
    request = client.request()
    page = user_agent.press(user_agent.get(request.url), "Cancel")
    assert "error=access_denied" in page.headers["location"]


def test_the_second_sign_in_asks_nothing(client, user_agent):
    client.sign_in(user_agent)
    page = user_agent.get(client.request().url)
    assert page.status_code == 303
    assert "code=" in page.headers["location"]


@pytest.mark.parametrize(
    "wish",
    [{"scope": "openid offline_access"}, {"redirect_uri": "http://localhost:4321/oidc-widget/callback"}],
)
def test_a_new_wish_or_another_program_is_asked_about(client, user_agent, wish):
    client.sign_in(user_agent, scope="openid")
    assert "Allow Notebook demo?" in user_agent.get(client.request(**{"scope": "openid", **wish}).url).text


def test_another_person_can_be_chosen(client, user_agent):
    page = user_agent.press(user_agent.get(client.request(prompt="consent").url), "Alice Adams")
    page = user_agent.press(page, "Use another person")
    assert "Bob Brown" in user_agent.press(page, "Bob Brown").text


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_a_prompt_shows_the_sign_in_page_once(client, user_agent, prompt):
    client.sign_in(user_agent, prompt="consent")
    request = client.request(prompt=prompt)
    page = user_agent.get(request.url)
    assert "<h1>Sign in</h1>" in page.text
    answer = user_agent.press(page, "Alice Adams")
    assert "code=" in answer.headers["location"]


def test_max_age_asks_for_a_new_sign_in(client, user_agent):
    client.sign_in(user_agent)
    assert user_agent.get(client.request(max_age="3600").url).status_code == 303
    assert "error=invalid_request" in user_agent.get(client.request(max_age="x").url).headers["location"]


def test_prompt_none_never_shows_a_page(client, user_agent):
    assert user_agent.sign_in(client.request(prompt="none").url)["error"] == "login_required"
    client.sign_in(user_agent, scope="openid")
    assert user_agent.sign_in(client.request(prompt="none", scope="openid").url)["code"]
    refused = user_agent.sign_in(client.request(prompt="none consent").url)
    assert refused["error"] == "invalid_request"
    refused = user_agent.sign_in(client.request(prompt="none", scope="openid offline_access").url)
    assert refused["error"] == "consent_required"
    assert refused["iss"] == client.issuer


def test_a_forged_form_decides_nothing(client, user_agent):
    request = client.request(prompt="consent")
    consent = user_agent.press(user_agent.get(request.url), "Alice Adams")
    subject = "7f3c0a52"
    assert subject in consent.text
    for forged in ({"csrf": "guessed"}, {"csrf": ""}):
        page = user_agent.post(request.url, data={"decision": "allow", "subject": subject, **forged})
        assert page.status_code == 400
    page = user_agent.post(request.url, data={"decision": "allow", "subject": subject})
    assert "location" not in page.headers


def test_a_forged_form_signs_nobody_in(client, user_agent):
    page = user_agent.post(client.request().url, data={"person": "7f3c0a52"})
    assert "<h1>Sign in</h1>" in page.text


def test_allow_counts_only_for_the_person_that_was_shown(client, user_agent):
    request = client.request(prompt="consent")
    shown_to_alice = user_agent.press(user_agent.get(request.url), "Alice Adams")
    other_tab = user_agent.get(client.request(prompt="login").url)
    user_agent.press(other_tab, "Bob Brown")
    page = user_agent.press(shown_to_alice, "Allow")
    assert page.status_code == 200
    assert "Bob Brown" in page.text


def test_pages_are_framed_by_nobody_and_kept_by_nobody(client, user_agent):
    for page in (
        user_agent.get(client.request().url),
        user_agent.get("/device"),
        user_agent.get(client.request(client_id="x").url),
    ):
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"


def test_another_sites_name_for_this_address_is_refused(issuer):
    assert httpx.get(issuer, headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "name", ["scope", "state", "nonce", "prompt", "code_challenge", "resource", "max_age"]
)
@pytest.mark.parametrize("value", ['"\\', "é\0", "x" * 5000, "%", "none none"])
def test_odd_values_are_answered_as_requests_not_as_failures(client, user_agent, name, value):
    assert user_agent.get(client.request(**{name: value}).url).status_code < 500
    assert client.token(grant_type="authorization_code", **{name: value}).status_code == 400
