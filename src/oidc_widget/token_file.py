"""The access token in a file, for processes that read it from there; asked for by name, never kept by itself.

The file is its owner's alone (mode 0600), is replaced as a whole, and is there as long as the token lives and
this process does. Beside it goes a *claim*: a locked file that says which file this process writes. The lock
ends with the process, however that ends, so the next one knows what was left behind, and removes it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import tempfile
import threading
import warnings
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from oidc_widget.errors import ConfigurationError
from oidc_widget.signin.threads import Worker

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from oidc_widget.fresh_tokens import FreshTokens

__all__ = ["TokenFile", "named", "remove_what_was_left"]

_PRIVATE = 0o600
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class TokenFile:
    """Keeps one file up to date until it is closed, collected, or the process ends.

    Parameters
    ----------
    tokens : FreshTokens
        Whose token.
    on_token : callable
        Registers what is to be called at each change of the token, and returns what ends that.
    path : Path, optional
        Where; a place of its own that only this user can read, unless given.

    Raises
    ------
    ConfigurationError
        The place is not safe, is another process's, or something else is there.
    """

    def __init__(
        self,
        tokens: FreshTokens,
        on_token: Callable[[Callable[[], None]], Callable[[], None]],
        path: Path | None = None,
    ) -> None:
        self._claim = _claimed(path)
        self.path = self._claim.path
        self._tokens = tokens
        self._lock = threading.Lock()
        #: The last write failed, and its person knows.
        self._failed = False
        self._worker = Worker("oidc-widget-token-file")
        # Also at the interpreter's end, and when the sign-in is forgotten.
        self._end = weakref.finalize(self, self._claim.give_up)
        changed = weakref.WeakMethod(self._changed)
        self._stop = on_token(lambda: _call(changed))
        try:
            self._write()
        except OSError as cause:
            self.close()
            raise _refused(self.path, cause) from cause

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def live(self) -> bool:
        """Whether it is kept up to date; not once it was closed, or another sign-in took its place."""
        return self._end.alive and self._claim.here

    def close(self) -> None:
        """Remove the file, and write it no more."""
        self._stop()
        with self._lock:
            self._end()

    def _changed(self) -> None:
        """Take the file away at once, or have it written: the thread that brings a token must not wait."""
        if self._tokens.held() is None:
            self._update()
        else:
            self._worker.put(self._update)

    def _update(self) -> None:
        """Write the file, or else take it away (a full disk): an old token is worse than none."""
        try:
            self._write()
        except OSError as error:
            told, self._failed = self._failed, True
            with self._lock, suppress(OSError):
                self._claim.remove()
            if not told:
                warnings.warn(
                    f"The token can't be put into {self.path}, so the file is gone ({error.strerror}). It "
                    "comes back with the next token that can be written.",
                    RuntimeWarning,
                    stacklevel=2,
                )
        else:
            self._failed = False

    def _write(self) -> None:
        with self._lock:
            if not self._end.alive:
                return
            token = self._tokens.held()
            if token is None:
                self._claim.remove()
            else:
                self._claim.replace(token.value.encode())


def _call(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    found = method()
    if found is not None:
        found()


class _Claim:
    """The right of one process to a path, for as long as it lives.

    A fork has none: it neither writes nor removes what is its parent's.
    """

    #: This process's own, which it must not try to lock: to close them again would end the lock (POSIX).
    own: dict[Path, _Claim] = {}  # noqa: RUF012  # one for the process, on purpose

    def __init__(self, path: Path, lock: Path, descriptor: int) -> None:
        self.path = path
        self._pid = os.getpid()
        self._lock = lock
        self.descriptor = descriptor
        self._temporary = _temporary(path)
        #: Who took the place over in this process, if somebody did.
        self.follower: _Claim | None = None

    @classmethod
    def on(cls, path: Path, directory: Path) -> _Claim:
        """Claim a path, also from another sign-in of this process: a cell that runs again.

        Raises
        ------
        ConfigurationError
            Another process has it, or a file is there that nobody claims.
        """
        lock = directory / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.lock"
        former = cls.own.get(lock)
        if former is not None and former.here:
            made = former.follower = cls(path, lock, former.descriptor)
        else:
            descriptor = _locked(lock)
            if descriptor is None:
                raise ConfigurationError(
                    f"Another process keeps a token in {path}.", hint="Name another file, or none."
                )
            made = cls(path, lock, descriptor)
            if os.path.lexists(path):
                made._release()
                raise ConfigurationError(
                    f"{path} is there already, and would be overwritten.",
                    hint="Remove it, or name another file.",
                )
            try:
                os.write(descriptor, os.fsencode(path))
            except OSError:
                made._release()
                raise
        cls.own[lock] = made
        return made

    @property
    def here(self) -> bool:
        """Whether it is this process's, and nobody else's of it."""
        return self._pid == os.getpid() and self.follower is None

    def replace(self, content: bytes) -> None:
        """Put this into the file, so that a reader sees the old or the new one, and nothing between."""
        if not self.here:
            return
        self._temporary.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(self._temporary, _NEW, _PRIVATE), "wb") as file:
                file.write(content)
            self._temporary.replace(self.path)
        except OSError:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """Take the file away."""
        if self.here:
            self._temporary.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Take the file away for good."""
        if self.here:
            self.remove()
            self._release()

    def _release(self) -> None:
        self.own.pop(self._lock, None)
        with suppress(OSError):  # Windows removes no file that is open
            self._lock.unlink()
        os.close(self.descriptor)
        self._lock.unlink(missing_ok=True)


