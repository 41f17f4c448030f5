"""Remembered sign-ins at the certified provider.

`store_file`
    What this process remembers in: a file in the operating system's place (`file_keyring.py`).
`secret_service`
    A real Secret Service: gnome-keyring on a session bus of its own. Skipped where it is not installed.
`login(**options)`
    An `OIDCLogin` with `remember=True` in this process; closed after the test, as at a process's end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import keyring
import pytest

from oidc_widget import OIDCLogin
from oidc_widget.signin import keychain

sys.path.insert(0, str(Path(__file__).parent))
import file_keyring  # beside this file; a process of a test imports it too


@pytest.fixture
def provider(provider):
    provider.configure(device_authorization_response={"set": {"interval": 0.1}}, consent="skip")
    return provider


@pytest.fixture(autouse=True)
def _locks(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield
    tempfile.tempdir = None


@pytest.fixture(autouse=True)
def store_file(_locks, tmp_path, monkeypatch):
    monkeypatch.setattr(keychain, "SAFE_BACKENDS", set(keychain.SAFE_BACKENDS))
    former = keyring.get_keyring()
    yield file_keyring.use(tmp_path / "keyring.json")
    keyring.set_keyring(former)


@pytest.fixture
def secret_service(tmp_path, monkeypatch):
    if not (shutil.which("gnome-keyring-daemon") and shutil.which("dbus-daemon")):
        pytest.skip("gnome-keyring is not installed")
    environ = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    with subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"],  # noqa: S607  # the system's
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    ) as bus:
        environ["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
        with subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],  # noqa: S607  # likewise
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        ) as daemon:
            daemon.stdin.write("the password of the login")
            daemon.stdin.close()
            daemon.stdout.readline()  # it is there
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", environ["DBUS_SESSION_BUS_ADDRESS"])
            from keyring.backends import SecretService  # noqa: PLC0415  # it looks for the bus at once

            former = keyring.get_keyring()
            keyring.set_keyring(SecretService.Keyring())
            yield keyring.get_keyring()
            keyring.set_keyring(former)
            daemon.terminate()
        bus.terminate()


@pytest.fixture
def login(provider):
    made = []

    def make(**options):
        made.append(OIDCLogin(provider.issuer, provider.client_id, **{"remember": True, **options}))
        return made[-1]

    yield make
    for w in made:
        w.close()
