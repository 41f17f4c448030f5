"""A real Jupyter server with JupyterLab, in directories of its own, which tests can stop and start again."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

import kernelspecs
from oidc_widget.oauth.callback_address import own_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Seconds that a server may take to start or to end.
PATIENCE = 60
#: Seconds that it may take to end: a page that asks something at that moment may keep it for ever.
ENDING = 20

#: What a page would otherwise fetch, ask or hide.
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


class JupyterServer:
    """A running server.

    Attributes
    ----------
    root
        The folder that it serves, a `pathlib.Path`.
    url
        Its address, which ends with a slash: `http://localhost:PORT/`.
    token
        What signs in to it.
    origin
        The same without any path, as browsers send it in `Origin`.
    redirect_uri
        The address that a provider sends people back to.
    log
        The file that it logs to.
    app
        `lab` or `notebook`.
    starts
        How often it was started.

    Parameters
    ----------
    folder
        An empty folder for everything that it keeps.
    base_url
        The path that it is served under.
    config
        Configuration as in `jupyter_server_config.json`, on top of what the tests need.
    env
        Environment variables on top of this process's.
    app
        The application, as in `jupyter lab`; `notebook` is Notebook 7.
    expose_app
        Let pages reach the application as `window.jupyterapp`; the page objects need it.
    """

    def __init__(  # noqa: PLR0913 - each is one thing that a test may want otherwise
        self,
        folder: Path,
        *,
        base_url: str = "/",
        config: Mapping[str, Mapping[str, Any]] | None = None,
        env: Mapping[str, str] | None = None,
        app: str = "lab",
        expose_app: bool = True,
    ) -> None:
        self.root = folder / "root"
        self.log = folder / "server.log"
        self.token = secrets.token_hex(16)
        self.app = app
        self.starts = 0
        self._folder = folder
        self._base_url = base_url
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("root", "config/labconfig", "data", "runtime", "settings", "workspaces", "ipython"):
            (folder / name).mkdir(parents=True)
        kernelspecs.write(folder / "data")
        (folder / "config/labconfig/default_setting_overrides.json").write_text(json.dumps(OVERRIDES))
        self._config = {section: dict(values) for section, values in (config or {}).items()}
        self._configure(expose_app=expose_app)
        # What the machine's own Jupyter is told must not reach this one.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        self._env = {
            **inherited,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "IPYTHONDIR": str(folder / "ipython"),
            **(env or {}),
        }
        self.start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self._port}{self._base_url}"

    @property
    def origin(self) -> str:
        return f"http://localhost:{self._port}"

    def redirect_uris(self, issuer: str) -> list[str]:
        """Return what to register with a provider: the address of its own, and that of configured ones."""
        return [own_address(self.redirect_uri, issuer), self.redirect_uri]

    @property
    def redirect_uri(self) -> str:
        return f"{self.url}oidc-widget/callback"

    def _configure(self, *, expose_app: bool) -> None:
        needed: dict[str, dict[str, Any]] = {
            "ServerApp": {
                "ip": "localhost",
                "open_browser": False,
                "allow_root": True,
                "root_dir": str(self.root),
                "base_url": self._base_url,
            },
            "IdentityProvider": {"token": self.token},
            "LabApp": {"expose_app_in_browser": expose_app, "extension_manager": "readonly"},
            "JupyterNotebookApp": {"expose_app_in_browser": expose_app},
            "KernelSpecManager": {"allowed_kernelspecs": list(kernelspecs.NAMES)},
        }
        for section, values in self._config.items():
            needed.setdefault(section, {}).update(values)
        for name in ("server", "lab", "notebook"):
            path = self._folder / "config" / f"jupyter_{name}_config.json"
            path.write_text(json.dumps(needed))

    def start(self) -> None:
        """Start it; after `stop()`, at the same address.

        Raises
        ------
        RuntimeError
            It ended at once or never answered; the log says why.
        """
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyter", self.app, f"--ServerApp.port={self._port}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                cwd=self.root,
            )
        record = self._folder / "runtime" / f"jpserver-{self._process.pid}.json"
        deadline = time.monotonic() + PATIENCE
        while not self._answers(record):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Jupyter did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def _answers(self, record: Path) -> bool:
        try:
            self._port = json.loads(record.read_text())["port"]
            return self.request("GET", "api/status").is_success
        except (OSError, ValueError, httpx.TransportError):
            return False

    def stop(self) -> None:
        """End it, and its kernels."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    #: For `contextlib.closing`.
    close = stop

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Ask the server's API, as a signed-in person."""
        headers = {"Authorization": f"token {self.token}", **how.pop("headers", {})}
        return httpx.request(method, f"{self.url}{path}", headers=headers, trust_env=False, **how)

    def address(self, path: str = "lab", *, host: str = "localhost") -> str:
        """Return the address of a page, which signs in to the server by its token."""
        url = self.url.replace("//localhost:", f"//{host}:")
        return f"{url}{quote(path)}?token={self.token}"

    def set_settings(self, plugin: str, values: Mapping[str, Any]) -> None:
        """Set a person's settings of a plugin, for pages opened from now on.

        Parameters
        ----------
        plugin
            Say, `"@jupyterlab/apputils-extension:themes"`.
        values
            Say, `{"theme": "JupyterLab Dark"}`.
        """
        package, _, name = plugin.partition(":")
        path = self._folder / "settings" / package / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def forget(self) -> None:
        """End all kernels, and forget settings and workspaces."""
        if self._process is not None:
            for session in self.request("GET", "api/sessions").json():
                self.request("DELETE", f"api/sessions/{session['id']}", timeout=PATIENCE)
            for kernel in self.request("GET", "api/kernels").json():
                self.request("DELETE", f"api/kernels/{kernel['id']}", timeout=PATIENCE)
        for kept in ("settings", "workspaces"):
            for path in (self._folder / kept).rglob("*.jupyterlab-*"):
                path.unlink()

    def logged(self, since: int = 0) -> str:
        """Return what it logged, from this size of the log on."""
        with self.log.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")
