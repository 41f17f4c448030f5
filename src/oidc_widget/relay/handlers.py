"""The relay over HTTP, for Tornado: the Jupyter server and the Hub's service differ only in who the user is.

``GET api/providers``, ``POST api/providers/<name>/token`` and ``…/revoke``, ``GET …/metadata``.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError, RequestHandler

from oidc_widget.message_page import SECURITY_HEADERS

from .refusal import Refusal

if TYPE_CHECKING:
    from .relays import RelayLike

__all__ = [
    "JSONHandler",
    "MetadataHandler",
    "ProvidersHandler",
    "RelayHandler",
    "RevocationHandler",
    "TokenHandler",
]

log = logging.getLogger("oidc_widget.relay")

_POLICY = "default-src 'none'; frame-ancestors 'none'"  # JSON has no use for anything


class JSONHandler(RequestHandler):
    """Base of the API: what all answers have in common, and how errors look.

    The body is not read piece by piece: a server that answers before it has read all of it cuts the
    connection, and the answer is lost on the way; what is buffered at most is the server's own limit.
    """

    @property
    def content_security_policy(self) -> str:
        """Nothing (Jupyter Server asks for it, and sends it)."""
        return _POLICY

    def set_default_headers(self) -> None:
        """Set ours over the server's own headers, which an administrator may have changed."""
        super().set_default_headers()
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("Content-Type", "application/json")

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """Finish with a JSON document."""
        self.set_status(status)
        for name, value in (headers or {}).items():
            self.set_header(name, value)
        self.finish(body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer in the form that everything here has."""
        error = kwargs.get("exc_info", (None, None))[1]
        if not isinstance(error, Refusal):
            error = _refusal(status_code, error)
        self.answer(error.status, error.body, error.headers)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Keep foreseen refusals out of the error log; never log a request, which holds codes and tokens."""
        logger = getattr(self, "log", log)  # Jupyter Server's handlers have one
        if isinstance(value, (Refusal, HTTPError)):
            logger.debug("oidc_widget | %s", value)
        else:
            logger.error("oidc_widget | %s failed", type(self).__name__, exc_info=(typ, value, tb))


class RelayHandler(JSONHandler):
    """Base of what asks the relay."""

    def initialize(self, relay: RelayLike) -> None:
        """Take what the route was given."""
        self._relay = relay

    async def user(self) -> str:
        """Return who asks.

        Raises
        ------
        Refusal
            Nobody who may.
        """
        raise NotImplementedError

    @property
    def form(self) -> tuple[str, bytes]:
        """The request's content type and body."""
        return self.request.headers.get("Content-Type", ""), self.request.body


class ProvidersHandler(RelayHandler):
    """List the providers, without anything secret."""

    async def get(self) -> None:
        """Answer with what browsers may know."""
        await self.user()
        self.answer(HTTPStatus.OK, {"providers": await self._relay.listed()})


class TokenHandler(RelayHandler):
    """Pass a token request on."""

    async def post(self, name: str) -> None:
        """Answer as the provider's token endpoint would."""
        self.answer(*await self._relay.token(name, await self.user(), *self.form))


class RevocationHandler(RelayHandler):
    """Pass a revocation request on."""

    async def post(self, name: str) -> None:
        """Answer whether the provider revoked the token."""
        self.answer(*await self._relay.revoke(name, await self.user(), *self.form))


class MetadataHandler(RelayHandler):
    """Pass on what a provider publishes about itself."""

    async def get(self, name: str) -> None:
        """Answer with the discovery document and the keys."""
        self.answer(*await self._relay.metadata(name, await self.user()))


def _refusal(status: int, error: BaseException | None) -> Refusal:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        reason = error.log_message if isinstance(error, HTTPError) and error.log_message else None
        return Refusal(
            status,
            "not_signed_in_to_jupyter",
            reason or "This is for signed-in users of this Jupyter server only; reload the page.",
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refusal(status, "server_error", "The server failed; its log says why.")
    return Refusal(status, "invalid_request", "The server refused this request.")
