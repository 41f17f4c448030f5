"""The recipes of `docs/verify.md`: settings as written there, and tokens as each provider shapes them."""

from __future__ import annotations

import pytest

from oidc_widget import errors
from oidc_widget.verify import TokenVerifier

TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"
KEYCLOAK = "https://sso.example.com/realms/main"
JWT = {"typ": "JWT"}

# provider: (settings, header, claims of a good token, what makes it a bad one, the code of that)
RECIPES = {
    "Keycloak": (
        {"issuer": KEYCLOAK, "audience": "api"},
        JWT,
        {
            "iss": KEYCLOAK,
            "aud": ["api", "account"],
            "typ": "Bearer",
            "azp": "notebooks",
            "nonce": "n",
            "realm_access": {"roles": ["admin"]},
        },
        {"aud": "account"},
        "wrong_audience",
    ),
    "Keycloak's ID token": (
        {"issuer": KEYCLOAK, "audience": "notebooks"},
        JWT,
        {"iss": KEYCLOAK, "aud": "notebooks", "typ": "Bearer", "azp": "notebooks"},
        {"typ": "ID"},
        "wrong_token_type",
    ),
    "Entra, one tenant": (
        {"issuer": ENTRA, "audience": "APP-ID", "scopes": ["jobs"]},
        JWT,
        {
            "iss": ENTRA,
            "aud": "APP-ID",
            "scope": ...,
            "scp": "jobs",
            "tid": TENANT,
            "azp": "x",
            "roles": ["admin"],
        },
        {"aud": "api://APP-ID"},
        "wrong_audience",
    ),
    "Entra, any tenant": (
        {"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "audience": "APP-ID"},
        JWT,
        {"iss": ENTRA, "aud": "APP-ID", "tid": TENANT},
        {"tid": "another"},
        "wrong_issuer",
    ),
    "Entra, trusted tenants": (
        {"issuer": lambda iss: iss == ENTRA, "audience": "APP-ID"},
        JWT,
        {"iss": ENTRA, "aud": "APP-ID", "tid": TENANT},
        {"iss": ENTRA.replace("9188", "0000")},
        "wrong_issuer",
    ),
    "Auth0": (
        {"issuer": "https://TENANT.eu.auth0.com/", "audience": "https://api.example.com"},
        JWT,
        {
            "iss": "https://TENANT.eu.auth0.com/",
            "aud": ["https://api.example.com", "https://TENANT.eu.auth0.com/userinfo"],
            "azp": "x",
            "permissions": ["jobs:write"],
        },
        {"iss": "https://TENANT.eu.auth0.com"},
        "wrong_issuer",
    ),
    "Okta": (
        {
            "issuer": "https://ORG.okta.com/oauth2/default",
            "audience": "api://default",
            "authorized_parties": ["notebooks"],
            "scopes": "jobs",
        },
        {"typ": ...},
        {
            "iss": "https://ORG.okta.com/oauth2/default",
            "aud": "api://default",
            "cid": "notebooks",
            "scope": ...,
            "scp": ["jobs", "openid"],
        },
        {"cid": "another"},
        "wrong_authorized_party",
    ),
    "Cognito": (
        {
            "issuer": "https://cognito-idp.REGION.amazonaws.com/POOL-ID",
            "audience": None,
            "skip_audience_check": True,
            "authorized_parties": ["CLIENT-ID"],
            "scopes": ["jobs/write"],
        },
        {"typ": ...},
        {
            "iss": "https://cognito-idp.REGION.amazonaws.com/POOL-ID",
            "aud": ...,
            "client_id": "CLIENT-ID",
            "token_use": "access",
            "scope": "jobs/write openid",
        },
        {"client_id": "another"},
        "wrong_authorized_party",
    ),
    "Google": (
        {
            "issuer": "https://accounts.google.com",
            "audience": "C.apps.googleusercontent.com",
            "token_type": "id",
        },
        JWT,
        {
            "iss": "accounts.google.com",
            "aud": "C.apps.googleusercontent.com",
            "azp": "C.apps.googleusercontent.com",
            "at_hash": "x",
        },
        {"azp": "another"},
        "wrong_authorized_party",
    ),
    "Dex": (
        {
            "issuer": "https://dex.example.com",
            "audience": "reports",
            "token_type": "id",
            "authorized_parties": ["reports", "notebooks"],
        },
        {"typ": ...},
        {
            "iss": "https://dex.example.com",
            "aud": ["reports", "notebooks"],
            "azp": "notebooks",
            "groups": ["staff"],
        },
        {"azp": "another"},
        "wrong_authorized_party",
    ),
    "Dex, for its own client": (
        {
            "issuer": "https://dex.example.com",
            "audience": "reports",
            "token_type": "id",
            "authorized_parties": ["reports", "notebooks"],
        },
        {"typ": ...},
        {"iss": "https://dex.example.com", "aud": "reports"},
        {"aud": ["reports", "notebooks"]},
        "missing_claim",
    ),
}


@pytest.mark.parametrize("provider", RECIPES)
def test_a_recipe_accepts_what_it_is_for_and_nothing_else(provider, issuer):
    settings, header, claims, bad, code = RECIPES[provider]
    verifier = TokenVerifier(**settings, keys=issuer.jwks, now=lambda: issuer.now)
    verified = verifier.verify(issuer.token(header=header, **claims))
    assert verified["sub"] == "alice"
    with pytest.raises(errors.VerificationError) as caught:
        verifier.verify(issuer.token(header=header, **{**claims, **bad}))
    assert caught.value.code == code


@pytest.mark.parametrize("provider", ["Keycloak", "Entra, one tenant"])
def test_roles_are_found_without_a_hook(provider, issuer):
    settings, header, claims, _, _ = RECIPES[provider]
    verifier = TokenVerifier(**settings, keys=issuer.jwks, now=lambda: issuer.now)
    verifier.require(verifier.verify(issuer.token(header=header, **claims)), roles="admin")
