"""In a code console of JupyterLab."""

from __future__ import annotations

from playwright.sync_api import expect

from login_form import LoginForm
from signing_in import login_cell
from test_control_channel import BLOCKING

#: Makes a console, and answers with the path of its session.
OPEN = """async () => {
  const kernelPreference = { name: "python3" };
  const { console } = await jupyterapp.commands.execute("console:create", { kernelPreference });
  await console.sessionContext.ready;
  return console.sessionContext.path;
}"""

#: Runs code there, and does not wait for its end.
INJECT = "([path, code]) => void jupyterapp.commands.execute('console:inject', { path, code })"


def test_a_console_has_the_token_while_its_cell_runs(lab, provider):
    lab.open()
    path = lab.page.evaluate(OPEN)
    for code in (login_cell(provider), BLOCKING):
        lab.page.evaluate(INJECT, [path, code])
    panel = lab.page.locator(".jp-ConsolePanel")
    expect(panel.get_by_text("blocking", exact=True)).to_be_visible()
    region = panel.get_by_role("region", name="OIDC sign-in")
    with lab.page.expect_popup() as popup:
        region.get_by_role("button", name="Sign in").click()
    LoginForm(popup.value).sign_in()
    expect(panel.get_by_text("signed_in Alice Adams")).to_be_visible()
    expect(region).to_contain_text("Signed in as Alice Adams")
