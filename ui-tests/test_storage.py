"""A page whose storage is not its own, or none: what a sign-in window answers could not come back to it."""

from __future__ import annotations

import json
import re
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import expect

from jupyter_process import JupyterServer
from lab import Lab
from signing_in import expect_error, login_cell
from test_device_flow import NAME, SIGNED_IN, approve

#: It may stand in frames, and needs no cookie: its token goes along with every request and socket.
EMBEDDED = {
    "ServerApp": {
        "tornado_settings": {
            "headers": {"Content-Security-Policy": "frame-ancestors *"},
            "page_config_data": {"appendToken": "true"},
        }
    }
}


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    with closing(JupyterServer(tmp_path_factory.mktemp("embedded"), config=EMBEDDED)) as server:
        yield server


@pytest.fixture
def provider(provider):
    provider.configure(device_authorization_response={"set": {"interval": 0.2}}, consent="skip")
    return provider


class Site:
    """A site at `http://127.0.0.1:PORT/`, which is another than Jupyter's at `localhost`."""

    def __init__(self, folder) -> None:
        handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder))
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def framed(page, embedded, evidence, tmp_path):
    """JupyterLab in a frame of another site."""
    page.set_default_timeout(30_000)
    evidence.watch_log(embedded.log)
    (tmp_path / "index.html").write_text(
        f'<iframe name="lab" width="1200" height="700" src="{embedded.url}static/favicon.ico"></iframe>',
        "utf-8",
    )
    with closing(Site(tmp_path)) as site:
        page.goto(site.url)
        yield Lab(page.frame("lab"), embedded)
    embedded.forget()


@pytest.fixture
def refusing(browser_type, browser_type_launch_args, start_jupyter, evidence, tmp_path):
    """Notebook 7 where all cookies are refused, and all storage with them (JupyterLab does not start)."""
    (tmp_path / "Default").mkdir()
    preferences = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(preferences), "utf-8")
    jupyter = start_jupyter(app="notebook", config=EMBEDDED)
    with browser_type.launch_persistent_context(tmp_path, **browser_type_launch_args) as context:
        evidence.watch_context(context)
        [page] = context.pages
        page.set_default_timeout(30_000)
        yield Lab(page, jupyter)


#: What the view says, and where it is said what to do.
SENTENCES = {
    "framed": ("stands in a frame of another site", "Open Jupyter in a tab of its own"),
    "refusing": ("refuses cookies and storage", "in the browser's settings"),
}


@pytest.mark.parametrize("where", SENTENCES)
def test_it_is_said_before_a_click_and_the_kernel_signs_in_instead(request, provider, where):
    nb = request.getfixturevalue(where).notebook([login_cell(provider), NAME])
    nb.run(0)
    expect_error(nb, "storage_refused", *SENTENCES[where])
    nb.region.get_by_role("button", name="Sign in without a window").click()
    approve(nb.region)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    assert nb.run(1) == SIGNED_IN


def test_a_cell_that_waits_in_a_frame_is_shown_the_code(framed, provider):
    nb = framed.notebook([login_cell(provider), "await w; " + NAME])
    nb.run(0)
    nb.start(1)
    approve(nb.region)
    assert nb.finish(1) == SIGNED_IN


def test_a_diagnosis_in_a_frame_names_it(framed, provider):
    nb = framed.notebook(
        [
            login_cell(provider, flow="popup"),
            "import asyncio; print(await asyncio.to_thread(w.diagnose))",
        ]
    )
    nb.run(0)
    expect_error(nb, "storage_refused", *SENTENCES["framed"])
    expect(nb.region.get_by_role("button", name="Sign in without a window")).to_have_count(0)
    report = nb.run(1, timeout=60)
    assert re.search(f"✗ Browser's storage +.*{SENTENCES['framed'][0]}", report), report
