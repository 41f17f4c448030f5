"""The disk is full where something is written: that is said, nothing is half done, and later it goes on.

The server, the Hub's service and the vault write nothing.
"""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backend import KeyringBackend

from oidc_widget import OIDCLogin
from oidc_widget.errors import ConfigurationError
from oidc_widget.signin import keychain, remembered_store
from providers.http_person import HttpPerson
from shown import changes_to, shown

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = {"name": "full disk, token file", "does": "no room for a file"}
STORE = {"name": "full disk, remembered", "does": "no room for a file"}


@pytest.fixture
def w(tmp_path, monkeypatch):
    """Somebody who is signed in, whose claims are on a disk with room."""
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    w = OIDCLogin("https://idp.example", "notebooks", flow="popup")
    give(w, "token-1")
    yield w
    w.close()


def give(w, token):
    w.receive("token", {"access_token": token, "expires_in": 3600}, express=True)
    for file in w._token_files.values():  # the thread that writes
        done = threading.Event()
        file._worker.put(done.set)
        assert done.wait(20)


def files_in(folder):
    return [file.name for file in folder.rglob("*") if file.is_file() and "ballast" not in file.name]


@pytest.mark.parametrize("whose", ["the file's", "the claim's"])
def test_a_token_file_on_a_full_disk_is_refused_and_leaves_nothing(  # noqa: PLR0913, PLR0917  # fixtures
    disk, w, tmp_path, monkeypatch, told, whose
):
    path = tmp_path / "token"
    if whose == "the file's":
        path = disk.folder / "token"
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(disk.folder))
    disk.fill()
    with pytest.raises(ConfigurationError, match="No space left") as refused:
        w.token_file(path)
    told(TOKEN, whose, "invalid_configuration", refused.value.code)
    assert files_in(tmp_path) == []
    disk.empty()
    assert w.token_file(path).read_text("utf-8") == "token-1"


def test_a_claim_that_there_is_no_room_to_write_is_none(disk, w, tmp_path, monkeypatch, told):
    """A file can be made still, but nothing be put into it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(disk.folder))
    disk.fill(files=False)
    with pytest.raises(ConfigurationError, match="No space left") as refused:
        w.token_file(tmp_path / "token")
    told(TOKEN, "the claim's content", "invalid_configuration", refused.value.code)
    assert files_in(tmp_path) == []
    disk.empty()
    assert w.token_file(tmp_path / "token").read_text("utf-8") == "token-1"


def test_a_token_that_there_is_no_room_for_leaves_no_old_one(disk, w, told):
    path = w.token_file(disk.folder / "token")
    disk.fill()
    with pytest.warns(RuntimeWarning, match="the file is gone"):
        give(w, "token-2" * 1000)
    told(TOKEN, "renewal", "no file", "a file" if path.exists() else "no file")
    disk.empty()
    give(w, "token-3")
    assert path.read_text("utf-8") == "token-3"


class OnDisk(KeyringBackend):
    """A store that writes a file for each secret, as the operating systems' do."""

    priority = 1

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def _file(self, service):
        return self.folder / f"{service}.secret"

    def get_password(self, service, username):  # noqa: ARG002  # keyring's signature
        file = self._file(service)
        return file.read_text("utf-8") if file.exists() else None

    def set_password(self, service, username, password):  # noqa: ARG002  # the same
        self._file(service).write_text(password, "utf-8")

    def delete_password(self, service, username):  # noqa: ARG002  # the same
        self._file(service).unlink()


@pytest.fixture
def store(monkeypatch):
    """Have secrets kept in one folder, and their locks in another."""
    former = keyring.get_keyring()
    monkeypatch.setattr(keychain, "SAFE_BACKENDS", {f"{OnDisk.__module__}.{OnDisk.__qualname__}"})

    def use(secrets, locks):
        keyring.set_keyring(OnDisk(secrets))
        monkeypatch.setattr(remembered_store, "tempfile", SimpleNamespace(gettempdir=lambda: str(locks)))

    yield use
    keyring.set_keyring(former)


@pytest.mark.parametrize("whose", ["the store's", "the lock's", "both"])
def test_a_sign_in_that_there_is_no_room_to_remember_works_and_says_so(  # noqa: PLR0913, PLR0917  # fixtures
    disk, provider, store, tmp_path, capfd, told, whose
):
    provider.configure(device_authorization_response={"set": {"interval": 0.1}}, consent="skip")
    places = (
        tmp_path if whose == "the lock's" else disk.folder,
        tmp_path if whose == "the store's" else disk.folder,
    )
    store(*places)
    if whose == "the lock's":
        disk.folder.joinpath(f"oidc-widget-{os.getuid()}").mkdir(mode=0o700)
    disk.fill()
    w = OIDCLogin(provider.issuer, provider.client_id, remember=True)
    try:
        w.sign_in()
        with HttpPerson("alice") as person:
            person.visit(shown(w)["device"]["verification_uri_complete"])
        assert changes_to(w, lambda: w.status in {"signed_in", "error"})
        told(STORE, whose, "signed_in", w.status)
        assert "not remembered" in capfd.readouterr().out
        first = w.access_token
        w.refresh()
        assert changes_to(w, lambda: w.access_token != first)
    finally:
        w.sign_out()
        w.close()
