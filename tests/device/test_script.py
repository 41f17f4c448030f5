"""A plain script, as a process of its own: no Jupyter server, no kernel, no browser."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

from oidc_widget.paste_back import DEFAULT_REDIRECT_URI
from providers.http_person import HttpPerson

SCRIPT = """
import sys
class NotInstalled:
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {"ipykernel", "jupyter_server", "jupyterlab", "notebook", "jupyter_client"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotInstalled())
import oidc_widget
assert not {"httpx", "ipywidgets"} & set(sys.modules)
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
    provider.fault("device_authorization", "status", status=400, body={"error": "unauthorized_client"})
    with start(provider, stderr=subprocess.PIPE, text=True) as script:
        assert "SignInError: The provider does not accept the client 'notebooks'." in script.stderr.read()
    assert script.returncode == 1


def test_in_a_terminal_the_address_is_asked_for(provider):
    provider.discovery_response(omit=["device_authorization_endpoint"])
    provider.configure(redirect_uris=[DEFAULT_REDIRECT_URI])
    ours, theirs = pty.openpty()
    script = start(provider, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    with script, os.fdopen(ours, "r+b", buffering=0) as terminal, HttpPerson() as alice:
        seen = b""

        def read_until(wanted):
            nonlocal seen
            while not (found := re.search(wanted, seen)):
                seen += terminal.read(4096)
            return found

        link = read_until(rb"(http\S+code_challenge\S+)\r\n")[1].decode()
        read_until(b"Address you landed on: ")
        terminal.write(b"http://localhost/?nothing=1\n")
        read_until(b"another sign-in")
        terminal.write(alice.visit(link, until=DEFAULT_REDIRECT_URI).encode() + b"\n")
        read_until(b"I am Alice Adams")
        assert script.wait(20) == 0


def test_a_terminal_is_shown_a_picture_of_the_link(provider):
    ours, theirs = pty.openpty()
    script = start(provider, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    with script, os.fdopen(ours, "r+b", buffering=0) as terminal, HttpPerson() as alice:
        seen = b""
        while "▀".encode() not in seen:
            seen += terminal.read(4096)
        alice.visit(re.search(rb"http\S+user_code=\S+", seen)[0].decode())
        while b"I am Alice Adams" not in seen:
            seen += terminal.read(4096)
        assert script.wait(20) == 0
