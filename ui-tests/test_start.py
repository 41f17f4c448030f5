"""What JupyterLab's start costs people who have nothing to sign in to, and when the vault comes to be."""

from __future__ import annotations

import gzip

import pytest
from playwright.sync_api import expect

from lab import Lab
from signing_in import expect_kernel, expect_lines, login_cell, sign_in

pytestmark = pytest.mark.own_page


def vaults(lab):
    """Return how many vaults this person's browser has."""
    page = lab.page.context.new_cdp_session(lab.page)
    own = page.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
    page.detach()
    session = lab.page.context.browser.new_browser_cdp_session()
    targets = session.send("Target.getTargets")["targetInfos"]
    session.detach()
    workers = [target for target in targets if target["type"] == "shared_worker"]
    return sum(worker["browserContextId"] == own and "oidc-widget" in worker["url"] for worker in workers)


def test_a_start_without_sign_ins_loads_little_of_ours_and_no_vault(lab):
    loaded = []
    lab.page.on("response", lambda response: "/oidc-widget/" in response.url and loaded.append(response))
    nb = lab.notebook(["1 + 1"])
    assert nb.run(0) == "2"
    assert loaded
    sizes = {response.url.rpartition("/")[2]: len(gzip.compress(response.body())) for response in loaded}
    assert sum(sizes.values()) <= 15_000, sizes
    assert vaults(lab) == 0


def test_the_sidebar_brings_the_vault(lab):
    lab.open()
    expect(lab.sidebar("Sign-ins")).to_contain_text("No provider is set up yet")
    expect_lines(lab, 2)  # its own, and the one that brings to kernels what is signed in there
    assert vaults(lab) == 1


def test_a_tab_without_sign_ins_keeps_the_sessions_of_one_that_closes(lab, provider):
    before = lab.another_tab()
    before.open()
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_lines(before, 3)
    lab.page.close()
    nb = before.notebook([login_cell(provider), "w.wait(20)"])
    nb.run(0)
    nb.run(1)
    expect_kernel(nb, "w.status", "signed_in")
    # And one that was opened later, when there was a vault.
    after = before.another_tab()
    after.open()
    expect_lines(after, 3)
    before.page.close()
    nb = after.notebook([login_cell(provider)])
    nb.run(0)
    expect_kernel(nb, "w.status", "signed_in")
    assert len(provider.requests("token", grant_type="authorization_code")) == 1


def test_a_page_without_notebooks_is_left_alone(page, start_jupyter, evidence):
    jupyter = start_jupyter(app="notebook")
    Lab(page, jupyter).open()
    assert page.evaluate("jupyterapp.hasPlugin('oidc-widget:output')")
    assert [line for line in evidence.console if "oidc-widget" in line] == []


def test_the_first_widget_reaches_its_kernel_while_its_cell_runs(lab, provider):
    # Nothing connects this page to the vault before; what it tells the kernel must not wait for the cell.
    nb = lab.notebook(
        [
            login_cell(provider)
            + "\nimport time\nfrom IPython.display import display\ndisplay(w)\n"
            + "end = time.monotonic() + 20\n"
            + "while w.redirect_uri is None and time.monotonic() < end: time.sleep(0.01)\n"
            + "print(w.redirect_uri)"
        ]
    )
    assert nb.run(0).endswith(lab.server.redirect_uris(provider.issuer)[0])
