from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import time

import pytest

API = "http://127.0.0.1:9"
OTHER_API = "http://127.0.0.1:9/other"


def test_a_person_signs_in_and_the_client_gets_tokens_about_them(client, user_agent):
    request = client.request()
    answer = user_agent.sign_in(request.url)
    assert answer["state"] == request.state
    assert answer["iss"] == client.issuer

    response = client.exchange(answer["code"], request.verifier)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    tokens = response.json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 300
    assert tokens["scope"] == "openid profile email"

    id_token = client.read(tokens["id_token"])
    assert id_token.header["kid"]
    claims = id_token.claims
    assert claims["iss"] == client.issuer
    assert claims["aud"] == "demo"
    assert claims["nonce"] == request.nonce
    assert claims["name"] == "Alice Adams"
    assert claims["email"] == "alice@example.com"
    assert abs(claims["iat"] - time()) < 60
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()

    access_token = client.read(tokens["access_token"])
    assert access_token.header["typ"] == "at+jwt"
    assert access_token.header["kid"] == id_token.header["kid"]
    assert access_token.claims["aud"] == API
    assert access_token.claims["client_id"] == "demo"
    assert access_token.claims["sub"] == claims["sub"]
    assert access_token.claims["name"] == "Alice Adams"
    assert access_token.claims["exp"] - access_token.claims["iat"] == 300

    assert client.userinfo(tokens["access_token"]).json() == {
        "sub": claims["sub"],
        "name": "Alice Adams",
        "given_name": "Alice",
        "family_name": "Adams",
        "preferred_username": "alice",
        "email": "alice@example.com",
        "email_verified": True,
    }


def test_only_what_the_scopes_allow_is_told(client, user_agent):
    tokens = client.sign_in(user_agent, "Bob Brown", scope="openid nonsense")
    assert tokens["scope"] == "openid"
    claims = client.read(tokens["id_token"]).claims
    assert not {"name", "email"} & claims.keys()
    assert client.userinfo(tokens["access_token"]).json() == {"sub": claims["sub"]}


def test_without_openid_there_is_no_id_token(client, user_agent):
    assert "id_token" not in client.sign_in(user_agent, scope="profile")


@pytest.mark.parametrize("verifier", ["x" * 43, "", None])
def test_a_wrong_verifier_gets_nothing_and_the_right_one_still_does(client, user_agent, verifier):
    request = client.request()
    code = user_agent.sign_in(request.url)["code"]
    refused = client.token(
        grant_type="authorization_code",
        code=code,
        redirect_uri="http://localhost:8888/user/alice/oidc-widget/callback",
        **({} if verifier is None else {"code_verifier": verifier}),
    )
    assert refused.status_code == 400
    assert refused.json()["error"] == ("invalid_grant" if verifier else "invalid_request")
    assert client.exchange(code, request.verifier).status_code == 200


@pytest.mark.parametrize(
    "parameters",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
    ],
)
def test_nobody_gets_around_pkce_with_s256(client, user_agent, parameters):
    request = client.request(**parameters)
    answer = user_agent.sign_in(request.url)
    assert answer["error"] == "invalid_request"
    assert answer["state"] == request.state
    assert answer["iss"] == client.issuer


def test_a_replayed_code_is_refused_and_takes_its_tokens_down(client, user_agent):
    request = client.request()
    code = user_agent.sign_in(request.url)["code"]
    tokens = client.exchange(code, request.verifier).json()
    assert client.userinfo(tokens["access_token"]).status_code == 200

    replayed = client.exchange(code, request.verifier)
    assert replayed.status_code == 400
    assert replayed.json()["error"] == "invalid_grant"
    assert client.userinfo(tokens["access_token"]).status_code == 401
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_is_used_once_when_requests_come_together(client, user_agent, store, monkeypatch):
    together, find_code = Barrier(4, timeout=10), store.find_code

    def find_code_together(value):
        found = find_code(value)
        together.wait()  # so that all of them have found it before the first one uses it
        return found

    monkeypatch.setattr(store, "find_code", find_code_together)
    request = client.request()
    code = user_agent.sign_in(request.url)["code"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.exchange(code, request.verifier).status_code, range(4)))
    assert sorted(answers) == [200, 400, 400, 400]


def test_a_code_belongs_to_its_redirect_address(client, user_agent):
    request = client.request()
    code = user_agent.sign_in(request.url)["code"]
    refused = client.exchange(code, request.verifier, redirect_uri="http://localhost:1/oidc-widget/callback")
    assert refused.json()["error"] == "invalid_grant"


def test_an_access_token_is_for_the_resource_that_was_asked_for(client, user_agent):
    for asked in ({"resource": OTHER_API}, {"resource": OTHER_API + "/"}, {"audience": OTHER_API}):
        tokens = client.sign_in(user_agent, **asked)
        assert client.read(tokens["access_token"]).claims["aud"] == OTHER_API
        assert client.refresh(tokens["refresh_token"], resource=API).json()["error"] == "invalid_target"


def test_one_of_several_resources_can_be_asked_for_at_the_token_endpoint(client, user_agent):
    tokens = client.sign_in(user_agent, resource=[API, OTHER_API])
    assert client.read(tokens["access_token"]).claims["aud"] == [API, OTHER_API]
    tokens = client.refresh(tokens["refresh_token"], resource=OTHER_API).json()
    assert client.read(tokens["access_token"]).claims["aud"] == OTHER_API
    tokens = client.refresh(tokens["refresh_token"]).json()
    assert client.read(tokens["access_token"]).claims["aud"] == [API, OTHER_API]


def test_an_unknown_resource_is_refused(client, user_agent):
    answer = user_agent.sign_in(client.request(resource="https://elsewhere.example").url)
    assert answer["error"] == "invalid_target"


def test_another_response_type_or_grant_type_is_refused(client, user_agent):
    answer = user_agent.sign_in(client.request(response_type='to"ken\\').url)
    assert answer["error"] == "unsupported_response_type"
    assert answer["iss"] == client.issuer
    assert client.token(grant_type="password").json()["error"] == "unsupported_grant_type"


def test_another_client_gets_nothing(client):
    refused = client.token(client_id="other", grant_type="refresh_token", refresh_token="x")
    assert refused.json()["error"] == "invalid_client"


def test_discovery_names_what_is_there(client):
    metadata = client.metadata
    assert metadata["issuer"] == client.issuer
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    for name, url in metadata.items():
        if name.endswith(("_endpoint", "_uri")):
            assert client.http.options(url).status_code == 200, name


def test_the_published_keys_have_no_private_part(client):
    [key] = client.http.get(client.metadata["jwks_uri"]).json()["keys"]
    assert key.keys() == {"kty", "n", "e", "use", "alg", "kid"}
