"""Somebody who is signed in at a provider that signs its tokens, which end as soon as a test wants."""

from __future__ import annotations

import pytest

from oidc_widget import OIDCLogin
from oidc_widget.verify import TokenVerifier
from providers.http_person import HttpPerson
from shown import shown

API = "https://api.example.com/"


@pytest.fixture
def sign_in(provider):
    """Return a sign-in whose access tokens are JWTs for `API`, and live so many seconds."""
    made = []

    def make(lifetime=3600, **options):
        provider.configure(
            access_token_ttl=lifetime,
            device_authorization_response={"set": {"interval": 0.1}},
            consent="skip",
        )
        w = OIDCLogin(provider.issuer, provider.client_id, flow="device", resource=API, **options)
        made.append(w)
        w.sign_in()
        with HttpPerson() as alice:
            alice.visit(shown(w)["device"]["verification_uri_complete"])
        w.wait(20)
        return w

    yield make
    for w in made:
        w.sign_out()
        w.close()


@pytest.fixture
def verifier(provider):
    return TokenVerifier(provider.issuer, API, leeway=0, allow_insecure_http=True)


@pytest.fixture
def refreshes(provider):
    return lambda: len(provider.requests("token", grant_type="refresh_token"))
