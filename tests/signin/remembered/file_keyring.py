"""A keyring for tests, which several processes can use: a JSON file. It is no safe one, and is said to be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keyring
from filelock import FileLock
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from oidc_widget.signin import keychain


class FileKeyring(KeyringBackend):
    priority = 1

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)

    @property
    def held(self):
        return json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}

    def _change(self, change):
        with FileLock(f"{self.path}.lock"):
            held = self.held
            change(held)
            new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
            new.write_text(json.dumps(held), "utf-8")
            new.replace(self.path)

    def get_password(self, service, username):
        return self.held.get(f"{service}\n{username}")

    def set_password(self, service, username, password):
        self._change(lambda held: held.update({f"{service}\n{username}": password}))

    def delete_password(self, service, username):
        if self.get_password(service, username) is None:
            raise PasswordDeleteError(service)
        self._change(lambda held: held.pop(f"{service}\n{username}"))


def use(path):
    """Have this process use it, as if it were the operating system's."""
    name = f"{FileKeyring.__module__}.{FileKeyring.__qualname__}"
    keychain.SAFE_BACKENDS.add(name)
    backend = FileKeyring(path)
    keyring.set_keyring(backend)
    return backend
