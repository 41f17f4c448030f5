"""The fixtures themselves: JupyterLab opens and runs a notebook, on both lines of ipykernel."""

from __future__ import annotations

import psutil
import pytest
from playwright.sync_api import expect

from lab import Lab
from notebook_page import CellError


def test_a_notebook_runs_cell_by_cell(lab):
    nb = lab.notebook(["1 + 1", "print('hi')\nprint('you')", "1 / 0"])
    assert nb.run(0) == "2"
    assert nb.run(1) == "hi\nyou"
    expect(nb.cell(0)).to_contain_text("[1]:")
    with pytest.raises(CellError, match="ZeroDivisionError"):
        nb.run(2)
    assert nb.execute("import ipykernel; ipykernel.version_info[0]") == "7"


def test_the_older_ipykernel_has_the_package_too(lab):
    nb = lab.notebook(["import ipykernel, oidc_widget; ipykernel.__version__"], kernel="ipykernel6")
    assert nb.run(0) == "'6.29.5'"


def test_a_cell_that_runs_can_be_watched_and_interrupted(lab):
    nb = lab.notebook(["import time\nprint(6 * 7)\ntime.sleep(60)", "1"])
    nb.start(0)
    expect(nb.cell(0)).to_contain_text("42")
    nb.interrupt_kernel()
    with pytest.raises(CellError, match="KeyboardInterrupt"):
        nb.finish(0)
    nb.restart_kernel()
    assert nb.run(1) == "1"


def test_saving_writes_the_file_and_a_checkpoint(lab, jupyter):
    nb = lab.notebook(["'kept'"])
    nb.run(0)
    assert nb.save()["cells"][0]["outputs"][0]["data"]["text/plain"] == ["'kept'"]
    assert list((jupyter.root / ".ipynb_checkpoints").glob("*.ipynb"))


def test_two_tabs_and_a_reload(lab):
    first = lab.notebook(["x = 1", "x"])
    first.run(0)
    second = lab.another_tab().notebook(["'other'"])
    assert second.run(0) == "'other'"
    first.save()
    lab.reload()
    first.wait_for_kernel()
    assert first.run(1) == "1"


def test_notebook_7_runs_notebooks_too(page, start_jupyter):
    nb = Lab(page, start_jupyter(app="notebook")).notebook(["40 + 2"])
    assert nb.run(0) == "42"


def test_popups_need_a_click(page):
    """Else the tests would never meet the popup blocker that people meet.

    The page's own script has to ask: what Playwright evaluates counts as a click.
    """
    page.goto("data:text/html,<script>document.title = window.open('about:blank') === null</script>")
    assert page.title() == "true"


@pytest.mark.usefixtures("browser")
def test_what_playwright_turns_off_stays_off():
    """A second `--disable-features` replaces the first, so ours repeats Playwright's."""
    started = [process for ours in psutil.Process().children() for process in ours.children()]
    prefix = "--disable-features="
    lists = [
        [
            argument.removeprefix(prefix).split(",")
            for argument in process.cmdline()
            if argument.startswith(prefix)
        ]
        for process in started
    ]
    [(playwrights, ours)] = {(frozenset(first), frozenset(last)) for first, last in filter(None, lists)}
    # People's browsers part storage by the site that stands in the address bar, and so do ours.
    assert playwrights - {"ThirdPartyStoragePartitioning"} <= ours
