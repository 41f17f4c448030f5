from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor


def test_a_refresh_token_is_rotated(client, user_agent):
    first = client.sign_in(user_agent)
    second = client.refresh(first["refresh_token"]).raise_for_status().json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert client.refresh(second["refresh_token"]).status_code == 200

    before, after = (client.read(tokens["id_token"]).claims for tokens in (first, second))
    assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"])
    assert "nonce" not in after


def test_a_reused_refresh_token_takes_the_whole_family_down(client, user_agent):
    first = client.sign_in(user_agent)
    second = client.refresh(first["refresh_token"]).json()
    reused = client.refresh(first["refresh_token"])
    assert reused.status_code == 400
    assert reused.json()["error"] == "invalid_grant"
    assert client.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.userinfo(second["access_token"]).status_code == 401


def test_a_refresh_token_is_used_once_when_requests_come_together(client, user_agent):
    tokens = client.sign_in(user_agent)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.refresh(tokens["refresh_token"]).status_code, range(8)))
    assert sorted(answers) == [200] + [400] * 7


def test_a_refused_refresh_does_not_use_the_token_up(client, user_agent):
    tokens = client.sign_in(user_agent)
    for refused in ({"scope": "openid offline_access"}, {"resource": "https://elsewhere.example"}):
        assert client.refresh(tokens["refresh_token"], **refused).status_code == 400
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_a_narrowed_refresh_narrows_the_access_token_alone(client, user_agent):
    tokens = client.sign_in(user_agent)
    narrowed = client.refresh(tokens["refresh_token"], scope="openid").json()
    assert narrowed["scope"] == "openid"
    assert client.refresh(narrowed["refresh_token"]).json()["scope"] == "openid profile email"


def test_a_revoked_refresh_token_ends_all_that_came_of_it(client, user_agent):
    tokens = client.sign_in(user_agent)
    assert client.revoke(tokens["refresh_token"], token_type_hint="access_token").status_code == 200
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.userinfo(tokens["access_token"]).status_code == 401


def test_a_revoked_access_token_ends_alone(client, user_agent):
    tokens = client.sign_in(user_agent)
    assert client.revoke(tokens["access_token"]).status_code == 200
    refused = client.userinfo(tokens["access_token"])
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_revoking_what_is_not_there_is_no_error(client):
    assert client.revoke("nothing").status_code == 200


def test_signing_out_at_the_provider_ends_what_was_allowed_since(client, user_agent):
    tokens = client.sign_in(user_agent)
    page = user_agent.get(
        client.metadata["end_session_endpoint"],
        params={
            "id_token_hint": tokens["id_token"],
            "client_id": "demo",
            "post_logout_redirect_uri": "http://localhost:8888/user/alice/oidc-widget/callback",
            "state": "after",
        },
    )
    assert page.status_code == 303
    assert page.headers["location"] == "http://localhost:8888/user/alice/oidc-widget/callback?state=after"
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert "<h1>Sign in</h1>" in user_agent.get(client.request().url).text


def test_signing_out_leads_nowhere_else(client, user_agent):
    tokens = client.sign_in(user_agent)
    page = user_agent.get(
        client.metadata["end_session_endpoint"],
        params={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": "https://evil.example/"},
    )
    assert page.status_code == 200
    assert "Signed out" in page.text


def test_a_link_from_anywhere_signs_nobody_out_unasked(client, user_agent):
    tokens = client.sign_in(user_agent)
    page = user_agent.get(client.metadata["end_session_endpoint"])
    assert "Sign out?" in page.text
    assert client.refresh(tokens["refresh_token"]).status_code == 200
    assert "Signed out" in user_agent.press(page, "Sign out").text
    assert "<h1>Sign in</h1>" in user_agent.get(client.request().url).text


def test_a_made_up_id_token_is_no_reason_to_sign_out(client, user_agent):
    client.sign_in(user_agent)
    page = user_agent.get(client.metadata["end_session_endpoint"], params={"id_token_hint": "a.b.c"})
    assert page.status_code == 400
    assert "Alice Adams" in user_agent.get("/").text
