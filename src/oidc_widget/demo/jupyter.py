"""JupyterLab as a subprocess, apart from the person's own Jupyter: own settings, own notebooks, own history.

It runs in a session of its own, so that a Ctrl-C in the terminal reaches the demo alone, which then stops
JupyterLab as it should be stopped; JupyterLab itself would ask "Shut down this Jupyter server?".
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from oidc_widget.errors import OIDCError

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

# The name, not 127.0.0.1: redirect addresses are most often registered with it, and the provider, on
# 127.0.0.1, is then another site for the browser, as providers are in real life.
HOST = "localhost"
NOTEBOOK = "quickstart.ipynb"

#: Seconds. Starting takes two to ten of them; a kernel that is busy gets five to end.
START_TIMEOUT = 90.0
STOP_TIMEOUT = 20.0
_POLL_INTERVAL = 0.2


class DemoStartError(OIDCError):
    """JupyterLab could not be started."""

    default_code = "demo_failed"


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def require_free_port(port: int) -> None:
    """See to it that JupyterLab will be able to listen on a port.

    Raises
    ------
    DemoStartError
        With the code ``port_unavailable``, when another program listens there or the system forbids it.
    """
    found = socket.getaddrinfo(HOST, port, type=socket.SOCK_STREAM)
    try:
        for family, address in {(family, address) for family, *_, address in found}:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if os.name != "nt":  # there, the option would allow what is to be found out
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except PermissionError as error:
        raise DemoStartError(
            f"The system does not allow this user to listen on port {port}.",
            code="port_unavailable",
            hint="Choose one above 1023 with --port, or leave it out.",
        ) from error
    except OSError as error:
        raise DemoStartError(
            f"Port {port} is taken by another program.",
            code="port_unavailable",
            hint="Choose another one with --port, or leave it out.",
        ) from error


class JupyterLab:
    """A JupyterLab with the quickstart notebook.

    Parameters
    ----------
    directory : Path
        An empty directory for everything that it writes. Whoever made it removes it.
    port : int
        Where it listens, on loopback.
    environment : mapping of str to str
        What its kernels find in ``os.environ``, besides what is there already.
    """

    def __init__(self, directory: Path, port: int, environment: Mapping[str, str]) -> None:
        self._token = secrets.token_urlsafe(24)
        self._origin = f"http://{HOST}:{port}"
        self._log = directory / "jupyterlab.log"
        root = directory / "notebooks"
        root.mkdir()
        with as_file(files("oidc_widget.demo") / NOTEBOOK) as notebook:
            shutil.copyfile(notebook, root / NOTEBOOK)
        _write_settings(directory / "config")
        command = [
            *(sys.executable, "-m", "jupyterlab"),
            *("--no-browser", f"--ServerApp.ip={HOST}", f"--port={port}", "--ServerApp.port_retries=0"),
            f"--ServerApp.root_dir={root}",
            # On loopback and for the demo only; else a container, where everybody is root, could not run it.
            "--allow-root",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter, fixed arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(directory, environment),
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    @property
    def url(self) -> str:
        """What to open in a browser: the notebook, with the token that lets one in."""
        return f"{self._origin}/lab/tree/{NOTEBOOK}?token={self._token}"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def wait_until_ready(self, stop: threading.Event) -> bool:
        """Wait until it answers.

        Raises
        ------
        DemoStartError
            When JupyterLab ended, or did not answer in time.
        """
        for _ in range(int(START_TIMEOUT / _POLL_INTERVAL)):
            if not self.running:
                raise self.failure("JupyterLab could not be started.")
            if self._answers():
                return True
            if stop.wait(_POLL_INTERVAL):
                return False
        raise self.failure(f"JupyterLab did not answer within {START_TIMEOUT:.0f} s.")

    def failure(self, what: str) -> DemoStartError:
        """Make an error that shows the end of JupyterLab's log, without the token."""
        lines = self._log.read_text(errors="replace").replace(self._token, "…").splitlines()[-12:]
        return DemoStartError("\n".join([what, "The last that it said:", *(f"  {line}" for line in lines)]))

    def stop(self) -> None:
        """End it and its kernels; by force when it takes too long."""
        if self.running:
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it by force, with everything that it started in its session. Kernels end when it is gone."""
        if not self.running:
            return
        if os.name == "nt":
            self._process.kill()
        else:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _answers(self) -> bool:
        request = urllib.request.Request(  # noqa: S310  http on loopback
            f"{self._origin}/lab", headers={"Authorization": f"token {self._token}"}
        )
        # Without the environment's proxies, which can't reach this machine's loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=5) as response:
                return bool(response.status == 200)  # noqa: PLR2004
        except (urllib.error.URLError, OSError):
            return False

    def _environment(self, directory: Path, extra: Mapping[str, str]) -> dict[str, str]:
        environment = {
            **os.environ,
            **extra,
            "JUPYTER_TOKEN": self._token,  # not an argument: those can be read in the list of processes
            "JUPYTER_CONFIG_DIR": str(directory / "config"),
            "JUPYTER_DATA_DIR": str(directory / "data"),
            "JUPYTER_RUNTIME_DIR": str(directory / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(directory / "config" / "lab" / "user-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(directory / "config" / "lab" / "workspaces"),
            "IPYTHONDIR": str(directory / "ipython"),
        }
        # The kernels talk to the demo's own servers; a proxy can't.
        direct = f"{HOST},127.0.0.1"
        for name in ("no_proxy", "NO_PROXY"):
            environment[name] = ",".join(filter(None, (environment.get(name), direct)))
        return environment


def _write_settings(config: Path) -> None:
    """Keep JupyterLab from asking the Internet anything: no news, no update check, no extension catalogue."""
    server = {
        "LabApp": {
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "extension_manager": "readonly",
        }
    }
    # Without this it still asks the person whether it may fetch news.
    page = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (config / "labconfig").mkdir(parents=True)
    (config / "jupyter_server_config.json").write_text(json.dumps(server))
    (config / "labconfig" / "page_config.json").write_text(json.dumps(page))
