"""What Keycloak refuses, and why, in its own words: in the view, and by `w.diagnose()`."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from lab import Lab
from login_form import KeycloakForm
from signing_in import expect_error, expect_kernel, login_cell, open_popup


@pytest.fixture
def nb(lab, keycloak):
    nb = lab.notebook([login_cell(keycloak)])
    nb.run(0)
    return nb


def diagnosis(nb):
    """Return the report, which must have found something."""
    report = nb.execute("print(w.diagnose())")
    assert "No problem was found" not in report
    return report


def test_a_redirect_address_that_it_does_not_know(nb, keycloak):
    keycloak.register(redirect_uris=["http://elsewhere.example/"], origins=["+"])
    popup = open_popup(nb)
    expect(popup.get_by_text("Invalid parameter: redirect_uri")).to_be_visible()
    popup.close()
    nb.region.get_by_role("button", name="Cancel").or_(
        nb.region.get_by_role("button", name="Sign in")
    ).click()
    report = diagnosis(nb)
    assert nb.execute("print(w.redirect_uri)") in report
    assert "redirect" in report


def test_a_client_without_the_standard_flow_is_named(nb, keycloak, jupyter):
    """Keycloak sends people back with `unauthorized_client`, and says why in its description."""
    keycloak.register_notebooks(jupyter.redirect_uri, standardFlowEnabled=False)
    open_popup(nb)
    alert = nb.region.get_by_role("alert")
    expect(alert).to_contain_text("Standard flow is disabled")
    expect(alert).not_to_contain_text("redirect address")
    expect_kernel(nb, "w.status, w.error and w.error.code", ("error", "unknown_client"))
    assert "standard flow" in diagnosis(nb).lower()


def test_a_client_that_must_push_its_requests_is_named(nb, keycloak, jupyter):
    """RFC 9126, which a page can't do where the endpoint has no CORS headers."""
    required = {"require.pushed.authorization.requests": "true"}
    keycloak.register_notebooks(jupyter.redirect_uri, attributes=required)
    open_popup(nb)
    expect_error(nb, "authorization_failed", "Pushed Authorization Request is only allowed")
    assert "pushed authorization requests (RFC 9126)" in diagnosis(nb)


def test_a_client_whose_tokens_must_be_bound_to_a_key_is_named(nb, keycloak, jupyter):
    """RFC 9449; asked with a made-up code, Keycloak says nothing of it."""
    required = {"dpop.bound.access.tokens": "true"}
    keycloak.register_notebooks(jupyter.redirect_uri, attributes=required)
    KeycloakForm(open_popup(nb)).sign_in()
    expect(nb.region.get_by_role("alert")).to_contain_text("DPoP")
    expect_kernel(nb, "w.status", "error")
    assert "DPoP proof is missing" in diagnosis(nb)


def test_a_secret_that_is_wrong_on_the_server_is_named(page, start_jupyter, keycloak):
    entry = {
        "label": "Corp",
        "authority": keycloak.issuer,
        "client_id": "jupyter-server",
        "client_secret_env": "CORP_SECRET",
    }
    jupyter = start_jupyter(
        config={"OIDCWidget": {"providers": {"corp": entry}}}, env={"CORP_SECRET": "obvious-test-value"}
    )
    keycloak.register(
        "jupyter-server", redirect_uris=[jupyter.redirect_uri], publicClient=False, secret="another-value"
    )
    page.set_default_timeout(30_000)
    nb = Lab(page, jupyter).notebook(['from oidc_widget import OIDCLogin\nw = OIDCLogin(provider="corp")\nw'])
    nb.run(0)
    KeycloakForm(open_popup(nb, button="Sign in to Corp")).sign_in()
    expect(nb.region.get_by_role("alert")).to_contain_text("secret")
    expect_kernel(nb, "w.status", "error")
    report = diagnosis(nb)
    assert "secret" in report
    assert "obvious-test-value" not in report
