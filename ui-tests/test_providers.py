"""The providers themselves: the code flow with PKCE in a real browser, without any code of ours."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

from login_form import LoginForm

CALLBACK = "http://localhost:8765/callback"
API = "https://api.example.com/"


class PlainClient:
    """A client from a library, and a browser for the front channel."""

    def __init__(self, page, issuer, client_id):
        # Nobody listens there: the browser itself answers.
        page.route(f"{CALLBACK}**", lambda route: route.fulfill(body="back"))
        self.page = page
        self.issuer = issuer
        self.discovery = httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()
        self.session = OAuth2Client(
            client_id,
            scope="openid profile email",
            redirect_uri=CALLBACK,
            code_challenge_method="S256",
            token_endpoint_auth_method="none",
            trust_env=False,
        )

    def authorize(self, sign_in=LoginForm.sign_in, **params):
        """Send the browser to the provider, and return the parameters that it comes back with."""
        self.verifier = secrets.token_urlsafe(48)
        self.nonce = secrets.token_urlsafe()
        address, self.state = self.session.create_authorization_url(
            self.discovery["authorization_endpoint"], code_verifier=self.verifier, nonce=self.nonce, **params
        )
        self.page.goto(address)
        sign_in(LoginForm(self.page))
        self.page.wait_for_url(f"{CALLBACK}**")
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def exchange(self, code, **params):
        return self.session.fetch_token(
            self.discovery["token_endpoint"], code=code, code_verifier=self.verifier, **params
        )

    def refresh(self, refresh_token, **params):
        return self.session.refresh_token(
            self.discovery["token_endpoint"], refresh_token=refresh_token, **params
        )

    def verified(self, token):
        keys = httpx.get(self.discovery["jwks_uri"], trust_env=False).json()
        return jwt.decode(token, KeySet.import_key_set(keys)).claims


@pytest.fixture
def certified(page, start_provider):
    provider = start_provider(redirect_uris=[CALLBACK])
    return provider, PlainClient(page, provider.issuer, provider.client_id)


def test_the_certified_provider_signs_in_and_rotates(certified):
    provider, client = certified
    answer = client.authorize()
    assert answer["state"] == client.state
    assert answer["iss"] == provider.issuer == client.discovery["issuer"]
    first = client.exchange(answer["code"])
    claims = client.verified(first["id_token"])
    assert (claims["sub"], claims["name"], claims["nonce"]) == ("a-1001", "Alice Adams", client.nonce)
    assert provider.introspect(first["access_token"])["active"]
    second = client.refresh(first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh(first["refresh_token"])
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh(second["refresh_token"])
    assert len(provider.requests("token", grant_type="refresh_token")) == 3
    known = {secret.value for secret in provider.secrets()}
    assert known >= {
        answer["code"],
        client.verifier,
        client.nonce,
        *(first[kind] for kind in ("access_token", "id_token")),
    }


def test_the_certified_provider_takes_no_for_an_answer(certified):
    _, client = certified
    assert client.authorize(LoginForm.cancel)["error"] == "access_denied"

    def deny(form):
        form.sign_in("bob", allow=False)
        form.deny()

    assert client.authorize(deny)["error"] == "access_denied"


def test_the_certified_provider_issues_jwts_for_a_resource(certified):
    _, client = certified
    answer = client.authorize(scope="openid read", resource=API)
    token = client.verified(client.exchange(answer["code"], resource=API)["access_token"])
    assert (token["aud"], token["scope"], token["groups"]) == (API, "read", ["staff", "analysts"])


def test_the_certified_provider_forges_and_fails_on_demand(certified):
    provider, client = certified
    provider.configure(consent="skip", federated=True, coop=True)
    provider.forge({"iss": "https://evil.example"})
    provider.token_response(set={"expires_in": "3600"}, omit=["refresh_token"])
    provider.authorization_response(omit=["iss"])

    def federated(form):
        form.choose_organisation()
        form.sign_in(allow=False)

    answer = client.authorize(federated)
    assert "iss" not in answer
    token = client.exchange(answer["code"])
    assert client.verified(token["id_token"])["iss"] == "https://evil.example"
    assert token["expires_in"] == "3600"
    assert "refresh_token" not in token
    provider.heal()
    provider.down()
    with pytest.raises(httpx.ConnectError):
        httpx.get(client.discovery["jwks_uri"], trust_env=False)
    provider.up()
    provider.fault("token", "status", status=503, times=1)
    assert httpx.post(client.discovery["token_endpoint"], trust_env=False).status_code == 503
    assert httpx.post(client.discovery["token_endpoint"], trust_env=False).status_code == 400


def test_the_second_provider_signs_in_with_coop_and_rotates(page, start_django_provider):
    origin = "http://localhost:8765"
    provider = start_django_provider(redirect_uris=[CALLBACK], origins=[origin])
    client = PlainClient(page, provider.issuer, provider.client_id)
    sign_in_pages = []
    page.on(
        "response", lambda response: sign_in_pages.append(response) if "/login/" in response.url else None
    )
    answer = client.authorize()
    assert sign_in_pages[0].headers["cross-origin-opener-policy"] == "same-origin"
    assert "iss" not in answer
    assert answer["state"] == client.state
    first = client.exchange(answer["code"], headers={"Origin": origin})
    claims = client.verified(first["id_token"])
    assert (claims["iss"], claims["name"], claims["nonce"]) == (provider.issuer, "Alice Adams", client.nonce)
    second = client.refresh(first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    good, bad = (
        httpx.post(
            client.discovery["token_endpoint"],
            data={"grant_type": "refresh_token", "client_id": provider.client_id, "refresh_token": token},
            headers={"Origin": origin},
            trust_env=False,
        )
        for token in (second["refresh_token"], "made up")
    )
    assert good.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-origin" not in bad.headers


def test_the_second_provider_takes_no_for_an_answer(page, start_django_provider):
    provider = start_django_provider(redirect_uris=[CALLBACK], origins=[])
    client = PlainClient(page, provider.issuer, provider.client_id)

    def deny(form):
        form.sign_in(allow=False)
        form.deny()

    assert client.authorize(deny)["error"] == "access_denied"
