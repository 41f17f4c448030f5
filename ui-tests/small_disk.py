"""A disk of its own that is full, so that writing fails as it does in earnest: ENOSPC.

>>> with SmallDisk(folder) as disk:
...     disk.fill(); disk.empty()
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self


class SmallDisk:
    """A file system in memory with room for little.

    Parameters
    ----------
    folder
        Where it is mounted; it is made if it is not there.
    """

    #: Why there can be none here, if so.
    unavailable = "" if sys.platform == "linux" and os.geteuid() == 0 else "only root can mount a disk"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def __enter__(self) -> Self:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        options = "size=64k,nr_inodes=32,mode=700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)], check=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def fill(self, *, files: bool = True) -> None:
        """Leave no room for another byte, nor for another file, unless `files` is False."""
        with self._ballast.open("ab", buffering=0) as file, _full():
            while True:
                file.write(b"x" * 4096)
        with _full():
            for number in itertools.count() if files else ():
                self.folder.joinpath(f"ballast-{number}").touch()

    def empty(self) -> None:
        """Take away what filled it."""
        for each in self.folder.glob("ballast*"):
            each.unlink()


@contextlib.contextmanager
def _full() -> Iterator[None]:
    """Go on until there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
