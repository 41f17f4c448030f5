"""Puts the extension's routes and configuration into a Jupyter server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_server.utils import url_path_join

from oidc_widget.oauth.callback_address import TAIL_PATTERN
from oidc_widget.relay import Relay, Relays
from oidc_widget.terminal import PID_VARIABLE

from . import api, terminal_api
from .callback import CallbackHandler
from .configuration import OIDCWidget, is_callback
from .hub_relay import HubRelay

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["load"]


def load(server_app: ServerApp) -> None:
    """Add the routes under ``{base_url}oidc-widget/``."""
    os.environ[PID_VARIABLE] = str(os.getpid())
    providers, redirect_uri = OIDCWidget(parent=server_app).load()
    hub = HubRelay.of_environment(server_app.log)
    base = url_path_join(server_app.base_url, "oidc-widget")
    own = Relay(providers, server_app.log, is_callback=is_callback(redirect_uri or f"{base}/callback"))
    relays = Relays([own, *([hub] if hub else [])])
    server_app.web_app.add_handlers(  # type: ignore[no-untyped-call]  # of Jupyter Server
        ".*$",
        [
            (url_path_join(base, "callback"), CallbackHandler),
            (url_path_join(base, "callback", TAIL_PATTERN), CallbackHandler),
            *api.routes(base, relays, redirect_uri),
            *terminal_api.routes(base),
        ],
    )
