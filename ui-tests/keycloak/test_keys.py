"""Keys that change, and signatures other than RS256."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from login_form import KeycloakForm
from signing_in import expect_kernel, login_cell, open_popup, sign_in


def test_a_key_that_is_new_since_the_sign_in_ends_nothing(lab, keycloak):
    nb = lab.notebook([login_cell(keycloak)])
    nb.run(0)
    sign_in(nb, form=KeycloakForm)
    expect_kernel(nb, "w.status", "signed_in")
    for _ in range(2):
        keycloak.rotate_keys()
        nb.execute("before = w.access_token; w.refresh()")
        expect_kernel(
            nb, "w.access_token not in (None, before), w.status, w.error", (True, "signed_in", None)
        )
    assert len(keycloak.events("REFRESH_TOKEN")) == 2


def test_a_sign_in_right_after_a_rotation(lab, keycloak):
    nb = lab.notebook([login_cell(keycloak)])
    nb.run(0)
    sign_in(nb, form=KeycloakForm)
    expect_kernel(nb, "w.status", "signed_in")
    keycloak.rotate_keys()
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    # Before that, Keycloak would know her, and ask for the password alone (`prompt=login`).
    keycloak.wait_for_sessions([])
    sign_in(nb, form=KeycloakForm)
    expect_kernel(nb, "w.status, w.error", ("signed_in", None))


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_client_with_another_algorithm(lab, keycloak, jupyter, algorithm):
    attributes = {"access.token.signed.response.alg": algorithm, "id.token.signed.response.alg": algorithm}
    keycloak.register_notebooks(jupyter.redirect_uri, attributes=attributes)
    nb = lab.notebook([login_cell(keycloak)])
    nb.run(0)
    sign_in(nb, form=KeycloakForm)
    expect_kernel(nb, "w.status, w.claims['name']", ("signed_in", "Alice Adams"))
    nb.execute("before = w.access_token; w.refresh()")
    expect_kernel(nb, "w.access_token not in (None, before), w.error", (True, None))


def test_an_algorithm_that_is_never_accepted_is_named(lab, keycloak, jupyter):
    """HMAC with the client's secret, of which a public client has none."""
    keycloak.register_notebooks(jupyter.redirect_uri, attributes={"id.token.signed.response.alg": "HS256"})
    nb = lab.notebook([login_cell(keycloak)])
    nb.run(0)
    KeycloakForm(open_popup(nb)).sign_in()
    expect(nb.region.get_by_role("alert")).to_contain_text("HS256")
    expect_kernel(nb, "w.status, w.error and w.error.code", ("error", "id_token_invalid"))
    # What came with it is not left behind.
    keycloak.wait_for_sessions([])
