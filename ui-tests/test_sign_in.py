"""Sign in from a cell, and have the token in the kernel: the popup flow, end to end."""

from __future__ import annotations

from playwright.sync_api import expect

from signing_in import expect_kernel, login_cell, sign_in


def test_the_token_is_there_in_the_next_cell(lab, provider):
    nb = lab.notebook([login_cell(provider), "w.access_token is not None, w.status, w.claims['name']"])
    nb.run(0)
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    sign_in(nb)
    expect(nb.region.get_by_role("status")).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status", "signed_in")  # the page knows it first
    assert nb.run(1) == "(True, 'signed_in', 'Alice Adams')"
    assert nb.execute("w.redirect_uri") == repr(lab.server.redirect_uris(provider.issuer)[0])
    [token] = provider.secrets("access_token")
    assert nb.execute("w.access_token") == repr(token.value)
    assert provider.introspect(token.value)["active"]


def test_a_window_that_is_done_does_not_count_as_closed(lab, provider):
    """The callback page closes its window while the vault still talks to the provider."""
    provider.fault("token", "delay", seconds=1)
    watched = "\nstatuses = []\nw.observe(lambda change: statuses.append(change.new), 'status')\nw"
    nb = lab.notebook([login_cell(provider) + watched])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "statuses", ["signing_in", "signed_in"])


def test_another_provider_signs_in_too(lab, django_provider):
    nb = lab.notebook([login_cell(django_provider), "w.access_token is not None, w.claims['email']"])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")  # the page knows it first
    assert nb.run(1) == "(True, 'alice@example.com')"


def test_it_works_by_keyboard(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").focus()
    with nb.popup() as popup:
        lab.page.keyboard.press("Enter")
    popup.value.get_by_label("Login").wait_for()
    cancel = nb.region.get_by_role("button", name="Cancel")
    expect(cancel).to_be_focused()
    lab.page.keyboard.press("Space")
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_focused()
    # Nobody vouches for this provider, so its window is out of this page's reach.
    expect(nb.region.get_by_role("status")).to_contain_text("Close the sign-in window yourself")
    popup.value.close()


def test_signing_out_takes_the_token_away_everywhere(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    [token] = provider.secrets("access_token")
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(nb, "w.status, w.access_token, w.claims", ("signed_out", None, None))
    provider_knows = [request.params["token"] for request in provider.requests("revocation")]
    assert provider_knows == [secret.value for secret in provider.secrets("refresh_token")]
    assert token.value not in nb.execute("w._sign_in.state.now._asdict()")


def test_after_a_restart_of_the_kernel_the_cell_signs_in_without_a_click(lab, provider):
    nb = lab.notebook([login_cell(provider), "w.wait(20) if hasattr(w, 'wait') else None; w.status"])
    nb.run(0)
    sign_in(nb)
    nb.restart_kernel()
    nb.run(0)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status, w.access_token is not None", ("signed_in", True))
    assert len(provider.requests("token", grant_type="authorization_code")) == 1
