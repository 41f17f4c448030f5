"""The Jupyter server's part: the callback page, configured providers and the token relay.

Nothing of the kernel's part is imported here, and the kernel never imports this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .extension import load

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tell the server which module holds the extension."""
    return [{"module": "oidc_widget.server"}]


def _load_jupyter_server_extension(server_app: ServerApp) -> None:
    """Add the routes to a starting server."""
    load(server_app)
