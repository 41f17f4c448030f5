"""Sign in with the system's browser, whose answer comes to this machine: from a terminal, or from a page."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shlex
import subprocess
import sys

import pytest
from playwright.sync_api import expect

import chromium
from login_form import LoginForm
from oidc_widget.oauth.callback_address import issuer_tail, own_address
from signing_in import expect_kernel, login_cell
from test_device_flow import FOREIGN_HOST, NAME, SIGNED_IN

#: What would say that the person is somewhere else.
ELSEWHERE = ("CI", "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY")


@pytest.fixture
def provider(provider):
    clients = provider.settings()["clients"]
    provider.configure(
        # The native application of RFC 8252 §7.3: any port will do.
        clients={**clients, "notebooks": {**clients["notebooks"], "application_type": "native"}},
        redirect_uris=[own_address("http://127.0.0.1", provider.issuer)],
        device_authorization_response={"set": {"interval": 0.2}},
        consent="skip",
    )
    return provider


@pytest.fixture
def system_browser(tmp_path):
    """A Chromium of its own, in a program for `BROWSER`; what it says of itself goes to a pipe."""
    program, said = tmp_path / "browser", tmp_path / "said"
    os.mkfifo(said)
    command = [
        chromium.provide() or "chromium",
        *chromium.arguments(),
        "--headless=new",
        "--remote-debugging-port=0",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    program.write_text(
        f'#!/bin/sh\necho $$ > {tmp_path / "pid"}\nexec {shlex.join(command)} "$1" 2> {said}\n', "utf-8"
    )
    program.chmod(0o755)
    yield program
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text("utf-8")), 15)


@contextlib.contextmanager
def page_of(program, playwright):
    """Wait for the browser that was opened, and return its page."""
    with (program.parent / "said").open(encoding="utf-8") as said:
        address = next(found[1] for line in said if (found := re.search(r"listening on (ws://\S+)", line)))
        browser = playwright.chromium.connect_over_cdp(address)
        context = browser.contexts[0]
        yield context.pages[0] if context.pages else context.wait_for_event("page")
        browser.close()


class IPython:
    """IPython in a terminal of its own."""

    def __init__(self, folder, **environ):
        self._ours, self._theirs = pty.openpty()
        kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor"],
            env={**kept, "IPYTHONDIR": str(folder / "ipython"), **environ},
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
        )
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)

    def type(self, line):
        os.write(self._ours, f"{line}\n".encode())

    def read_until(self, wanted):
        while not (found := re.search(wanted, self.seen)):
            assert select.select([self._ours], [], [], 60)[0], f"no {wanted!r} in:\n{self.seen}"
            self.seen += os.read(self._ours, 4096).decode(errors="replace")
        return found


def test_ipython_opens_the_browser_and_has_the_token(provider, system_browser, playwright, tmp_path):
    with IPython(tmp_path, BROWSER=str(system_browser)) as ipython:
        ipython.read_until(r"In \[1\]")
        ipython.type("import oidc_widget")
        ipython.type(f"w = oidc_widget.OIDCLogin({provider.issuer!r}, 'notebooks')")
        ipython.type("token = w.wait(); print('I am', w.claims['name'], len(token) > 0)")
        with page_of(system_browser, playwright) as page:
            LoginForm(page).sign_in()
            expect(page.get_by_role("status")).to_contain_text("The answer has arrived.")
            expect(page.get_by_role("status")).to_contain_text("You can close this")
            page.wait_for_function("() => location.search === ''")
            assert issuer_tail(provider.issuer) in page.url
        ipython.read_until("Signed in as Alice Adams")
        ipython.read_until("I am Alice Adams True")
        ipython.type("w")
        ipython.read_until(r"Out.*signed_in")
        assert provider.secrets("access_token")[-1].value not in ipython.seen
    assert provider.requests("device_authorization") == []


def browse_with(program):
    """Return a cell that has the kernel's machine open pages by this program."""
    cell = "import os\n" + "\n".join(f"os.environ.pop({name!r}, None)" for name in ELSEWHERE)
    return f"{cell}\nos.environ['BROWSER'] = {str(program)!r}"


def kernels_browser(folder):
    """Return such a cell whose program notes what it is to open, and where it notes that."""
    noted = folder / "noted"
    os.mkfifo(noted)
    program = folder / "note"
    program.write_text(f'#!/bin/sh\necho "$1" > {noted}\n', "utf-8")
    program.chmod(0o755)
    return browse_with(program), noted


@pytest.mark.own_page
def test_a_click_in_a_page_without_windows_on_this_machine_opens_the_browser(
    lab, provider, system_browser, playwright
):
    nb = lab.notebook([browse_with(system_browser), login_cell(provider), "await w; " + NAME])
    lab.page.evaluate(FOREIGN_HOST)
    nb.run(0)
    nb.run(1)
    nb.region.get_by_role("button", name="Sign in").click()
    with page_of(system_browser, playwright) as window:
        LoginForm(window).sign_in()
        expect(window.get_by_role("status")).to_contain_text("You can close this")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    assert nb.run(2) == SIGNED_IN
    assert provider.requests("device_authorization") == []


@pytest.mark.own_page
def test_a_page_on_another_machine_gets_the_code(lab, provider, tmp_path):
    setup, noted = kernels_browser(tmp_path)
    nb = lab.notebook([setup, login_cell(provider)])
    lab.page.evaluate(FOREIGN_HOST)
    # From another machine, nothing of this one's loopback interface is to be reached.
    lab.page.route(re.compile(r"^http://127\.0\.0\.1:\d+/[\w-]{43}$"), lambda route: route.abort())
    nb.run(0)
    nb.run(1)
    nb.region.get_by_role("button", name="Sign in").click()
    expect(nb.region.locator("code")).to_have_text(re.compile(r"[A-Z]{4}-[A-Z]{4}"), timeout=3000)
    descriptor = os.open(noted, os.O_RDONLY | os.O_NONBLOCK)
    assert select.select([descriptor], [], [], 0) == ([], [], []) or os.read(descriptor, 1) == b""
    os.close(descriptor)


@pytest.mark.own_page
def test_no_window_opens_before_a_page_has_been_clicked_in(lab, provider, tmp_path):
    setup, _ = kernels_browser(tmp_path)
    program = json.dumps(str(tmp_path / "opened"))
    note = f"import webbrowser; webbrowser.open = lambda url: open({program}, 'w').close()"
    nb = lab.notebook([f"{setup}\n{note}", login_cell(provider), "w.sign_in()"])
    lab.page.evaluate(FOREIGN_HOST)
    nb.run(0)
    nb.run(1)
    expect_kernel(nb, "w._sign_in.source is w._sign_in.browser", value=False)  # the page has told of itself
    nb.run(2)
    expect(nb.region.locator("code")).to_have_text(re.compile(r"[A-Z]{4}-[A-Z]{4}"))
    assert not (tmp_path / "opened").exists()
