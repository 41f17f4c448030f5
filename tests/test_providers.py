"""The certified provider without a browser, for the tests beside this one that need it so."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jws

from oidc_widget.verify import TokenVerifier
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


#: RFC 7636, appendix B.
VERIFIER, CHALLENGE = (
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
)
CALLBACK = "http://localhost:1/callback"


def landing(provider):
    """Sign Alice in, and return the address that she is sent back to."""
    provider.configure(redirect_uris=[CALLBACK])
    request = httpx.URL(
        f"{provider.issuer}/auth",
        params={
            "client_id": provider.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        },
    )
    with HttpPerson() as alice:
        return alice.visit(str(request), until=CALLBACK)


def test_a_code_comes_back_without_a_browser(provider):
    assert "code=" in urlsplit(landing(provider)).query


def test_a_code_comes_back_in_the_fragment(provider):
    provider.authorization_response(fragment=True)
    landed = urlsplit(landing(provider))
    assert "code=" in landed.fragment
    assert not landed.query


def test_keys_that_browsers_keep_are_rotated(provider):
    def keys():
        response = httpx.get(f"{provider.issuer}/jwks", trust_env=False)
        return response.headers.get("cache-control"), {key["kid"] for key in response.json()["keys"]}

    def id_token():
        form = {
            "grant_type": "authorization_code",
            "client_id": provider.client_id,
            "code": parse_qs(urlsplit(landing(provider)).query)["code"][0],
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return httpx.post(f"{provider.issuer}/token", data=form, trust_env=False).json()["id_token"]

    provider.configure(jwks_max_age=600)
    seen = [(keys(), jws.extract_compact(id_token().encode()).headers()["kid"])]
    for _ in range(2):
        provider.rotate_keys()
        token = id_token()
        verified = TokenVerifier(provider.issuer, provider.client_id, token_type="id").verify(token)
        assert verified.subject == "a-1001"
        seen.append((keys(), verified.header["kid"]))
    assert {cached for (cached, _), _ in seen} == {"max-age=600"}
    for ((_, before), _), ((_, now), kid) in pairwise(seen):
        assert now - before == {kid}
