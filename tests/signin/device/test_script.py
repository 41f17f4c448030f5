"""A plain script, as a process of its own: no Jupyter server, no kernel, no browser."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys

import pytest

from oidc_widget.oauth.callback_address import own_address
from oidc_widget.signin.pasted_redirect import DEFAULT_CALLBACK
from providers.http_person import HttpPerson

SCRIPT = """
import sys
class NotInstalled:
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {"ipykernel", "jupyter_server", "jupyterlab", "notebook", "jupyter_client"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotInstalled())
import oidc_widget
assert not {"httpx", "httpx2", "ipywidgets"} & set(sys.modules)
w = oidc_widget.OIDCLogin(%r, "notebooks")
w.sign_in()
token = %s
assert token == w.access_token
print("I am", w.claims["name"], flush=True)
w.sign_out()
"""


def start(provider, how="w.wait(60)", **streams):
    return subprocess.Popen([sys.executable, "-c", SCRIPT % (provider.issuer, how)], **streams)  # noqa: S603  # ours


def lines_until(stream, wanted):
    seen = ""
    for line in stream:
        seen += line
        found = re.search(wanted, seen)
        if found:
            return found
    raise AssertionError(f"no {wanted!r} in:\n{seen}")


@pytest.mark.parametrize("how", ["w.wait(60)", "w.token()", "__import__('asyncio').run(w.token_async())"])
def test_a_script_signs_in_and_revokes_at_its_end(provider, how):
    with start(provider, how, stdout=subprocess.PIPE, text=True) as script, HttpPerson() as alice:
        alice.visit(lines_until(script.stdout, r"http\S+user_code=\S+")[0])
        lines_until(script.stdout, "I am Alice Adams")
        assert script.wait(20) == 0
    assert [request.status for request in provider.requests("revocation")] == [200]


def test_a_script_that_fails_ends_with_the_reason(provider):
    provider.fault("device_authorization", "status", status=400, body={"error": "invalid_client"})
    with start(provider, stderr=subprocess.PIPE, text=True) as script:
        assert "SignInError: The provider does not accept the client 'notebooks'." in script.stderr.read()
    assert script.returncode == 1


class Terminal:
    """A script in a terminal of its own, and what stands on the screen."""

    def __init__(self, provider, how="w.wait(60)"):
        # The other end stays open here too: closed with the script, it may take its last words along.
        self._ours, self._theirs = pty.openpty()
        self.script = start(provider, how, stdin=self._theirs, stdout=self._theirs, stderr=self._theirs)
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.script.kill()
        self.script.wait()
        os.close(self._ours)
        os.close(self._theirs)

    def read_until(self, wanted):
        while not (found := re.search(wanted, self.seen)):
            ready, _, _ = select.select([self._ours], [], [], 60)
            assert ready, f"no {wanted!r} in:\n{self.seen.decode()}"
            self.seen += os.read(self._ours, 4096)
        return found

    def type(self, line):
        os.write(self._ours, line.encode() + b"\n")


@pytest.mark.parametrize("how", ["w.wait()", "w.wait(60)", "w.token()"])
def test_in_a_terminal_the_address_is_asked_for(provider, how):
    provider.discovery_response(omit=["device_authorization_endpoint"])
    landing = own_address(DEFAULT_CALLBACK, provider.issuer)
    provider.configure(redirect_uris=[landing])
    with Terminal(provider, how) as terminal, HttpPerson() as alice:
        link = terminal.read_until(rb"(http\S+code_challenge\S+)\r\n")[1].decode()
        terminal.read_until(b"Address you landed on: ")
        terminal.type(f"{landing}?nothing=1")
        terminal.read_until(b"another sign-in")
        terminal.type(alice.visit(link, until=landing))
        terminal.read_until(b"I am Alice Adams")
        assert terminal.script.wait(20) == 0


def test_a_question_in_a_terminal_ends_in_time(provider):
    provider.discovery_response(omit=["device_authorization_endpoint"])
    with Terminal(provider, "w.wait(2)") as terminal:
        terminal.read_until(b"Address you landed on: ")
        terminal.read_until(b"SignInTimeout: Nobody signed in within 2 s")
        assert terminal.script.wait(20) == 1


def test_a_terminal_is_shown_a_picture_of_the_link(provider):
    with Terminal(provider) as terminal, HttpPerson() as alice:
        terminal.read_until("▀".encode())
        alice.visit(terminal.read_until(rb"(http\S+user_code=\S+)\r\n")[1].decode())
        terminal.read_until(b"I am Alice Adams")
        assert terminal.script.wait(20) == 0
