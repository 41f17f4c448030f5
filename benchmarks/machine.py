"""What the figures were measured on, and with which versions."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from importlib import metadata
from pathlib import Path

import chromium

PACKAGES = (
    "oidc-widget",
    "anywidget",
    "ipykernel",
    "jupyterlab",
    "jupyterhub",
    "joserfc",
    "PyJWT",
    "Authlib",
    "Flask",
    "fastapi",
)


def describe() -> dict[str, str]:
    """Return the date, the machine and the versions, by name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "Date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "Memory": f"{memory:.0f} GiB",
        "System": platform.platform(terse=True),
        "Python": platform.python_version(),
        "Packages": ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES),
        "Node": _first_line("node", "--version").removeprefix("v"),
        "Browser": _first_line(chromium.provide() or "chromium", "--version"),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _first_line(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        return "the one of Playwright"
    answer = subprocess.run([program, *arguments], capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()[0].strip()
