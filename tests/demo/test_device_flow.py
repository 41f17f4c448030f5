from __future__ import annotations

import pytest

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def device(client):
    answer = client.http.post(
        client.metadata["device_authorization_endpoint"],
        data={"client_id": "demo", "scope": "openid profile"},
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def poll(client, device):
    return client.token(grant_type=DEVICE_CODE, device_code=device["device_code"])


def test_a_device_gets_tokens_once_somebody_enters_its_code(client, user_agent, device):
    assert poll(client, device).json()["error"] == "authorization_pending"

    page = user_agent.press(user_agent.get(device["verification_uri_complete"]), "Bob Brown")
    assert device["user_code"] in page.text
    assert "goes on by itself" in user_agent.press(page, "Allow").text

    tokens = poll(client, device).raise_for_status().json()
    claims = client.read(tokens["id_token"]).claims
    assert claims["name"] == "Bob Brown"
    assert "nonce" not in claims
    assert client.refresh(tokens["refresh_token"]).status_code == 200
    assert poll(client, device).json()["error"] == "invalid_grant"


def test_polling_too_fast_is_slowed_down(client, device):
    assert poll(client, device).json()["error"] == "authorization_pending"
    assert poll(client, device).json()["error"] == "slow_down"


def test_a_denied_device_is_told_so(client, user_agent, device):
    page = user_agent.press(user_agent.get(device["verification_uri_complete"]), "Alice Adams")
    assert "was not signed in" in user_agent.press(page, "Deny").text
    assert poll(client, device).json()["error"] == "access_denied"


def test_a_code_is_found_however_it_is_typed(user_agent, device):
    typed = device["user_code"].replace("-", " ").lower()
    page = user_agent.get(device["verification_uri"], params={"user_code": typed})
    assert device["user_code"] in page.text


def test_a_code_is_answered_once(user_agent, device):
    page = user_agent.press(user_agent.get(device["verification_uri_complete"]), "Alice Adams")
    user_agent.press(page, "Allow")
    # Known no more: the form is shown again.
    assert "Compare it with the one shown" in user_agent.press(page, "Deny").text


@pytest.mark.parametrize("code", ["AAAA-AAAA", "<b>", "-", " "])
def test_an_unknown_code_is_asked_for_again(user_agent, code):
    page = user_agent.get("/device", params={"user_code": code})
    assert page.status_code == 200
    assert "Compare it with the one shown" in page.text
    assert "<b>" not in page.text


def test_an_unknown_device_or_client_gets_nothing(client):
    refused = client.token(grant_type=DEVICE_CODE, device_code="guessed")
    assert refused.json()["error"] == "invalid_grant"
    endpoint = client.metadata["device_authorization_endpoint"]
    assert client.http.post(endpoint, data={"client_id": "other"}).json()["error"] == "invalid_client"
    unknown = client.http.post(endpoint, data={"client_id": "demo", "resource": "https://elsewhere.example"})
    assert unknown.json()["error"] == "invalid_target"
