"""The example application, with Keycloak."""

from __future__ import annotations

from login_form import KeycloakForm
from signing_in import sign_in
from test_examples import look, open_application


def test_the_application_shows_what_keycloak_gives(lab, keycloak):
    nb = open_application(lab, keycloak)
    nb.panel.get_by_role("button", name="offline_access", exact=True).click()
    sign_in(nb, form=KeycloakForm)
    look(nb, "Userinfo", '"email": "alice@example.com"')
    look(nb, "Verify", '"alg": "RS256"', keycloak.issuer)
    look(nb, "Tokens", '"access_token": "eyJ', '"id_token": "eyJ')
