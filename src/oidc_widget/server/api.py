"""``GET oidc-widget/api/providers``: what the administrator configured, for the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from .responses import JSONHandler

if TYPE_CHECKING:
    from .directory import Directory

__all__ = ["ProvidersHandler"]


class ProvidersHandler(JSONHandler):
    """List the configured providers, without anything secret."""

    def initialize(self, directory: Directory, redirect_uri: str | None) -> None:
        """Take what the route was given."""
        self._directory = directory
        self._redirect_uri = redirect_uri

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the list."""
        providers = await self._directory.providers()
        self.answer(200, {"redirect_uri": self._redirect_uri, "providers": list(providers.values())})
