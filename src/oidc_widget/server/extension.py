"""Puts the extension's routes and configuration into a Jupyter server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.utils import url_path_join

from .callback import CallbackHandler

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
    base = url_path_join(server_app.base_url, "oidc-widget")
    server_app.web_app.add_handlers(  # type: ignore[no-untyped-call]  # of Jupyter Server
        ".*$",
        [
            (url_path_join(base, "callback"), CallbackHandler),
        ],
    )
