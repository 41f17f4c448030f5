"""Puts the extension's routes and configuration into a Jupyter server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.utils import url_path_join

from .api import ProvidersHandler
from .callback import CallbackHandler
from .configuration import OIDCWidget
from .rate_limit import RateLimit
from .relay import MetadataHandler, RevocationHandler, TokenHandler
from .upstream import Upstream

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["load"]

# For each user and provider. Twelve notebooks with six-second tokens of their own stay below it.
_BURST = 60
_PER_SECOND = 2.0


def load(server_app: ServerApp) -> None:
    """Add the routes under ``{base_url}oidc-widget/``.

    Parameters
    ----------
    server_app : ServerApp
        The starting server.
    """
    providers, redirect_uri = OIDCWidget(parent=server_app).load()
    listed = {"providers": providers, "redirect_uri": redirect_uri}
    relayed = {
        "providers": providers,
        "upstreams": {name: Upstream(provider) for name, provider in providers.items()},
        "rate_limit": RateLimit(_BURST, _PER_SECOND),
    }
    base = url_path_join(server_app.base_url, "oidc-widget")
    server_app.web_app.add_handlers(  # type: ignore[no-untyped-call]  # of Jupyter Server
        ".*$",
        [
            (url_path_join(base, "callback"), CallbackHandler),
            (url_path_join(base, "api", "providers"), ProvidersHandler, listed),
            (url_path_join(base, "api", "providers", "([^/]+)", "token"), TokenHandler, relayed),
            (url_path_join(base, "api", "providers", "([^/]+)", "metadata"), MetadataHandler, relayed),
            (url_path_join(base, "api", "providers", "([^/]+)", "revoke"), RevocationHandler, relayed),
        ],
    )
