"""The sidebar `Sign-ins`: providers and sessions, and what a person does with them."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from login_form import LoginForm


def configure(lab, **settings):
    lab.open()
    lab.page.evaluate(
        """async (settings) => {
          for (const [name, value] of Object.entries(settings)) {
            await jupyterapp.serviceManager.settings.save('oidc-widget:sign-ins', JSON.stringify(settings));
          }
        }""",
        settings,
    )
    lab.reload()


def test_sign_in_before_any_cell_runs(lab, provider):
    configure(
        lab, providers=[{"label": "Corp", "authority": provider.issuer, "client_id": provider.client_id}]
    )
    panel = lab.sidebar("Sign-ins")
    row = panel.get_by_role("listitem").filter(has_text="Corp")
    expect(row.get_by_role("button", name="Sign in")).to_be_visible()
    with lab.page.expect_popup() as popup:
        row.get_by_role("button", name="Sign in").click()
    LoginForm(popup.value).sign_in("alice")
    expect(row).to_contain_text("Signed in as Alice Adams")
    lab.page.screenshot(path="/tmp/sidebar.png")
    nb = lab.notebook(["1"])
    row.get_by_role("button", name="Insert code").click()
    nb.run(1)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    nb.add("w.wait(10) and w.claims['name']")
    assert nb.run(2) == "'Alice Adams'"
    expect(row.get_by_role("button", name=f"Go to {nb.path}")).to_be_visible()
    lab.page.screenshot(path="/tmp/sidebar2.png")
