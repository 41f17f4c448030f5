"""``oidc-widget/api/…``: the configured providers and their relay, for signed-in users of this server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import authenticated

from oidc_widget.relay import handlers

if TYPE_CHECKING:
    from oidc_widget.relay import RelayLike

__all__ = ["routes"]


class _OfThisServer(handlers.RelayHandler, APIHandler):
    """Who the user is, Jupyter Server says."""

    auth_resource = "oidc-widget"
    # A browser asks by itself, to renew and to be ready: else no server with a widget would ever be idle.
    _track_activity = False

    async def user(self) -> str:
        return str(self.current_user.username)


class _ProvidersHandler(_OfThisServer):
    def initialize(self, relay: RelayLike, redirect_uri: str | None) -> None:  # type: ignore[override]  # one more
        super().initialize(relay)
        self._redirect_uri = redirect_uri

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the providers, and the one redirect address of all of them, if there is one."""
        self.answer(200, {"redirect_uri": self._redirect_uri, "providers": await self._relay.listed()})


class _TokenHandler(_OfThisServer, handlers.TokenHandler):
    @authenticated
    @authorized
    async def post(self, name: str) -> None:  # type: ignore[override]  # the decorators have loose types
        await super().post(name)


class _RevocationHandler(_OfThisServer, handlers.RevocationHandler):
    @authenticated
    @authorized
    async def post(self, name: str) -> None:  # type: ignore[override]  # the decorators have loose types
        await super().post(name)


class _MetadataHandler(_OfThisServer, handlers.MetadataHandler):
    @authenticated
    @authorized
    async def get(self, name: str) -> None:  # type: ignore[override]  # as above
        await super().get(name)


def routes(base: str, relay: RelayLike, redirect_uri: str | None) -> list[Any]:
    """List the API's routes.

    Parameters
    ----------
    base : str
        ``{base_url}oidc-widget``.
    relay : RelayLike
        The providers.
    redirect_uri : str or None
        The one redirect address for all of them, if it is not this server's own.
    """
    providers, given = url_path_join(base, "api", "providers"), {"relay": relay}
    one = url_path_join(providers, "([^/]+)")
    return [
        (providers, _ProvidersHandler, {**given, "redirect_uri": redirect_uri}),
        (url_path_join(one, "token"), _TokenHandler, given),
        (url_path_join(one, "revoke"), _RevocationHandler, given),
        (url_path_join(one, "metadata"), _MetadataHandler, given),
    ]
