"""The demo below a Jupyter server's own address, for browsers that don't reach its loopback (Binder).

A server extension that is not enabled by installing the package; ``binder/postBuild`` does it. It serves
the provider at ``{base_url}oidc-widget-demo/``. Which address that is for a browser, a server behind a
proxy does not know before somebody comes. So people come by ``{base_url}oidc-widget-demo/start``, which
makes the demo for the address that they came by, tells kernels that are started later, and opens the
quickstart notebook.
"""

from __future__ import annotations

import os
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import FallbackHandler, HTTPError, authenticated
from tornado.wsgi import WSGIContainer
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from oidc_widget.demo.api import create_api
from oidc_widget.demo.jupyter import NOTEBOOK
from oidc_widget.demo.loopback import LoopbackServer
from oidc_widget.demo.provider import create_provider

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp
    from tornado.httputil import HTTPServerRequest

PATH = "oidc-widget-demo"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server_app: ServerApp) -> None:
    demo = Demo(server_app.base_url)
    path = url_path_join(server_app.base_url, PATH)
    server_app.web_app.add_handlers(  # type: ignore[no-untyped-call]  # of Jupyter Server
        ".*$",
        [
            (f"{path}/start", StartHandler, {"demo": demo, "folder": Path(server_app.root_dir)}),
            (f"{path}/.*", ProviderHandler, {"fallback": demo}),
        ],
    )


class Demo:
    """The provider for the address that the person came by, and its API.

    Parameters
    ----------
    base_url : str
        The Jupyter server's.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._origin = ""
        self._provider: WSGIContainer | None = None
        self._api: LoopbackServer | None = None

    def start(self, origin: str) -> None:
        """Make provider and API for an origin, and tell kernels that are started from now on."""
        if origin == self._origin:
            return
        if self._api:
            self._api.stop()
        path = url_path_join(self._base_url, PATH)
        issuer = f"{origin}{path}"
        self._api = LoopbackServer()
        provider = create_provider(
            issuer,
            resources=[self._api.url],
            callback=f"{origin}{url_path_join(self._base_url, 'oidc-widget/callback')}",
        )
        self._provider = _QuietContainer(DispatcherMiddleware(NotFound(), {path: provider}))
        # The keys by hand: a server need not reach itself by the address that browsers have for it.
        keys = provider.extensions["oidc_demo"].realm.keys.as_dict(private=False)
        self._api.serve(create_api(issuer=issuer, audience=self._api.url, keys=keys))
        os.environ.update(OIDC_DEMO_AUTHORITY=issuer, OIDC_DEMO_API=self._api.url)
        self._origin = origin

    def __call__(self, request: HTTPServerRequest) -> None:
        """Let the provider answer a request."""
        if self._provider is None:
            raise HTTPError(404, "Begin at …/oidc-widget-demo/start.")
        self._provider(request)


class _QuietContainer(WSGIContainer):
    """No line per request: addresses at a provider carry codes."""

    def _log(self, *_: object) -> None:
        """Log nothing."""


class StartHandler(JupyterHandler):
    """Where the person begins, who is signed in to Jupyter."""

    def initialize(self, demo: Demo, folder: Path) -> None:
        """Take the server's one demo, and the folder that it shows."""
        self._demo = demo
        self._folder = folder

    @authenticated
    def get(self) -> None:
        """Start the demo, and show its notebook."""
        self._demo.start(_origin(self.request))
        here = self._folder / NOTEBOOK
        if not here.exists():
            with as_file(files("oidc_widget.demo") / NOTEBOOK) as notebook:
                shutil.copyfile(notebook, here)
        self.redirect(url_path_join(self.base_url, "lab/tree", NOTEBOOK))


def _origin(request: HTTPServerRequest) -> str:
    """Read the origin that the browser shows. Of several proxies, the first to write is nearest to it."""

    def seen(header: str, here: str) -> str:
        return request.headers.get(header, here).partition(",")[0].strip()

    return f"{seen('X-Forwarded-Proto', request.protocol)}://{seen('X-Forwarded-Host', request.host)}"


class ProviderHandler(FallbackHandler):
    """The provider's pages and endpoints, which are for everybody, as any provider's are."""

    def check_xsrf_cookie(self) -> None:
        """Leave it to the provider, whose forms have a token of their own."""

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say what is missing."""
        self.finish(f"{status_code}: begin at …/{PATH}/start, so that the demo knows its own address.\n")
