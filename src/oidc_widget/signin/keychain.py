"""The operating system's own store of secrets, through ``keyring``, for texts of any length."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import SignInError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SAFE_BACKENDS", "Keychain", "open_keychain"]

#: Whoever reads these stores has signed in to this account of this computer. Everything else that calls
#: itself a keyring is a file somewhere. A test adds a backend of its own here.
SAFE_BACKENDS = {
    "keyring.backends.SecretService.Keyring",
    "keyring.backends.Windows.WinVaultKeyring",
    "keyring.backends.kwallet.DBusKeyring",
    "keyring.backends.kwallet.DBusKeyringKWallet4",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.macOS.Keyring",
}
_CHAIN = "keyring.backends.chainer.ChainerBackend"

#: Windows holds 2,560 bytes, two for a character.
_LONGEST = 1200
_MOST_PARTS = 64


def open_keychain() -> Keychain:
    """Return this person's.

    Raises
    ------
    SignInError
        There is none, or none that is safe.
    """
    try:
        import filelock  # noqa: F401, PLC0415  # of the same extra; without it nothing is stored either
        import keyring  # noqa: PLC0415  # an extra
    except ImportError as cause:
        why = f"the package {cause.name} is not installed (pip install 'oidc-widget[remember]')"
        raise _unavailable(why) from cause
    backend = keyring.get_keyring()
    unsafe = [name for name in map(_name, _of(backend)) if name not in SAFE_BACKENDS]
    if unsafe:
        raise _unavailable(f"{unsafe[0]} is no store of the operating system's")
    return Keychain(backend)


def _of(backend: Any) -> list[Any]:
    if _name(backend) != _CHAIN:
        return [backend]
    return list(backend.backends) or [backend]


def _name(backend: object) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _unavailable(why: str) -> SignInError:
    return SignInError(f"The sign-in is not remembered: {why}.", code="not_remembered")


class Keychain:
    """Texts by name; what is long is cut into pieces that every store takes.

    A text is replaced as a whole: a process that is killed meanwhile leaves the old one or the new one.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def read(self, name: str) -> str | None:
        """Return the text; ``None``: there is none, or not all of it.

        Raises
        ------
        SignInError
            The store is locked, or broken.
        """
        head = self._get(name)
        if head is None or head[:1] not in {"t", "p"}:
            return None
        if head[0] == "t":
            return head[1:]
        pieces = [self._get(piece) for piece in _pieces(name, head)]
        return None if None in pieces or not pieces else "".join(map(str, pieces))

    def write(self, name: str, text: str) -> None:
        """Replace the text.

        Raises
        ------
        SignInError
            The store is locked or broken, or does not give back what it was given.
        """
        old, head = self._get(name) or "", f"t{text}"
        if len(text) >= _LONGEST:
            cut = [text[at : at + _LONGEST] for at in range(0, len(text), _LONGEST)]
            head = f"p{secrets.token_hex(4)} {len(cut)}"
            if len(cut) > _MOST_PARTS:
                raise _unavailable("what the provider gave is too long")
            for piece, value in zip(_pieces(name, head), cut, strict=True):
                self._call("set_password", piece, value)
        self._call("set_password", name, head)
        for piece in _pieces(name, old):
            self._delete(piece)
        if self.read(name) != text:
            raise _unavailable("the store does not give back what it was given")

    def delete(self, name: str) -> None:
        """Delete the text, if there is one.

        Raises
        ------
        SignInError
            The store is locked, or broken.
        """
        head = self._get(name)
        if head is not None:
            self._delete(name)
            for piece in _pieces(name, head):
                self._delete(piece)

    def _get(self, name: str) -> str | None:
        value = self._call("get_password", name)
        return value if isinstance(value, str) else None

    def _delete(self, name: str) -> None:
        if self._get(name) is not None:
            self._call("delete_password", name)

    def _call(self, method: str, name: str, *more: str) -> object:
        """Ask the store; its own exceptions may quote what it was given, so none goes on from here."""
        # The name is the service: Windows keeps one secret for each of them (`WinVaultKeyring`).
        try:
            return getattr(self._backend, method)(f"oidc-widget {name}", "oidc-widget", *more)
        except Exception as cause:  # noqa: BLE001  # each backend has its own
            why = "is locked" if type(cause).__name__ == "KeyringLocked" else f"gives {type(cause).__name__}"
        raise _unavailable(f"the operating system's store {why}")


def _pieces(name: str, head: str) -> Iterator[str]:
    generation, _, count = head[1:].partition(" ")
    if head[:1] == "p" and count.isascii() and count.isdigit():
        yield from (f"{name} {generation} {at}" for at in range(min(int(count), _MOST_PARTS)))
