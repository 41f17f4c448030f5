"""A confidential client with a key of its own: `private_key_jwt` (RFC 7523) through the Jupyter server."""

from __future__ import annotations

import json

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from playwright.sync_api import expect

from lab import Lab
from login_form import KeycloakForm
from signing_in import expect_kernel, sign_in

KEYS = {
    "RS256": lambda: RSAKey.generate_key(2048),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_the_server_signs_for_the_client(page, start_jupyter, keycloak, algorithm):
    key = KEYS[algorithm]()
    jupyter = start_jupyter(
        config={
            "OIDCWidget": {
                "providers": {
                    "corp": {
                        "label": "Corp",
                        "authority": keycloak.issuer,
                        "client_id": "jupyter-server",
                        "private_key_env": "CORP_KEY",
                    }
                }
            }
        },
        env={"CORP_KEY": key.as_pem(private=True).decode()},
    )
    public = {**key.as_dict(private=False), "use": "sig", "alg": algorithm, "kid": key.thumbprint()}
    keycloak.register(
        "jupyter-server",
        redirect_uris=[jupyter.redirect_uri],
        publicClient=False,
        clientAuthenticatorType="client-jwt",
        attributes={
            "use.jwks.string": "true",
            "jwks.string": json.dumps({"keys": [public]}),
            "token.endpoint.auth.signing.alg": algorithm,
        },
    )
    page.set_default_timeout(30_000)
    nb = Lab(page, jupyter).notebook(['from oidc_widget import OIDCLogin\nw = OIDCLogin(provider="corp")\nw'])
    nb.run(0)
    sign_in(nb, button="Sign in to Corp", form=KeycloakForm)
    expect_kernel(nb, "w.status, w.claims and w.claims['name']", ("signed_in", "Alice Adams"))
    nb.execute("before = w.access_token; w.refresh()")
    expect_kernel(nb, "w.access_token not in (None, before)", True)
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    expect(nb.region.get_by_role("button", name="Sign in to Corp")).to_be_visible()
    # Keycloak takes no assertion whose `aud` is the revocation endpoint.
    keycloak.wait_for_sessions([])
    assert [event["type"] for event in keycloak.events() if event["type"].endswith("_ERROR")] == []
