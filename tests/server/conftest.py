"""A real Jupyter server with the extension, for the tests here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "jupyter-test-token"


@dataclass
class JupyterServer:
    """A running server."""

    url: str
    log_file: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def address(self, path: str) -> str:
        return f"{self.url}oidc-widget/{path}"

    def client(self, *, signed_in: bool = True) -> httpx.Client:
        headers = {"Authorization": f"token {TOKEN}"} if signed_in else {}
        return httpx.Client(base_url=f"{self.url}oidc-widget/", headers=headers, trust_env=False)


def start_server(
    folder: Path, config: dict[str, Any] | None = None, env: dict[str, str] | None = None
) -> JupyterServer:
    """Start `jupyter server` with a configuration of its own, and wait until it listens."""
    runtime = folder / "runtime"
    settings: dict[str, Any] = {
        "ServerApp": {
            "allow_unauthenticated_access": False,
            "base_url": "/some/base/",
            "ip": "127.0.0.1",
            "jpserver_extensions": {"oidc_widget.server": True},
            "log_level": "DEBUG",
            "open_browser": False,
            "port": 0,
            "root_dir": str(folder),
        },
        "IdentityProvider": {"token": TOKEN},
    }
    for name, values in (config or {}).items():
        settings.setdefault(name, {}).update(values)
    (folder / "jupyter_server_config.json").write_text(json.dumps(settings))
    log_file = folder / "server.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", "--allow-root"],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={
                **os.environ,
                "JUPYTER_CONFIG_DIR": str(folder),
                "JUPYTER_DATA_DIR": str(folder / "data"),
                "JUPYTER_RUNTIME_DIR": str(runtime),
                "NO_PROXY": "*",
                **(env or {}),
            },
        )
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        for file in runtime.glob("jpserver-*.json"):
            try:
                url = json.loads(file.read_text())["url"]
                httpx.get(f"{url}api", trust_env=False)
            except (ValueError, httpx.TransportError):
                continue  # still being written, or not listening yet
            return JupyterServer(url, log_file, process)
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"The Jupyter server didn't start:\n{log_file.read_text()}")


def stop_server(server: JupyterServer) -> None:
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    """A server without any configuration of ours, under a base_url."""
    running = start_server(tmp_path_factory.mktemp("jupyter"))
    yield running
    stop_server(running)
