"""``POST oidc-widget/api/providers/<name>/token`` and ``…/revoke``, and ``GET …/metadata``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from .responses import JSONHandler

if TYPE_CHECKING:
    from .directory import Directory

__all__ = ["MetadataHandler", "RevocationHandler", "TokenHandler"]


class _RelayHandler(JSONHandler):
    """Take a request of a signed-in user.

    The body is not read piece by piece: a server that answers before it has read all of it cuts the
    connection, and the answer is lost on the way; what the server buffers at most is
    ``ServerApp.max_body_size``, here as everywhere.
    """

    def initialize(self, directory: Directory) -> None:
        """Take what the route was given."""
        self._directory = directory

    @property
    def _user(self) -> str:
        return str(self.current_user.username)

    @property
    def _form(self) -> tuple[str, bytes]:
        return self.request.headers.get("Content-Type", ""), self.request.body


class TokenHandler(_RelayHandler):
    """Pass a token request on."""

    @authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Answer as the provider's token endpoint would."""
        relay = await self._directory.relay_of(name)
        self.answer(*await relay.token(name, self._user, *self._form))


class RevocationHandler(_RelayHandler):
    """Pass a revocation request on."""

    @authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Answer whether the provider revoked the token."""
        relay = await self._directory.relay_of(name)
        self.answer(*await relay.revoke(name, self._user, *self._form))


class MetadataHandler(_RelayHandler):
    """Pass on what a provider publishes about itself."""

    @authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Answer with the discovery document and the keys."""
        relay = await self._directory.relay_of(name)
        self.answer(*await relay.metadata(name, self._user))
