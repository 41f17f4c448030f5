"""The Hub's token relay: the client's secret is with the Hub, and on nobody's server.

Users' servers ask it with their own API tokens (``oidc_widget.server.hub_relay``); browsers never do,
and their cookies count for nothing here, so there is nothing to forge.
"""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuth  # type: ignore[import-untyped]  # no py.typed

from oidc_widget.relay import Refusal, Relay, handlers, parse_providers

from .configuration import PROVIDERS_VARIABLE
from .target import is_own_server

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["relay_of_environment", "relay_routes"]

log = logging.getLogger("oidc_widget.hub")


def relay_of_environment(environ: Mapping[str, str] = os.environ) -> Relay:
    """Make the relay of the providers that ``jupyterhub_config.py`` names.

    Returns
    -------
    Relay
        The relay; a provider with a wrong setting is left out, and the log says why.
    """
    providers, errors = parse_providers(json.loads(environ.get(PROVIDERS_VARIABLE, "{}")))
    for error in errors:
        log.error("%s This provider is left out.", error)
    base_url = environ.get("JUPYTERHUB_BASE_URL", "/")
    callback = environ.get("JUPYTERHUB_SERVICE_PREFIX", "/services/oidc-widget/") + "callback"

    def is_callback(address: str, user: str) -> bool:
        # Under whatever name people see the Hub; a server that was not told of this service uses its own.
        return urlsplit(address).path == callback or is_own_server(address, user, base_url=base_url)

    return Relay(providers, log, is_callback=is_callback)


class _OfThisHub(handlers.RelayHandler):
    """Whose server asks, the token in ``Authorization`` says."""

    async def user(self) -> str:
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        model = None
        if scheme.lower() in {"token", "bearer"} and token:
            model = await HubOAuth.instance().user_for_token(token, sync=False)
        if model is None or model.get("kind") != "user":
            raise Refusal(
                403, "not_signed_in_to_jupyter", "This is for the servers of this JupyterHub's users."
            )
        return str(model["name"])


class _ProvidersHandler(_OfThisHub, handlers.ProvidersHandler):
    pass


class _TokenHandler(_OfThisHub, handlers.TokenHandler):
    pass


class _RevocationHandler(_OfThisHub, handlers.RevocationHandler):
    pass


class _MetadataHandler(_OfThisHub, handlers.MetadataHandler):
    pass


def relay_routes(prefix: str, relay: Relay) -> list[Any]:
    """List the relay's routes.

    Parameters
    ----------
    prefix : str
        The path that the service is served under, with a slash at the end.
    relay : Relay
        The relay.

    Returns
    -------
    list of tuple
        The routes, as for ``tornado.web.Application``.
    """
    given = {"relay": relay}
    providers = f"{prefix}api/providers"
    return [
        (providers, _ProvidersHandler, given),
        (f"{providers}/([^/]+)/token", _TokenHandler, given),
        (f"{providers}/([^/]+)/revoke", _RevocationHandler, given),
        (f"{providers}/([^/]+)/metadata", _MetadataHandler, given),
    ]
