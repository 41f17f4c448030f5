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
from signing_in import open_popup

EXAMPLES = [
    path
    for path in sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))
    if path.read_text("utf-8").count("OIDCLogin(") == 1
]


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
