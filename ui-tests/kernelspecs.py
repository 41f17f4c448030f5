"""The two lines of ipykernel that the tests run on.

`python3` is this very environment (ipykernel 7); `ipykernel6` has an environment of its own, made when it is
first used and kept between runs. As a program (`python ui-tests/kernelspecs.py`) it only makes that one.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv-ipykernel6"
IPYKERNEL6 = "ipykernel==6.29.5"
NAMES = ("python3", "ipykernel6")


def _interpreter(name: str) -> Path:
    if name == "python3":
        return Path(sys.executable)
    folder, program = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return ENVIRONMENT / folder / program


def write(data_dir: Path) -> None:
    """Write the kernelspecs under a Jupyter data directory; a kernel starts after `provide(name)`."""
    for name in NAMES:
        folder = data_dir / "kernels" / name
        folder.mkdir(parents=True)
        spec = {
            "argv": [str(_interpreter(name)), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
            "metadata": {"debugger": False},
        }
        (folder / "kernel.json").write_text(json.dumps(spec))


def provide(name: str) -> None:
    """Make sure that a kernel of this name can start.

    Raises
    ------
    subprocess.CalledProcessError
        The environment could not be made; pip has said why.
    """
    if name == "python3":
        return
    stamp = ENVIRONMENT / "complete"
    projects = [ROOT / "core", ROOT]
    wanted = hashlib.sha256(f"{sys.version} {IPYKERNEL6}".encode())
    for project in projects:
        wanted.update((project / "pyproject.toml").read_bytes())
    if stamp.exists() and stamp.read_text() == wanted.hexdigest():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
    subprocess.run(
        [
            _interpreter(name),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            IPYKERNEL6,
            *(part for project in projects for part in ("-e", project)),
        ],
        check=True,
        # The frontend is built already, for the environment that the server runs in.
        env={**os.environ, "SKIP_JUPYTER_BUILDER": "1"},
    )
    stamp.write_text(wanted.hexdigest())


if __name__ == "__main__":
    provide("ipykernel6")
