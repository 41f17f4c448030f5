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

#: What the labextension sends over a kernel's control channel (`frontend/labextension/control-channel.ts`).
_DELIVERY = "oidc_widget_deliver"


def load(server_app: ServerApp) -> None:
    """Add the routes under ``{base_url}oidc-widget/``."""
    _leave_untracked(server_app)
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


def _leave_untracked(server_app: ServerApp) -> None:
    """Have a token that arrives be no activity of its kernel's.

    The server takes what goes over the control channel for a person's work unless it is told which types to
    leave aside: a kernel would never be idle long enough to be culled, and would be idle, for the server and
    in JupyterLab, while its cell runs.
    """
    manager = server_app.kernel_manager
    types = getattr(manager, "untracked_message_types", None)
    if types is None:
        return  # Jupyter Server before 2.15 counts all there is
    manager.untracked_message_types = [*types, _DELIVERY, f"{_DELIVERY}_reply"]
    # JupyterLab has taken a copy for its pages, if it was loaded before.
    page_config = server_app.web_app.settings.get("page_config_data", {})
    if "untracked_message_types" in page_config:
        page_config["untracked_message_types"] = manager.untracked_message_types
