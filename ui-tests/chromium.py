"""A Chromium to test with: the system's, else Debian's package, else Playwright's own.

As a program (`python ui-tests/chromium.py`) it only makes sure that there is one, and says which.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

#: A test run asks nothing of the network: no updates, no sync, no safe-browsing lists.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

#: The list of suggestions under the address bar is a web application that Chromium starts with each window,
#: popups included: a second of computing, for what no test ever looks at.
UNSEEN = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup")

#: The last `--disable-features` counts, so what Playwright turns off has to be said again.
UNWANTED_BY_PLAYWRIGHT = (
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "TcpPortRandomizationWin",
    "msEdgeUpdateLaunchServicesPreferredVersion",
    "msForceBrowserSignIn",
)


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def provide() -> str | None:
    """Return the path of a Chromium, installed first if need be; None means Playwright's own.

    Raises
    ------
    RuntimeError
        Neither Debian's package nor Playwright's could be installed.
    """
    if path := _found():
        return path
    if _is_root() and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=quiet)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False, env=quiet
        )
        if path := _found():
            return path
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode:
        raise RuntimeError(
            "The browser tests need Chromium: install it so that `chromium` is on the PATH, and start again."
        )
    return None


def arguments() -> list[str]:
    """Return what Chromium is started with."""
    off = f"--disable-features={','.join((*UNWANTED_BY_PLAYWRIGHT, *UNSEEN))}"
    # Chromium's sandbox refuses to run as root, as in containers.
    return [*QUIET, off, *(["--no-sandbox", "--disable-dev-shm-usage"] if _is_root() else [])]


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


if __name__ == "__main__":
    sys.stdout.write(f"Chromium: {provide() or 'the one of Playwright'}\n")
