"""Sign-ins whose answer comes to this machine, at the certified provider.

`system_browser`
    What `BROWSER` names: a program that notes the address that it was to open. `opened()` waits for
    it; `refuses()` has it fail.
`terminal`
    This process has a terminal, and no sign of SSH, a Hub or CI.
"""

from __future__ import annotations

import os
import select
import stat
import sys

import pytest

from oidc_widget.oauth.callback_address import own_address
from shown import changes_to

#: The native application of RFC 8252 §7.3: any port will do.
NATIVE = {
    "client_name": "Notebooks",
    "token_endpoint_auth_method": "none",
    "application_type": "native",
    "grant_types": [
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
    ],
}


@pytest.fixture
def provider(provider):
    clients = {**provider.settings()["clients"], "notebooks": NATIVE}
    provider.configure(
        clients=clients,
        redirect_uris=[own_address("http://127.0.0.1", provider.issuer)],
        device_authorization_response={"set": {"interval": 0.1}},
        consent="skip",
    )
    return provider


class SystemBrowser:
    """A program in the browser's place; the pages are a person's without one."""

    def __init__(self, folder):
        self.program = folder / "browser"
        os.mkfifo(folder / "opened")
        self._noted = os.open(folder / "opened", os.O_RDWR)
        self._write(f'echo "$1" > {folder / "opened"}')

    def _write(self, command):
        self.program.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def close(self):
        os.close(self._noted)

    def refuses(self):
        self._write("exit 1")

    def was_opened(self, patience=0):
        return bool(select.select([self._noted], [], [], patience)[0])

    def opened(self):
        assert self.was_opened(20), "no browser was opened"
        return os.read(self._noted, 8192).decode().strip()


@pytest.fixture
def system_browser(tmp_path, monkeypatch):
    browser = SystemBrowser(tmp_path)
    monkeypatch.setenv("BROWSER", str(browser.program))
    monkeypatch.setattr("webbrowser._tryorder", None)  # the module reads the variable once
    yield browser
    browser.close()


@pytest.fixture
def says(capfd):
    """Wait until something is printed."""
    printed = []

    def wait(w, text):
        def found():
            printed.append(capfd.readouterr().out)
            return text in "".join(printed)

        return changes_to(w, found) or "".join(printed)

    return wait


@pytest.fixture
def terminal(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("SSH_", "JUPYTERHUB_")) or name == "CI":
            monkeypatch.delenv(name)

    # For the test only, not for what pytest captures before and after it.
    with monkeypatch.context() as patch:
        for stream in ("stdin", "stdout"):
            patch.setattr(getattr(sys, stream), "isatty", lambda: True, raising=False)
        yield
