"""How a sign-in with Keycloak ends: by the person, by an administrator, or not at all."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from login_form import KeycloakForm
from signing_in import expect_kernel, login_cell, open_popup, sign_in

PORTAL = "http://portal.example/callback"


@pytest.fixture
def nb(lab, keycloak):
    nb = lab.notebook([login_cell(keycloak)])
    nb.run(0)
    return nb


def visit_portal(lab, keycloak):
    """Sign in to another web application of the same organisation, in the same browser."""
    keycloak.register("portal", redirect_uris=[PORTAL], attributes={"pkce.code.challenge.method": ""})
    page = lab.page.context.new_page()
    page.route(f"{PORTAL}**", lambda route: route.fulfill(body="Welcome"))
    question = {
        "client_id": "portal",
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": PORTAL,
        "state": secrets.token_urlsafe(),
    }
    page.goto(f"{keycloak.issuer}/protocol/openid-connect/auth?{urlencode(question)}")
    KeycloakForm(page).sign_in()
    page.wait_for_url(f"{PORTAL}**")
    page.close()
    lab.page.bring_to_front()


def sign_out(nb):
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))


@pytest.mark.smoke
def test_a_sign_out_ends_the_session_that_was_ours_alone(nb, keycloak):
    sign_in(nb, form=KeycloakForm)
    sign_out(nb)
    keycloak.wait_for_sessions([])
    # So it asks again, and somebody else may answer.
    sign_in(nb, "bob", form=KeycloakForm)
    expect(nb.region).to_contain_text("Signed in as Bob Brown")


def test_a_sign_out_leaves_other_applications_alone(lab, nb, keycloak):
    visit_portal(lab, keycloak)
    open_popup(nb)  # Keycloak knows her, so the window closes by itself
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    assert keycloak.sessions("alice") == [{"notebooks", "portal"}]
    sign_out(nb)
    keycloak.wait_for_sessions([{"portal"}])
    # Keycloak has no `select_account`, but `login`: it asks for the password of the person that it knows.
    KeycloakForm(open_popup(nb)).prove_again("alice")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")


def test_an_administrator_ends_it_at_the_next_refresh(nb, keycloak):
    sign_in(nb, form=KeycloakForm)
    expect_kernel(nb, "w.status", "signed_in")
    keycloak.log_out("alice")
    nb.execute("w.refresh()")
    expect(nb.region).to_contain_text("Signed out by the provider")
    expect_kernel(nb, "w.status, w.access_token, w.error.code", ("expired", None, "invalid_grant"))
    sign_in(nb, form=KeycloakForm)
    expect_kernel(nb, "w.status, w.error", ("signed_in", None))


def test_who_is_locked_out_is_told_so(nb, keycloak):
    sign_in(nb, form=KeycloakForm)
    expect_kernel(nb, "w.status", "signed_in")
    keycloak.set_enabled("alice", False)
    nb.execute("w.refresh()")
    expect(nb.region).to_contain_text("Signed out by the provider")
    expect_kernel(nb, "w.status, w.access_token, w.error.code", ("expired", None, "invalid_grant"))
    # Keycloak's own page says that the account is disabled; closing it is no error.
    popup = open_popup(nb)
    KeycloakForm(popup).sign_in()
    expect(popup.get_by_text("disabled")).to_be_visible()
    popup.close()
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_client_that_is_gone_is_named_as_the_reason(nb, keycloak):
    sign_in(nb, form=KeycloakForm)
    expect_kernel(nb, "w.status", "signed_in")
    keycloak.unregister("notebooks")
    nb.execute("w.refresh()")
    expect_kernel(nb, "w.error and w.error.code", "unknown_client")
    expect(nb.region).to_contain_text("notebooks")


@pytest.mark.timeout(200)
def test_a_restart_of_keycloak_ends_nothing(nb, keycloak):
    keycloak.configure(accessTokenLifespan=10)
    sign_in(nb, form=KeycloakForm)
    expect_kernel(nb, "w.status", "signed_in")
    nb.execute("before = w.access_token")
    keycloak.stop()
    # Refused connections are no answer: the token at hand counts while it lives, and then people are told.
    expect(nb.region).to_contain_text("The sign-in has expired")
    keycloak.start()
    expect(nb.region).to_contain_text("Signed in as Alice Adams", timeout=60_000)
    expect_kernel(nb, "w.access_token not in (None, before), w.status, w.error", (True, "signed_in", None))
    assert keycloak.events("REFRESH_TOKEN_ERROR") == []
