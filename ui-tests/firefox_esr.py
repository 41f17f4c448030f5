"""A Firefox to test with: the system's, else Debian's package.

As a program (`python ui-tests/firefox_esr.py`) it makes sure that there is one, and prints its path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("firefox-esr", "firefox")


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def provide() -> str:
    """Return the path of a Firefox, installed first if need be.

    Raises
    ------
    RuntimeError
        There is none, and Debian's package could not be installed.
    """
    if path := _found():
        return path
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=quiet)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "firefox-esr"]
        # Standard output carries the path alone.
        subprocess.run(install, check=False, env=quiet, stdout=sys.stderr)
        if path := _found():
            return path
    raise RuntimeError(
        "The tests in Firefox need Firefox: install it so that `firefox` is on the PATH, and start again."
    )


if __name__ == "__main__":
    sys.stdout.write(f"{provide()}\n")
