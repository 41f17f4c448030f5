"""Providers that the server's administrator configured, picked by name, with the secret on the server."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from lab import Lab
from providers.oauth2_only import OAuth2Only
from signing_in import expect_kernel, login_cell, open_popup, sign_in


@pytest.fixture
def configured(start_jupyter, start_provider):
    """A server, and a provider that no page can read anything of; only the server has its client's secret."""
    provider = start_provider(consent="skip", cors="none")
    jupyter = start_jupyter(
        config={
            "OIDCWidget": {
                "providers": {
                    "corp": {
                        "label": "Corp",
                        "authority": provider.issuer,
                        "client_id": provider.confidential.client_id,
                        "client_secret_env": "CORP_SECRET",
                    }
                }
            }
        },
        env={"CORP_SECRET": provider.confidential.client_secret},
    )
    provider.configure(redirect_uris=[jupyter.redirect_uri])
    return jupyter, provider


def test_a_client_with_a_secret_signs_in_by_name(page, configured):
    jupyter, provider = configured
    page.set_default_timeout(30_000)
    nb = Lab(page, jupyter).notebook(['from oidc_widget import OIDCLogin\nw = OIDCLogin(provider="corp")\nw'])
    nb.run(0)
    sign_in(nb, button="Sign in to Corp")
    expect_kernel(nb, "w.status, w.claims and w.claims['name']", ("signed_in", "Alice Adams"))
    (request,) = provider.requests("token")
    assert request.origin is None
    secret = provider.confidential.client_secret
    assert secret not in nb.execute("import os; print(dict(os.environ))")
    assert secret not in page.content()
    for spent in provider.secrets():
        assert spent.value not in jupyter.logged(), f"{spent.kind} in the log"
    nb.execute("before = w.access_token; w.refresh()")
    expect_kernel(nb, "w.access_token not in (None, before)", True)
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))
    assert all(request.origin is None for request in provider.requests("token"))


def test_the_window_of_a_provider_that_the_administrator_vouches_for_can_be_closed(
    page, start_jupyter, start_provider
):
    """Its line to the page is left alone, so `Cancel` closes it."""
    provider = start_provider(consent="skip")
    corp = {"label": "Corp", "authority": provider.issuer, "client_id": provider.client_id}
    jupyter = start_jupyter(config={"OIDCWidget": {"providers": {"corp": corp}}})
    provider.configure(redirect_uris=[jupyter.redirect_uri])
    page.set_default_timeout(30_000)
    # However a notebook names it, and whatever it calls it.
    nb = Lab(page, jupyter).notebook([login_cell(provider, label="Other")])
    nb.run(0)
    popup = open_popup(nb, button="Sign in to Corp")
    popup.get_by_label("Login").wait_for()
    assert popup.evaluate("opener !== null")
    with popup.expect_event("close"):
        nb.region.get_by_role("button", name="Cancel").click()
    expect(nb.region.get_by_role("button", name="Sign in to Corp")).to_be_visible()
    expect(nb.region).not_to_contain_text("Close the sign-in window")


def test_a_wrong_name_lists_the_right_ones(page, configured):
    jupyter, _ = configured
    page.set_default_timeout(30_000)
    nb = Lab(page, jupyter).notebook(['from oidc_widget import OIDCLogin\nw = OIDCLogin(provider="crop")\nw'])
    nb.run(0)
    alert = nb.region.get_by_role("alert")
    expect(alert).to_contain_text("crop")
    expect(alert).to_contain_text("corp")
    expect_kernel(nb, "w.status, w.error and w.error.code", ("error", "unknown_provider"))


def test_oauth2_without_openid_connect_signs_in_by_name(page, start_jupyter):
    with OAuth2Only() as git:
        jupyter = start_jupyter(
            config={
                "OIDCWidget": {
                    "providers": {"git": {**git.entry, "label": "Git", "client_secret_env": "GIT_SECRET"}}
                }
            },
            env={"GIT_SECRET": git.client_secret},
        )
        page.set_default_timeout(30_000)
        nb = Lab(page, jupyter).notebook(
            ['from oidc_widget import OIDCLogin\nw = OIDCLogin(provider="git")\nw']
        )
        nb.run(0)
        nb.region.get_by_role("button", name="Sign in to Git").click()
        expect(nb.region.get_by_role("status")).to_contain_text("Signed in as Octo Cat")
        expect_kernel(nb, "w.status, w.claims", ("signed_in", None))
        (token,) = git.tokens
        assert nb.execute("w.access_token") == repr(token)
        assert token not in jupyter.logged()
