"""What providers do that the certified one does not: their manners, played by its switches."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from login_form import LoginForm
from signing_in import expect_kernel, login_cell, open_popup, sign_in


@pytest.fixture
def nb(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    return nb


@pytest.fixture
def rotating(provider):
    """As Dex does: keys that browsers keep for ten minutes, and new ones in between."""
    provider.configure(jwks_max_age=600, consent="skip")
    return provider


def test_a_key_that_is_new_since_the_sign_in_ends_nothing(rotating, nb):
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    for _ in range(2):
        rotating.rotate_keys()
        nb.execute("before = w.access_token; w.refresh()")
        expect_kernel(
            nb, "w.access_token not in (None, before), w.status, w.error", (True, "signed_in", None)
        )
    assert len(rotating.requests("token", grant_type="refresh_token")) == 2


def test_a_sign_in_right_after_a_rotation(rotating, nb):
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    rotating.rotate_keys()
    rotating.revoke("alice", "Session")
    sign_in(nb)
    expect_kernel(nb, "w.status, w.error", ("signed_in", None))


def test_a_sign_in_that_is_not_accepted_leaves_nothing_behind(provider, nb):
    provider.forge({"iss": "https://evil.example"})
    LoginForm(open_popup(nb)).sign_in()
    expect_kernel(nb, "w.status, w.error and w.error.code", ("error", "id_token_invalid"))
    [left] = [secret.value for secret in provider.secrets("refresh_token")]
    assert [request.params["token"] for request in provider.requests("revocation")] == [left]


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_request"])
def test_a_dead_refresh_token_in_the_providers_own_words(provider, nb, error):
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    provider.fault("token", "status", status=400, body={"error": error}, grant_type="refresh_token")
    nb.execute("w.refresh()")
    expect(nb.region).to_contain_text("Signed out by the provider")
    expect_kernel(nb, "w.status, w.access_token", ("expired", None))


def test_an_answer_in_the_fragment_counts(provider, nb):
    provider.authorization_response(fragment=True)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")


def test_a_refusal_in_the_fragment_is_told(provider, nb):
    provider.authorization_response(fragment=True)
    LoginForm(open_popup(nb)).cancel()
    expect_kernel(nb, "w.error and w.error.code", "access_denied")
