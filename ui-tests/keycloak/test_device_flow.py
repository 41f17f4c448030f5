"""The device flow with Keycloak, which demands PKCE (RFC 7636) of a client there too."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from login_form import KeycloakForm
from signing_in import expect_kernel, login_cell

ALLOWED = {"oauth2.device.authorization.grant.enabled": "true"}


def approve(lab, link):
    """Open the link, as somebody does on another device."""
    page = lab.page.context.new_page()
    page.goto(link)
    KeycloakForm(page).sign_in(allow=True)
    expect(page.get_by_text("Device Login Successful")).to_be_visible()
    page.close()
    lab.page.bring_to_front()


def test_the_code_is_shown_and_the_token_arrives(lab, keycloak, jupyter):
    keycloak.register_notebooks(jupyter.redirect_uri, attributes=ALLOWED)
    nb = lab.notebook([login_cell(keycloak, flow="device")])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    expect(nb.region.locator("code")).to_have_text(re.compile("[A-Z]{4}-[A-Z]{4}"))
    approve(lab, nb.region.get_by_role("link", name="Open sign-in page").get_attribute("href"))
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status, w.access_token is not None", ("signed_in", True))
    nb.execute("before = w.access_token; w.refresh()")
    expect_kernel(nb, "w.access_token not in (None, before), w.error", (True, None))
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))
    keycloak.wait_for_sessions([])


def test_a_client_that_may_not_use_it_is_pasted_an_address(lab, keycloak):
    """Keycloak announces the grant for the whole realm, and refuses it client by client."""
    nb = lab.notebook([login_cell(keycloak, flow="device")])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    expect(nb.region.get_by_label("Address you landed on")).to_be_visible()
