"""In Voilà: of a Jupyter server, a window's answer comes back; on its own, the kernel signs in by itself."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

import kernelspecs
from login_form import LoginForm
from test_device_flow import approve

#: Shows what the kernel holds, since in Voilà nobody can run a cell.
NOTEBOOK = """
import ipywidgets
from oidc_widget import OIDCLogin
w = OIDCLogin({issuer!r}, "notebooks", flow={flow!r})
held = ipywidgets.Label("nobody")
def tell(_):
    held.value = "nobody" if w.access_token is None else f"the token of {{w.claims['name']}}"
w.observe(tell, "access_token")
ipywidgets.VBox([w, held])
"""

#: Voilà serves no file behind a symbolic link, which the labextension is in development.
LABEXTENSION = Path(__file__).parents[1] / "src" / "oidc_widget" / "labextension"


@pytest.fixture
def installed(tmp_path):
    """Where the labextension lies as a wheel installs it."""
    shutil.copytree(LABEXTENSION, tmp_path / "installed" / "labextensions" / "oidc-widget")
    return {"JUPYTER_PATH": str(tmp_path / "installed")}


@pytest.fixture
def page(page):
    # Fonts and styles of others' servers, for which its pages wait.
    page.context.route(re.compile(r"^https://"), lambda route: route.abort())
    return page


def write_notebook(path, provider, flow="auto"):
    """Write the notebook."""
    source = NOTEBOOK.format(issuer=provider.issuer, flow=flow)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), path)
    return path


def see(page):
    """Return the widget, once it is there."""
    region = page.get_by_role("region", name="OIDC sign-in")
    expect(page.get_by_text("nobody", exact=True)).to_be_visible()
    return region


@pytest.fixture
def dashboard(installed, start_jupyter, provider, page):
    """Voilà as an extension of a Jupyter server: the page of a notebook."""
    server = start_jupyter(env=installed)
    provider.configure(redirect_uris=server.redirect_uris(provider.issuer), consent="skip")
    write_notebook(server.root / "dashboard.ipynb", provider)
    page.goto(server.address("voila/render/dashboard.ipynb"))
    return page


@pytest.fixture
def open_alone(installed, provider, page, tmp_path):
    """Voilà as a server of its own, for one notebook: opens its page."""
    servers = []
    provider.configure(device_authorization_response={"set": {"interval": 0.2}}, consent="skip")
    for name in ("config", "data", "runtime", "ipython"):
        (tmp_path / name).mkdir()
    kernelspecs.write(tmp_path / "data")

    def start(flow="auto"):
        notebook = write_notebook(tmp_path / "dashboard.ipynb", provider, flow)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = subprocess.Popen(
            [sys.executable, "-m", "voila", "--no-browser", f"--port={port}", str(notebook)],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")},
                "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
                "JUPYTER_DATA_DIR": str(tmp_path / "data"),
                "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
                "IPYTHONDIR": str(tmp_path / "ipython"),
                **installed,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        servers.append(server)
        heard = ""
        for line in server.stderr:
            heard += line
            if "is running at" in heard and "http://" in line:
                page.goto(f"http://localhost:{port}/")
                return page
        raise AssertionError(heard)

    yield start
    for server in servers:
        server.terminate()
        server.wait()
        server.stderr.close()


def complaints(evidence):
    """Return what the browser's console has against us."""
    return [line for line in evidence.console if "oidc-widget" in line and not line.startswith("page ")]


def test_of_a_jupyter_server_a_click_opens_the_window_and_the_kernel_has_the_token(dashboard, evidence):
    region = see(dashboard)
    with dashboard.expect_popup() as popup:
        region.get_by_role("button", name="Sign in").click()
    LoginForm(popup.value).sign_in()
    expect(region).to_contain_text("Signed in as Alice Adams")
    expect(dashboard.get_by_text("the token of Alice Adams")).to_be_visible()
    region.get_by_role("button", name="Sign out", exact=True).click()
    expect(dashboard.get_by_text("nobody", exact=True)).to_be_visible()
    assert complaints(evidence) == []


def test_alone_a_click_shows_the_code_within_two_seconds(open_alone, provider, evidence):
    page = open_alone()
    region = see(page)
    region.get_by_role("button", name="Sign in").click()
    expect(region.locator("code")).to_have_text(re.compile(r"[A-Z]{4}-[A-Z]{4}"), timeout=2000)
    approve(region)
    expect(region).to_contain_text("Signed in as Alice Adams")
    expect(page.get_by_text("the token of Alice Adams")).to_be_visible()
    assert provider.requests("authorization") == []
    assert complaints(evidence) == []


def test_alone_a_window_that_is_asked_for_by_name_is_refused_with_the_reason(open_alone):
    region = see(open_alone(flow="popup"))
    expect(region.get_by_role("alert")).to_contain_text("Voilà runs as a server of its own here")