def _claimed(path: Path | None) -> _Claim:
    """Claim this path, or a new one in a place of its own."""
    directory = _directory()
    try:
        remove_what_was_left()
        return _Claim.on(directory / secrets.token_hex(8) if path is None else _absolute(path), directory)
    except OSError as cause:  # say, the disk is full
        raise _refused(path or directory, cause) from cause


def _refused(path: Path, cause: OSError) -> ConfigurationError:
    return ConfigurationError(f"No token can be put into {path}: {cause.strerror}.")


@contextmanager
def named(file: TokenFile, names: Sequence[str]) -> Iterator[Path]:
    """Let environment variables hold the file's path, within the block; the file ends with it."""
    before = {name: os.environ.get(name) for name in names}
    value = str(file.path)
    os.environ.update(dict.fromkeys(names, value))
    try:
        yield file.path
    finally:
        for name, former in before.items():
            if os.environ.get(name) != value:
                continue  # somebody has set it since
            if former is None:
                del os.environ[name]
            else:
                os.environ[name] = former
        file.close()


def remove_what_was_left() -> None:
    """Remove the token files of this user's processes that ended without doing so (``kill -9``)."""
    for lock in _locks():
        if lock in _Claim.own:
            continue
        descriptor = _locked(lock, create=False)
        if descriptor is None:
            continue  # its process lives
        try:
            left = os.fsdecode(os.read(descriptor, 65536))
            for path in (Path(left), _temporary(Path(left))) if left else ():
                if _is_ours(path):
                    path.unlink(missing_ok=True)
            with suppress(OSError):  # the same
                lock.unlink()
        finally:
            os.close(descriptor)
        lock.unlink(missing_ok=True)


def _locks() -> Iterator[Path]:
    try:
        directory = _place()
    except OSError:
        return  # nothing can be put anywhere here (a read-only disk), so nothing was left
    if directory.is_dir() and _is_private(directory):
        yield from directory.glob("*.lock")


def _locked(lock: Path, *, create: bool = True) -> int | None:
    """Return an open descriptor that locks this file; ``None``: another process does, or it is gone."""
    how = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | (os.O_CREAT if create else 0)
    while True:
        try:
            descriptor = os.open(lock, how, _PRIVATE)
        except FileNotFoundError:
            return None
        if not _lock(descriptor):
            os.close(descriptor)
            return None
        # Whoever had it may have removed it meanwhile: then this is no longer the file of that name.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt  # noqa: PLC0415  # there only

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.oidc-widget")


def _place() -> Path:
    """Return where files and claims are: the user's own place that ends with the session, if there is one."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime and Path(runtime).is_dir() else Path(tempfile.gettempdir())
    return base / (f"oidc-widget-{os.getuid()}" if hasattr(os, "getuid") else "oidc-widget")


def _directory() -> Path:
    try:
        directory = _place()
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as cause:
        raise ConfigurationError(
            f"No token can be put into a file here: {cause.strerror}.",
            hint="Let TMPDIR name a directory that can be written to.",
        ) from cause
    if not _is_private(directory):
        raise ConfigurationError(
            f"{directory} is somebody else's, or others may look into it, so no token is put there.",
            hint=f"Remove it, or: chmod 700 {directory}.",
        )
    return directory


def _is_private(directory: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True  # the directory for temporary files is the user's own there
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def _is_ours(path: Path) -> bool:
    """Whether this is a file such as is written here: regular, and its owner's alone."""
    try:
        status = path.lstat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return stat.S_ISREG(status.st_mode)
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.getuid()
        and stat.S_IMODE(status.st_mode) == _PRIVATE
    )


def _absolute(path: Path) -> Path:
    path = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  # a link stays what it is
    try:
        mode = path.parent.stat().st_mode
    except OSError as cause:
        raise ConfigurationError(
            f"No token can be put into {path}: there is no such directory.", hint="Make it first."
        ) from cause
    if hasattr(os, "getuid") and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ConfigurationError(
            f"Others may replace files in {path.parent}, so no token is put there.",
            hint="Name a directory of your own.",
        )
    return path
