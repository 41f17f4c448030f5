"""Access tokens of Keycloak's, in every form that it gives them, at the API's end."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from oidc_widget.errors import VerificationError
from oidc_widget.verify import TokenVerifier
from providers.http_person import HttpPerson

API = "https://api.example.com"
CALLBACK = "http://localhost:8765/callback"

AUDIENCE = {
    "name": "audience",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {
        "included.custom.audience": API,
        "access.token.claim": "true",
        "lightweight.claim": "true",
        "introspection.token.claim": "true",
    },
}
#: As where a client calls its own API, too: then neither `aud` nor `azp` tell the two kinds of token apart.
OWN_AUDIENCE = {
    "name": "own audience",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {
        "included.client.audience": "console",
        "access.token.claim": "true",
        "lightweight.claim": "true",
    },
}
NONCE = {
    "name": "nonce",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-nonce-backwards-compatible-mapper",
    "config": {},
}

#: What a client may ask of its access tokens: attributes, and mappers besides the audience's.
FORMS = {
    "plain": ({}, []),
    "ES256": ({"access.token.signed.response.alg": "ES256"}, []),
    "EdDSA": ({"access.token.signed.response.alg": "EdDSA"}, []),
    "RFC 9068": ({"access.token.header.type.rfc9068": "true"}, []),
    # As Keycloak up to 24 made them all.
    "nonce": ({}, [NONCE]),
    "lightweight": ({"client.use.lightweight.access.token.enabled": "true"}, []),
}


def tokens(keycloak, attributes, mappers):
    """Sign Alice in, without a browser, and return the token response."""
    keycloak.register(
        "console", redirect_uris=[CALLBACK], attributes=attributes, protocolMappers=[AUDIENCE, *mappers]
    )
    verifier = secrets.token_urlsafe(48)
    question = {
        "client_id": "console",
        "response_type": "code",
        "scope": "openid profile email",
        "redirect_uri": CALLBACK,
        "nonce": secrets.token_urlsafe(),
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    endpoint = f"{keycloak.issuer}/protocol/openid-connect"
    with HttpPerson("alice") as alice:
        landed = alice.visit(f"{endpoint}/auth?{urlencode(question)}", until=CALLBACK)
    form = {
        "grant_type": "authorization_code",
        "client_id": "console",
        "code": parse_qs(urlsplit(landed).query)["code"][0],
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
    }
    return httpx.post(f"{endpoint}/token", data=form, trust_env=False).raise_for_status().json()


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_access_token_verifies(bare_keycloak, form):
    answer = tokens(bare_keycloak, *FORMS[form])
    claims = TokenVerifier(bare_keycloak.issuer, API).verify(answer["access_token"], scopes=["profile"])
    assert claims["azp"] == "console"
    if form != "lightweight":
        assert claims.subject == bare_keycloak.person("alice")["id"]


@pytest.mark.parametrize("form", FORMS)
def test_neither_kind_of_token_is_taken_for_the_other(bare_keycloak, form):
    attributes, mappers = FORMS[form]
    answer = tokens(bare_keycloak, attributes, [OWN_AUDIENCE, *mappers])
    assert TokenVerifier(bare_keycloak.issuer, "console", token_type="id").verify(answer["id_token"])
    with pytest.raises(VerificationError):
        TokenVerifier(bare_keycloak.issuer, "console").verify(answer["id_token"])
    with pytest.raises(VerificationError):
        TokenVerifier(bare_keycloak.issuer, "console", token_type="id").verify(answer["access_token"])
