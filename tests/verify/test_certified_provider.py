"""Tokens that the certified provider issues: access and ID tokens, opaque ones, and bad ones."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib
import re
import secrets
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from oidc_widget import errors
from oidc_widget.verify import Introspection, TokenVerifier, verify_access_token_hash
from providers.oidc_provider import ALICE, OidcProvider

REDIRECT_URI = "http://localhost:8888/oidc-widget/callback"
API = "https://api.example.com/"


@pytest.fixture(scope="module")
def _provider():
    with OidcProvider(consent="skip", redirect_uris=[REDIRECT_URI]) as provider:
        yield provider


@pytest.fixture
def provider(_provider):
    _provider.reset()
    return _provider


@pytest.fixture
def sign_in(provider):
    """Sign Alice in without a browser, and return the token response."""
    return functools.partial(_sign_in, provider)


def _sign_in(provider, **params):
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    with httpx.Client(trust_env=False) as browser:
        request = {
            "client_id": provider.client_id,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": "openid profile email",
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
            **params,
        }
        answer = browser.get(f"{provider.issuer}/auth", params=request)
        while not (location := answer.headers.get("Location", "")).startswith(REDIRECT_URI):
            if location:
                answer = browser.get(urljoin(str(answer.url), location))
            else:
                action = re.findall(r'action="([^"]+/login)"', answer.text)[0]
                form = {"login": ALICE.login, "password": ALICE.password}
                answer = browser.post(urljoin(str(answer.url), action), data=form)
        form = {
            "grant_type": "authorization_code",
            "client_id": provider.client_id,
            "code": httpx.URL(location).params["code"],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": verifier,
            **({"resource": params["resource"]} if "resource" in params else {}),
        }
        return browser.post(f"{provider.issuer}/token", data=form).raise_for_status().json()


def test_an_access_token_is_one_by_rfc_9068(provider, sign_in):
    tokens = sign_in(resource=API, scope="openid read")
    verifier = TokenVerifier(provider.issuer, API, rfc9068=True, scopes=["read"])
    claims = verifier.verify(tokens["access_token"])
    assert claims["sub"] == ALICE.sub
    assert claims["client_id"] == provider.client_id
    assert claims.header["typ"] == "at+jwt"
    with pytest.raises(errors.InsufficientScope):
        verifier.verify(tokens["access_token"], scopes=["write"])
    with pytest.raises(errors.WrongAudience):
        TokenVerifier(provider.issuer, "https://data.example.com/").verify(tokens["access_token"])


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS256", "ES256"])
def test_an_id_token_of_each_algorithm_verifies_with_nonce_and_access_token(alg, provider, sign_in):
    client = {"token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]}
    provider.configure(clients={provider.client_id: {**client, "id_token_signed_response_alg": alg}})
    tokens = sign_in(nonce="n-0S6_WzA2Mj")
    verifier = TokenVerifier(provider.issuer, provider.client_id, token_type="id")
    claims = verifier.verify(tokens["id_token"], nonce="n-0S6_WzA2Mj")
    assert (claims["name"], claims.header["alg"]) == (ALICE.name, alg)
    with pytest.raises(errors.WrongNonce):
        verifier.verify(tokens["id_token"], nonce="another")
    if "at_hash" in claims:
        verify_access_token_hash(tokens["access_token"], claims)


def test_one_kind_of_token_is_refused_as_the_other(provider, sign_in):
    tokens = sign_in(resource=API, scope="openid read", nonce="n")
    with pytest.raises(errors.WrongTokenType):
        TokenVerifier(provider.issuer, provider.client_id).verify(tokens["id_token"])
    with pytest.raises(errors.WrongTokenType):
        TokenVerifier(provider.issuer, API, token_type="id").verify(tokens["access_token"])


FORGED = {
    "bad_signature": {"sign_with": "other"},
    "algorithm_not_allowed": {"sign_with": "none"},
    "wrong_issuer": {"claims": {"iss": "https://evil.example"}},
    "wrong_audience": {"claims": {"aud": "another"}},
    "wrong_authorized_party": {"claims": {"azp": "another"}},
    "token_expired": {"claims": {"exp": 1}},
    "token_not_yet_valid": {"claims": {"iat": 99_999_999_999}},
    "missing_claim": {"claims": {"sub": None}},
}


@pytest.mark.parametrize("code", FORGED)
def test_what_the_provider_should_not_have_issued_is_refused(code, provider, sign_in):
    provider.forge(**FORGED[code])
    tokens = sign_in()
    with pytest.raises(errors.VerificationError) as caught:
        TokenVerifier(provider.issuer, provider.client_id, token_type="id").verify(tokens["id_token"])
    assert caught.value.code == code


async def test_an_opaque_token_is_introspected_until_it_is_revoked(provider, sign_in):
    token = sign_in()["access_token"]
    introspection = Introspection(
        provider.issuer,
        client_id=provider.api.client_id,
        client_secret=provider.api.client_secret,
        require_audience=False,  # this provider names one only for a resource
        max_age=0,
    )
    verifier = TokenVerifier(provider.issuer, "api", introspection=introspection)
    assert verifier.verify(token)["sub"] == ALICE.sub
    assert (await verifier.verify_async(token, scopes=["openid"]))["sub"] == ALICE.sub
    provider.revoke(ALICE.login, "AccessToken")
    with pytest.raises(errors.InactiveToken):
        verifier.verify(token)
    without = TokenVerifier(provider.issuer, "api")
    with pytest.raises(errors.MalformedToken):
        without.verify(token)


def test_clocks_may_differ_by_the_leeway(provider, sign_in):
    provider.configure(clock_offset=8)
    tokens = sign_in(resource=API, scope="openid read")
    assert TokenVerifier(provider.issuer, API).verify(tokens["access_token"])
    with pytest.raises(errors.TokenNotYetValid):
        TokenVerifier(provider.issuer, API, leeway=0).verify(tokens["access_token"])


def test_good_tokens_are_accepted_while_the_provider_is_down(provider, sign_in):
    tokens = sign_in(resource=API, scope="openid read")
    age = [0.0]
    verifier = TokenVerifier(provider.issuer, API, clock=lambda: age[0])
    verifier.verify(tokens["access_token"])
    provider.down()
    age[0] += 3600
    assert verifier.verify(tokens["access_token"])["sub"] == ALICE.sub


@pytest.fixture
def groups_service(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "examples")
    return importlib.import_module("groups_service")


@pytest.fixture
def ask(provider, groups_service):
    """Ask the example service, whose client is `reports`, with an ID token."""

    def ask(path, id_token, *, other_clients=()):
        app = groups_service.create_service(provider.issuer, "reports", other_clients)
        return app.test_client().get(path, headers={"Authorization": f"Bearer {id_token}"})

    return ask


def test_the_example_lets_in_by_groups(provider, sign_in, ask):
    provider.forge(claims={"aud": ["notebooks", "reports"], "azp": "notebooks"})
    id_token = sign_in(scope="openid groups")["id_token"]
    who = ask("/whoami", id_token, other_clients=["notebooks"])
    assert who.json == {"username": f"oidc:{ALICE.sub}", "groups": ["oidc:analysts", "oidc:staff"]}
    assert ask("/reports", id_token, other_clients=["notebooks"]).status_code == 200

    provider.forge(claims={"aud": ["notebooks", "reports"], "azp": "notebooks", "groups": ["staff"]})
    id_token = sign_in(scope="openid groups")["id_token"]
    assert ask("/reports", id_token, other_clients=["notebooks"]).status_code == 403


def test_the_example_refuses_tokens_of_clients_that_it_was_not_told_of(provider, sign_in, ask):
    provider.forge(claims={"aud": ["notebooks", "reports"], "azp": "notebooks"})
    id_token = sign_in()["id_token"]
    assert ask("/whoami", id_token).json["code"] == "wrong_authorized_party"
    assert ask("/whoami", id_token, other_clients=["dashboard"]).json["code"] == "wrong_authorized_party"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "notebooks", "azp": "notebooks"}, "wrong_audience"),
        ({"aud": ["notebooks", "reports"]}, "missing_claim"),
        ({"aud": "reports"}, None),  # its own: with one audience, that is the client
        ({"aud": "reports", "azp": "notebooks", "groups": "staff"}, None),
        ({"aud": "reports", "azp": "notebooks", "groups": {"staff": True}}, "invalid_claim"),
        ({"aud": "reports", "azp": "notebooks", "groups": ["staff", 1]}, "invalid_claim"),
    ],
)
def test_the_example_reads_groups_and_audience_as_kubernetes_does(claims, code, provider, sign_in, ask):
    provider.forge(claims=claims)
    answer = ask("/whoami", sign_in()["id_token"], other_clients=["notebooks"])
    assert (answer.status_code, answer.json.get("code")) == ((401, code) if code else (200, None))
