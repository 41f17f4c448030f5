"""In marimo no popup can come back, so the browser of this machine signs in, and cells run again."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from login_form import LoginForm
from test_loopback import ELSEWHERE, page_of
from test_loopback import provider as provider  # noqa: PLC0414  # a fixture
from test_loopback import system_browser as system_browser  # noqa: PLC0414  # likewise

NOTEBOOK = """
import marimo
app = marimo.App()

@app.cell
def _():
    import marimo as mo
    from oidc_widget import OIDCLogin
    w = mo.ui.anywidget(OIDCLogin({issuer!r}, "notebooks"))
    w
    return mo, w

@app.cell
def _(mo, w):
    name = (w.claims or {{}}).get("name")
    mo.md(f"status {{w.value['status']}}, name {{name}}, token {{w.access_token is not None}}")
    return
"""


@pytest.fixture(params=["edit", "run"])
def marimo(request, provider, system_browser, tmp_path):
    """A server with the notebook, and its address."""
    notebook = tmp_path / "notebook.py"
    notebook.write_text(NOTEBOOK.format(issuer=provider.issuer), "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "marimo").mkdir()
    (tmp_path / "marimo" / "marimo.toml").write_text("[runtime]\nauto_instantiate = true\n", "utf-8")
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    options = ["--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, "-m", "marimo", "-y", request.param, *options, str(notebook)],
        env={**kept, "BROWSER": str(system_browser), "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as server:
        heard = ""
        for line in server.stdout:
            heard += line
            if re.search(r"URL: http", line):
                break
        else:
            raise AssertionError(heard)
        yield f"http://127.0.0.1:{port}/"
        server.terminate()


def test_a_click_signs_in_and_the_cells_that_read_it_run_again(
    marimo, provider, system_browser, page, playwright
):
    page.goto(marimo)
    region = page.get_by_role("region", name="OIDC sign-in")
    expect(page.get_by_text("status signed_out, name None, token False")).to_be_visible()
    region.get_by_role("button", name="Sign in").click()
    with page_of(system_browser, playwright) as window:
        LoginForm(window).sign_in()
        expect(window.get_by_role("status")).to_contain_text("You can close this")
    expect(page.get_by_text("status signed_in, name Alice Adams, token True")).to_be_visible()
    expect(region).to_contain_text("Signed in as Alice Adams")
    assert provider.requests("device_authorization") == []
    region.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("status signed_out, name None, token False")).to_be_visible()
