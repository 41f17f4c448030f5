"""Puts the extension's routes and configuration into a Jupyter server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.utils import url_path_join

from oidc_widget.oauth.callback_address import TAIL_PATTERN
from oidc_widget.relay import Relay

from .api import ProvidersHandler
from .callback import CallbackHandler
from .configuration import OIDCWidget
from .directory import Directory
from .hub_relay import HubRelay
from .relay import MetadataHandler, RevocationHandler, TokenHandler

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["load"]


def load(server_app: ServerApp) -> None:
    """Add the routes under ``{base_url}oidc-widget/``.

    Parameters
    ----------
    server_app : ServerApp
        The starting server.
    """
    providers, redirect_uri = OIDCWidget(parent=server_app).load()
    hub = HubRelay.of_environment(server_app.log)
    directory = Directory([Relay(providers, server_app.log), *([hub] if hub else [])])
    listed = {"directory": directory, "redirect_uri": redirect_uri}
    relayed = {"directory": directory}
    base = url_path_join(server_app.base_url, "oidc-widget")
    server_app.web_app.add_handlers(  # type: ignore[no-untyped-call]  # of Jupyter Server
        ".*$",
        [
            (url_path_join(base, "callback"), CallbackHandler),
            (url_path_join(base, "callback", TAIL_PATTERN), CallbackHandler),
            (url_path_join(base, "api", "providers"), ProvidersHandler, listed),
            (url_path_join(base, "api", "providers", "([^/]+)", "token"), TokenHandler, relayed),
            (url_path_join(base, "api", "providers", "([^/]+)", "metadata"), MetadataHandler, relayed),
            (url_path_join(base, "api", "providers", "([^/]+)", "revoke"), RevocationHandler, relayed),
        ],
    )
