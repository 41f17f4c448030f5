"""The Hub's token relay: the client's secret is with the Hub, and on nobody's server.

Users' servers ask it with their own API tokens (``oidc_widget.server.hub_relay``); browsers never do,
and their cookies count for nothing here, so there is nothing to forge.
"""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

from jupyterhub.services.auth import HubOAuth  # type: ignore[import-untyped]  # no py.typed
from tornado.web import RequestHandler

from oidc_widget.message_page import SECURITY_HEADERS
from oidc_widget.relay import Refusal, Relay, parse_providers

from .configuration import PROVIDERS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["relay_of_environment", "relay_routes"]

log = logging.getLogger("oidc_widget.hub")


def relay_of_environment(environ: Mapping[str, str] = os.environ) -> Relay:
    """Make the relay of the providers that ``jupyterhub_config.py`` names.

    Parameters
    ----------
    environ : Mapping, optional
        The service's environment.

    Returns
    -------
    Relay
        The relay; a wrong entry is left out, and the log says why.
    """
    providers, errors = parse_providers(json.loads(environ.get(PROVIDERS_VARIABLE, "{}")))
    for error in errors:
        log.error("%s This provider is left out.", error)
    return Relay(providers, log)


class _RelayHandler(RequestHandler):
    """Answer a user's server."""

    def initialize(self, relay: Relay) -> None:
        """Take what the route was given."""
        self._relay = relay

    def set_default_headers(self) -> None:
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.set_header("Content-Type", "application/json")

    async def user(self) -> str:
        """Tell whose server asks, by the token in ``Authorization``."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        model = None
        if scheme.lower() in {"token", "bearer"} and token:
            model = await HubOAuth.instance().user_for_token(token, sync=False)
        if model is None or model.get("kind") != "user":
            raise Refusal(
                403, "not_signed_in_to_jupyter", "This is for the servers of this JupyterHub's users."
            )
        return str(model["name"])

    def answer(self, status: int, document: Any) -> None:
        """Finish with a JSON document."""
        self.set_status(status)
        self.finish(document)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        if not isinstance(error, Refusal):
            error = Refusal(
                status_code, "server_error", "JupyterHub's sign-in service failed; its log says why."
            )
        for name, value in error.headers.items():
            self.set_header(name, value)
        self.answer(error.status, error.body)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Never log a request, which holds codes and tokens."""
        if isinstance(value, Refusal):
            log.info("%s: %s", type(self).__name__, value)
        else:
            log.error("%s failed", type(self).__name__, exc_info=(typ, value, tb))

    @property
    def form(self) -> tuple[str, bytes]:
        """The request's content type and body."""
        return self.request.headers.get("Content-Type", ""), self.request.body


class ProvidersHandler(_RelayHandler):
    """List the Hub's providers."""

    async def get(self) -> None:
        """Answer with what browsers may know."""
        await self.user()
        self.answer(200, {"providers": await self._relay.listed()})


class TokenHandler(_RelayHandler):
    """Pass a token request on."""

    async def post(self, name: str) -> None:
        """Answer as the provider's token endpoint would."""
        self.answer(*await self._relay.token(name, await self.user(), *self.form))


class RevocationHandler(_RelayHandler):
    """Pass a revocation request on."""

    async def post(self, name: str) -> None:
        """Answer whether the provider revoked the token."""
        self.answer(*await self._relay.revoke(name, await self.user(), *self.form))


class MetadataHandler(_RelayHandler):
    """Pass on what a provider publishes about itself."""

    async def get(self, name: str) -> None:
        """Answer with the discovery document and the keys."""
        self.answer(*await self._relay.metadata(name, await self.user()))


def relay_routes(prefix: str, relay: Relay) -> list[tuple[str, type[RequestHandler], dict[str, Relay]]]:
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
        (providers, ProvidersHandler, given),
        (f"{providers}/([^/]+)/token", TokenHandler, given),
        (f"{providers}/([^/]+)/revoke", RevocationHandler, given),
        (f"{providers}/([^/]+)/metadata", MetadataHandler, given),
    ]
