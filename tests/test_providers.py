"""The certified provider without a browser, for the tests beside this one that need it so."""

from __future__ import annotations

import httpx

from providers.http_person import HttpPerson


def test_a_device_is_approved_by_somebody_elsewhere(provider):
    def ask(endpoint, **data):
        return httpx.post(
            f"{provider.issuer}{endpoint}", data={"client_id": provider.client_id, **data}, trust_env=False
        ).json()

    device = ask("/device/auth", scope="openid profile")
    poll = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": device["device_code"],
    }
    assert ask("/token", **poll)["error"] == "authorization_pending"
    with HttpPerson("bob") as bob:
        bob.visit(device["verification_uri_complete"])
    token = ask("/token", **poll)
    assert provider.introspect(token["access_token"])["sub"] == "b-1002"
    assert "refresh_token" in token


def test_a_code_comes_back_without_a_browser(provider):
    callback = "http://localhost:1/callback"
    provider.configure(redirect_uris=[callback])
    request = httpx.URL(
        f"{provider.issuer}/auth",
        params={
            "client_id": provider.client_id,
            "redirect_uri": callback,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        },
    )
    with HttpPerson() as alice:
        assert "code=" in alice.visit(str(request), until=callback)
