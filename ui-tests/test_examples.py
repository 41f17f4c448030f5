"""Each example notebook of one sign-in, by `Restart Kernel and Run All Cells`, with a click on the way.

`tests/docs/test_example_notebooks.py` runs the others.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lab import Lab
from oidc_widget.demo.api import create_api
from oidc_widget.demo.loopback import LoopbackServer
from oidc_widget.demo.provider import create_provider
from signing_in import expect_kernel, open_popup, sign_in

EXAMPLES = [
    path
    for path in sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))
    if path.read_text("utf-8").count("OIDCLogin(") == 1
]
APPLICATION = Path(__file__).parents[1] / "examples" / "what_a_provider_gives.ipynb"


SCROLL_UP_TO_THE_BUTTON = """() => {
  document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0;
  return document.querySelector('[aria-label="OIDC sign-in"] button') !== null;
}"""


@pytest.fixture
def demo_lab(page, start_jupyter):
    """JupyterLab as `oidc-widget demo` starts it, with all the examples."""
    with LoopbackServer() as provider, LoopbackServer() as api:
        provider.serve(create_provider(provider.url, resources=[api.url]))
        api.serve(create_api(issuer=provider.url, audience=api.url))
        server = start_jupyter(env={"OIDC_DEMO_AUTHORITY": provider.url, "OIDC_DEMO_API": api.url})
        for example in EXAMPLES:
            shutil.copyfile(example, server.root / example.name)
        page.set_default_timeout(30_000)
        yield Lab(page, server)


def restart_and_run_all(nb):
    """Click it all as a person does, and don't wait for the end."""
    nb.page.evaluate("() => { globalThis.allRun = jupyterapp.commands.execute('notebook:restart-run-all'); }")
    nb.page.get_by_role("dialog").get_by_role("button", name="Confirm Kernel Restart").click()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_restart_and_run_all_with_a_click_on_the_way(demo_lab, example):
    nb = demo_lab.open_notebook(example.name)
    restart_and_run_all(nb)
    # JupyterLab goes to the last cell, and draws only what is near: the person scrolls up to the button.
    nb.page.wait_for_function(SCROLL_UP_TO_THE_BUTTON)
    popup = open_popup(nb)
    popup.get_by_role("button", name="Alice Adams").click()
    popup.get_by_role("button", name="Allow").click()
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    nb.page.evaluate("globalThis.allRun")
    assert [
        output for index in range(len(nb)) for output in nb.outputs(index) if output["output_type"] == "error"
    ] == []
    cells = [cell for cell in nb.save()["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    token = nb.execute("print(w.access_token)")
    assert token not in nb.file.read_text()
    assert nb.execute("print(w.status)") == "signed_in"


def open_application(lab, provider):
    """Open the example that shows what this provider gives, with all its cells run."""
    shutil.copyfile(APPLICATION, lab.server.root / APPLICATION.name)
    nb = lab.open_notebook(APPLICATION.name)
    variables = {"OIDC_DEMO_AUTHORITY": provider.issuer, "OIDC_DEMO_CLIENT_ID": provider.client_id}
    nb.execute(f"import os; os.environ.update({variables!r})")
    nb.run_all()
    return nb


def look(nb, button, *texts):
    """Click a button of the application, and expect what it shows."""
    nb.panel.get_by_role("button", name=button, exact=True).click()
    for text in texts:
        expect(nb.panel.locator("pre").last).to_contain_text(text)


def test_the_application_asks_in_dexs_manner_and_shows_what_came(lab, provider):
    offered = ["openid", "email", "groups", "profile", "offline_access"]
    provider.configure(consent="skip", jwks_max_age=600)
    provider.discovery_response(set={"scopes_supported": offered})
    provider.token_response(omit=["scope"])
    provider.forge({"aud": ["notebooks", "cluster"], "azp": "notebooks"})
    nb = open_application(lab, provider)
    for scope in ("groups", "offline_access"):
        nb.panel.get_by_role("button", name=scope, exact=True).click()
    nb.panel.get_by_placeholder("client_id").fill("cluster")
    nb.panel.get_by_placeholder("client_id").press("Enter")
    nb.panel.get_by_placeholder("connector_id").fill("ldap")
    nb.panel.get_by_placeholder("connector_id").press("Enter")
    expect_kernel(nb, "w._what['request']['extra_params']", {"connector_id": "ldap"})
    sign_in(nb)
    asked = provider.requests("authorization")[-1].params
    assert asked["connector_id"] == "ldap"
    assert set(asked["scope"].split()) == {*offered, "audience:server:client_id:cluster"}
    shown = nb.panel.locator("pre").last
    expect(shown).to_contain_text('"status": "signed_in"')
    expect(shown).to_contain_text('"cluster"')
    look(nb, "Userinfo", '"email": "alice@example.com"')
    look(nb, "Verify", '"alg": "RS256"', '"azp": "notebooks"')
    look(nb, "Tokens", '"id_token": "eyJ')
    signatures = [secret.value.rpartition(".")[2] for secret in provider.secrets("access_token", "id_token")]
    assert not [signature for signature in signatures if signature in shown.inner_text()]
    nb.execute("before = w.access_token")
    nb.panel.get_by_role("button", name="Refresh", exact=True).click()
    expect_kernel(nb, "w.access_token not in (None, before), w.status, w.error", (True, "signed_in", None))
    look(nb, "Verify", '"alg": "RS256"')


def test_the_application_says_that_nobody_is_signed_in(lab, provider):
    look(open_application(lab, provider), "Tokens", '"status": "signed_out"')
