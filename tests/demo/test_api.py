from __future__ import annotations

import httpx
import pytest

from oidc_widget.demo.api import create_api
from oidc_widget.demo.loopback import LoopbackServer

API = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def me(issuer):
    with LoopbackServer() as server, httpx.Client(base_url=server.url) as http:
        server.serve(create_api(issuer=issuer, audience=API))
        yield lambda token: http.get("/me", headers={"Authorization": f"Bearer {token}"})


def test_the_api_tells_a_person_who_they_are(client, user_agent, me):
    tokens = client.sign_in(user_agent, "Bob Brown", resource=API)
    assert me(tokens["access_token"]).json() == {
        "sub": client.read(tokens["access_token"]).claims["sub"],
        "name": "Bob Brown",
        "email": "bob@example.com",
    }
    refreshed = client.refresh(tokens["refresh_token"]).json()
    assert me(refreshed["access_token"]).status_code == 200


def test_a_token_for_another_api_an_id_token_and_none_are_refused(client, user_agent, me):
    other = client.sign_in(user_agent, resource=f"{API}/other")
    for token in (other["access_token"], other["id_token"], other["refresh_token"], "x"):
        refused = me(token)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
