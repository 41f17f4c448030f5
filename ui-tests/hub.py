"""A real JupyterHub with its real proxy, whose users' servers run in this environment.

>>> with contextlib.closing(Hub(folder, subdomain=True)) as hub:
...     hub.url                     # "http://hub.localhost:PORT/", with a slash at the end
...     hub.redirect_uri            # the one address to register with the provider
...     hub.start_server("alice")   # through the Hub's API, as an administrator
...     hub.user_url("alice")       # where her JupyterLab is
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
PROXY = ROOT / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"

#: Seconds that the Hub, or a user's server, may take to start or to end.
PATIENCE = 120

USERS = ("alice", "bob")

#: Everybody's password at the Hub.
PASSWORD = "hub-password"

CONFIG = """
c = get_config()
settings = {settings!r}
c.JupyterHub.bind_url = settings["bind_url"]
c.JupyterHub.hub_port = settings["hub_port"]
c.JupyterHub.db_url = "sqlite:///" + settings["folder"] + "/hub.sqlite"
c.JupyterHub.cookie_secret_file = settings["folder"] + "/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = settings["password"]
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = settings["spawner"]
c.SimpleLocalProcessSpawner.home_dir_template = settings["folder"] + "/homes/{{username}}"
c.Spawner.args = ["--allow-root"]
c.Spawner.default_url = "/lab"
c.Spawner.environment = settings["environment"]
c.ConfigurableHTTPProxy.command = settings["proxy"]
c.ConfigurableHTTPProxy.api_url = settings["proxy_api"]
c.ConfigurableHTTPProxy.auth_token = settings["proxy_token"]
c.JupyterHub.services = [{{"name": "tests", "api_token": settings["token"]}}]
c.JupyterHub.load_roles = [
    {{
        "name": "tests",
        "services": ["tests"],
        "scopes": ["admin:users", "admin:servers", "access:servers", "tokens"],
    }}
]
c.JupyterHub.cleanup_servers = True
if settings["subdomain_host"]:
    c.JupyterHub.subdomain_host = settings["subdomain_host"]

