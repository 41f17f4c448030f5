"""What is remembered on this machine, in the system's store, and the locks of those who renew it."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import SignInError, TokenError
from oidc_widget.oauth.secret import Secret
from oidc_widget.signin.keychain import open_keychain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oidc_widget.signin.keychain import Keychain

__all__ = ["Account", "Store", "open_store"]

_INDEX = "sessions"
#: Seconds that another process may take for one renewal, with a slow network.
_PATIENCE = 30.0


@dataclass(frozen=True)
class Account:
    """One remembered sign-in: whose, where, and what for; not its token."""

    issuer: str
    client_id: str
    #: ``sub`` (OpenID Connect Core §2), or empty where there is no ID token.
    sub: str
    claims: dict[str, Any] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    extra_params: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name of its token in the store."""
        text = json.dumps([self.issuer, self.client_id, self.sub])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def names(self) -> set[object]:
        """What may be said for the person."""
        named = (self.claims.get(name) for name in ("name", "preferred_username", "email"))
        return {name for name in (self.sub, *named) if name}

    def __str__(self) -> str:
        named = (self.claims.get(name) for name in ("email", "preferred_username", "name"))
        return str(next(filter(None, named), self.sub) or "somebody")


class Store:
    """All remembered sign-ins of one person on this machine."""

    def __init__(self, keychain: Keychain, locks: Path) -> None:
        self._keychain = keychain
        self._locks = locks

    def accounts(self) -> list[Account]:
        """Return all; what can't be read is none."""
        try:
            listed = json.loads(self._keychain.read(_INDEX) or "[]")
            return [
                Account(
                    **{name: str(one[name]) for name in ("issuer", "client_id", "sub")},
                    claims={**one["claims"], "sub": str(one["sub"])} if one["claims"] else {},
                    scopes=tuple(map(str, one["scopes"])),
                    extra_params=dict(one["extra_params"]),
                )
                for one in listed
            ]
        except (ValueError, TypeError, LookupError):
            return []  # written by another version, or by nobody of ours

    def add(self, account: Account) -> None:
        """Put one on the list, in place of the same person's former one."""
        with self.lock(_INDEX):
            self._list([*(one for one in self.accounts() if one.key != account.key), account])

    def remove(self, account: Account) -> None:
        """Take one off the list, and its token away."""
        with self.lock(_INDEX):
            self._keychain.delete(account.key)
            self._list([one for one in self.accounts() if one.key != account.key])

    def token(self, account: Account) -> Secret | None:
        """Return its token."""
        text = self._keychain.read(account.key)
        return None if text is None else Secret(text)

    def put(self, account: Account, token: Secret) -> None:
        """Replace its token."""
        self._keychain.write(account.key, token.reveal())

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep all other processes of this person out; whoever dies lets go.

        Raises
        ------
        TokenError
            Another process does not let go, or there can be no lock (a full disk).
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415  # an extra

        lock = FileLock(self._locks / f"{name}.lock", timeout=_PATIENCE, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise _no_lock(lock.lock_file, f"another process has held it for {_PATIENCE:g} s") from None
        except OSError as cause:
            raise _no_lock(lock.lock_file, cause.strerror or str(cause)) from cause
        try:
            yield
        finally:
            lock.release()

    def _list(self, accounts: list[Account]) -> None:
        if accounts:
            self._keychain.write(_INDEX, json.dumps([vars(one) for one in accounts]))
        else:
            self._keychain.delete(_INDEX)


def open_store() -> Store:
    """Return this person's.

    Raises
    ------
    SignInError
        There is no safe place for it; its message says so in a sentence.
    """
    return Store(open_keychain(), _folder())


def _folder() -> Path:
    """Return a folder of this person's alone, on this machine's own disk: homes may be on another one's."""
    owner = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
    folder = Path(f"oidc-widget-{owner}")
    try:
        folder = Path(tempfile.gettempdir()) / folder
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as cause:
        raise _no_folder(folder, cause.strerror or str(cause)) from cause
    if hasattr(os, "getuid") and (
        not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077
    ):
        raise _no_folder(folder, "it is not this user's alone")
    return folder


def _no_lock(file: str, why: str) -> TokenError:
    return TokenError(
        f"{file}, which keeps other processes out, can't be locked: {why}.",
        hint="It is tried again; if it goes on, look what is wrong with that file.",
    )


def _no_folder(folder: Path, why: str) -> SignInError:
    return SignInError(
        f"The sign-in is not remembered: {folder} can't hold its lock ({why}).", code="not_remembered"
    )
