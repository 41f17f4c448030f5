from __future__ import annotations

import pytest

PAGE = "http://localhost:8888"
FOR_SCRIPTS = ["/.well-known/openid-configuration", "/jwks", "/token", "/revoke", "/userinfo"]
NOT_FOR_SCRIPTS = [
    "/authorize",
    "/device_authorization",
    "/device",
    "/end_session",
    "/",
    "/static/pages.css",
    "/none",
]


@pytest.mark.parametrize("path", FOR_SCRIPTS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_the_clients_page_may_read_every_answer_of_these(user_agent, path, method):
    response = user_agent.request(method, path, headers={"Origin": PAGE})
    if response.status_code != 405:
        assert response.headers["access-control-allow-origin"] == PAGE
        assert "Origin" in response.headers["vary"]
        assert "access-control-allow-credentials" not in response.headers


def test_a_preflight_allows_the_bearer_token(user_agent):
    response = user_agent.options(
        "/userinfo",
        headers={
            "Origin": PAGE,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert response.status_code == 200
    assert "authorization" in response.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize("path", NOT_FOR_SCRIPTS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_page_may_read_the_rest(user_agent, path, method):
    response = user_agent.request(method, path, headers={"Origin": PAGE})
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://localhost:8888.evil.example",
        "*",
    ],
)
def test_no_other_page_may_read_anything(user_agent, origin):
    for path in FOR_SCRIPTS:
        assert "access-control-allow-origin" not in user_agent.get(path, headers={"Origin": origin}).headers
