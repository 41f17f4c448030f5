"""JupyterHub in a browser: everybody signs in through one redirect address, and gets their own token."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from hub import PASSWORD, USERS
from lab import Lab
from login_form import LoginForm
from oidc_widget.oauth.callback_address import own_address
from signing_in import expect_kernel, login_cell, open_popup

TOKEN = "w.status, w.claims and w.claims['preferred_username'], w.access_token is not None"


@pytest.fixture
def hub_provider(hub, start_provider):
    """A provider that knows one redirect address, and no page's origin beyond that one's."""
    # Each subdomain is an origin of its own, of which providers know nothing.
    cors = "any" if hub.subdomain else "registered"
    provider = start_provider(cors=cors, consent="skip")
    provider.configure(redirect_uris=[own_address(hub.redirect_uri, provider.issuer)])
    return provider


@pytest.fixture
def lab_of(hub, browser, evidence):
    """Sign somebody in to the Hub in a browser of their own, and open their JupyterLab."""
    contexts = []

    def open_lab(name):
        context = browser.new_context()
        contexts.append(context)
        evidence.watch_context(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(f"{hub.url}hub/login")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{hub.user_url(name)}**")
        return Lab(page, hub.server(name))

    evidence.watch_log(hub.log)
    yield open_lab
    for context in contexts:
        context.close()


def test_two_people_sign_in_at_the_same_time_through_one_address(hub, hub_provider, lab_of):
    notebooks = {name: lab_of(name).notebook([login_cell(hub_provider)]) for name in USERS}
    for nb in notebooks.values():
        nb.run(0)
    popups = {name: open_popup(nb) for name, nb in notebooks.items()}
    for name, popup in reversed(popups.items()):
        LoginForm(popup).sign_in(name, allow=False)
    for name, nb in notebooks.items():
        expect(nb.region.get_by_role("status")).to_contain_text("Signed in as")
        expect_kernel(nb, TOKEN, ("signed_in", name, True))
        assert nb.execute("w.redirect_uri") == repr(own_address(hub.redirect_uri, hub_provider.issuer))
    asked = hub_provider.requests("authorization")
    assert {request.params["redirect_uri"] for request in asked if "redirect_uri" in request.params} == {
        own_address(hub.redirect_uri, hub_provider.issuer)
    }
    for secret in hub_provider.secrets("code", "state", "code_verifier", "refresh_token", "access_token"):
        assert secret.value not in hub.logged(), f"{secret.kind} in a log"


def test_a_denial_comes_back_through_the_hub_too(hub_provider, lab_of):
    hub_provider.configure(consent="ask")
    nb = lab_of("alice").notebook([login_cell(hub_provider)])
    nb.run(0)
    form = LoginForm(open_popup(nb))
    form.sign_in("alice", allow=False)
    form.deny()
    expect(nb.region.get_by_role("alert")).to_be_visible()
    expect_kernel(nb, "w.error.code", "access_denied")