import oidc_widget.hub
oidc_widget.hub.configure(c, providers=settings["providers"])
"""


class Hub:
    """A running JupyterHub.

    Parameters
    ----------
    folder
        An empty folder for everything that it keeps.
    subdomain
        Give each user, and the service, an origin of their own.
    base_url
        The path that it is served under.
    config
        Configuration of the users' servers, as in `jupyter_server_config.json`.
    providers
        The Hub's own providers (`oidc_widget.hub.configure(c, providers=…)`).
    env
        Environment variables of the Hub, on top of this process's.
    python
        What runs the Hub; another one may have another version of JupyterHub.
    spawner
        What starts the users' servers; `simple` starts real ones.
    """

    def __init__(  # noqa: PLR0913  # each is a choice of its own
        self,
        folder: Path,
        *,
        subdomain: bool = False,
        base_url: str = "/",
        config: Mapping[str, Mapping[str, Any]] | None = None,
        providers: Mapping[str, Mapping[str, Any]] | None = None,
        env: Mapping[str, str] | None = None,
        python: str = sys.executable,
        spawner: str = "simple",
    ) -> None:
        self.log = folder / "hub.log"
        self.subdomain = subdomain
        self.base_url = base_url
        self._folder = folder
        self._port, hub_port, proxy_port = _free_ports(3)
        self._token = secrets.token_hex(16)
        self.host = "hub.localhost" if subdomain else "localhost"
        self._write_user_config(config or {})
        settings = {
            "folder": str(folder),
            "bind_url": f"http://127.0.0.1:{self._port}{base_url}",
            "hub_port": hub_port,
            "password": PASSWORD,
            "spawner": spawner,
            "token": self._token,
            "proxy": [shutil.which("node") or "node", str(PROXY)],
            "proxy_api": f"http://127.0.0.1:{proxy_port}",
            "proxy_token": secrets.token_hex(16),
            "subdomain_host": f"http://{self.host}:{self._port}" if subdomain else "",
            "providers": dict(providers or {}),
            "environment": {
                "JUPYTER_CONFIG_DIR": str(folder / "config"),
                "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
                "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            },
        }
        (folder / "jupyterhub_config.py").write_text(CONFIG.format(settings=settings))
        (folder / "homes").mkdir()
        # What this process was told by a Jupyter around it must not reach the Hub.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [python, "-m", "jupyterhub", "-f", str(folder / "jupyterhub_config.py"), "--debug"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                # `jupyterhub-singleuser` is looked for on the path.
                env={
                    **inherited,
                    **(env or {}),
                    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                },
            )
        self._wait(lambda: self.request("GET", "services/oidc-widget/callback").status_code == 400)

    def _write_user_config(self, config: Mapping[str, Mapping[str, Any]]) -> None:
        folder = self._folder / "config"
        (folder / "labconfig").mkdir(parents=True)
        needed = {"LabApp": {"expose_app_in_browser": True, "extension_manager": "readonly"}, **config}
        for name in ("server", "lab"):
            (folder / f"jupyter_{name}_config.json").write_text(json.dumps(needed))
        overrides = {
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
        }
        (folder / "labconfig/default_setting_overrides.json").write_text(json.dumps(overrides))

    def _wait(self, condition: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if condition():
                    return
            except (httpx.TransportError, KeyError, ValueError):
                pass  # not listening yet
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError(f"JupyterHub did not get ready:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self._port}{self.base_url}"

    @property
    def redirect_uri(self) -> str:
        return f"{self._origin('oidc-widget--service')}{self.base_url}services/oidc-widget/callback"

    def user_url(self, name: str, server: str = "") -> str:
        path = f"user/{name}/{server}/" if server else f"user/{name}/"
        return f"{self._origin(name)}{self.base_url}{path}"

    def server(self, name: str, server: str = "") -> UserServer:
        """Return a running server of a user, for `lab.Lab`."""
        return UserServer(self, name, server)

    def _origin(self, label: str) -> str:
        return f"http://{f'{label}.' if self.subdomain else ''}{self.host}:{self._port}"

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Ask the Hub's own domain, without signing in; `path` is one under `base_url`."""
        headers = {"Host": f"{self.host}:{self._port}", **how.pop("headers", {})}
        if self.subdomain and path.startswith("services/oidc-widget"):
            headers["Host"] = f"oidc-widget--service.{headers['Host']}"
        address = f"http://127.0.0.1:{self._port}{self.base_url}{path}"
        return httpx.request(method, address, headers=headers, trust_env=False, **how)

    def api(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Ask the Hub's API as an administrator."""
        headers = {"Authorization": f"token {self._token}"}
        answer = self.request(method, f"hub/api/{path}", headers=headers, timeout=PATIENCE, **how)
        answer.raise_for_status()
        return answer

    def start_server(self, name: str, server: str = "") -> None:
        """Start a user's server, and wait until it answers."""
        self.start_servers([name], server)

    def start_servers(self, names: Sequence[str], server: str = "") -> None:
        """Start the servers of several users at the same time, and wait until each answers."""
        known = {user["name"] for user in self.api("GET", "users").json()}
        for name in names:
            if name not in known:
                self.api("POST", f"users/{name}")
            self.api("POST", f"users/{name}/servers/{server}" if server else f"users/{name}/server")
        for name in names:
            self._wait(lambda name=name: self.api("GET", f"users/{name}").json()["servers"][server]["ready"])

    def stop_server(self, name: str, server: str = "") -> None:
        """Stop a user's server, and wait until it is gone."""
        self.api("DELETE", f"users/{name}/servers/{server}" if server else f"users/{name}/server")
        self._wait(lambda: server not in self.api("GET", f"users/{name}").json()["servers"])

    def logged(self) -> str:
        """Return what the Hub, its proxy, the service and the users' servers logged."""
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        """End it, with its proxy, its service and its users' servers."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class UserServer:
    """A user's server, as `lab.Lab` wants a server.

    Attributes
    ----------
    root
        The folder that it serves, a `pathlib.Path`.
    """

    app = "lab"

    def __init__(self, hub: Hub, name: str, server: str = "") -> None:
        self.root = hub.log.parent / "homes" / name
        self.url = hub.user_url(name, server)

    def address(self, path: str = "lab", *, host: str = "localhost") -> str:
        """Return the address of a page, to which the Hub's cookies sign in."""
        if host != "localhost":
            raise ValueError("A Hub's pages have the Hub's name.")
        return f"{self.url}{quote(path)}"


def _free_ports(count: int) -> list[int]:
    """Find ports that are free now; all at once, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
