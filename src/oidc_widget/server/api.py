"""``GET oidc-widget/api/providers``: what the administrator configured, for the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from .responses import JSONHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .providers import ConfiguredProvider

__all__ = ["ProvidersHandler"]


class ProvidersHandler(JSONHandler):
    """List the configured providers, without anything secret."""

    def initialize(self, providers: Mapping[str, ConfiguredProvider], redirect_uri: str | None) -> None:
        """Take what the route was given."""
        self._answer = {
            "redirect_uri": redirect_uri,
            "providers": [provider.public() for provider in providers.values()],
        }

    @authenticated
    @authorized
    def get(self) -> None:
        """Answer with the list."""
        self.answer(200, self._answer)
