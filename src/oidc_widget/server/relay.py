"""The token relay: requests that need the client's secret, or a provider without CORS.

A token-mediating backend (OAuth 2.0 for Browser-Based Applications §6.2): the browser's vault makes
state, nonce and PKCE and keeps the tokens; the server adds the client's authentication and keeps
nothing. ``POST oidc-widget/api/providers/<name>/token`` and ``…/revoke``; and for providers that
browsers can't read at all, ``GET …/metadata``.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from oidc_widget.errors import ConfigurationError

from .relay_request import MAX_BODY, read_form, revocation_request, token_request
from .relay_response import account, token_response
from .responses import JSONHandler, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .providers import ConfiguredProvider
    from .rate_limit import RateLimit
    from .relay_request import Form
    from .upstream import Answer, Upstream

__all__ = ["MetadataHandler", "RevocationHandler", "TokenHandler"]


class _RelayHandler(JSONHandler):
    """Take a form from a signed-in user, and send it on.

    The body is not read piece by piece: a server that answers before it has read all of it cuts the
    connection, and the answer is lost on the way; what the server buffers at most is
    ``ServerApp.max_body_size``, here as everywhere.
    """

    def initialize(
        self,
        providers: Mapping[str, ConfiguredProvider],
        upstreams: Mapping[str, Upstream],
        rate_limit: RateLimit,
    ) -> None:
        """Take what the route was given."""
        self._providers = providers
        self._upstreams = upstreams
        self._rate_limit = rate_limit

    async def _relay(
        self,
        name: str,
        endpoint: str,
        check: Callable[[Form, ConfiguredProvider], Form],
    ) -> tuple[ConfiguredProvider, Answer]:
        """Check the request, and send it to the provider with the client's authentication."""
        provider = self._provider(name)
        if len(self.request.body) > MAX_BODY:
            raise Refusal(413, "invalid_request", f"The body has more than {MAX_BODY} bytes.")
        form = check(read_form(self.request.headers.get("Content-Type", ""), self.request.body), provider)
        upstream = self._upstreams[name]
        address = await upstream.endpoint(endpoint)
        if address is None:
            raise Refusal(404, "invalid_request", f"The provider {name!r} has no {endpoint}.")
        try:
            return provider, await upstream.post(address, form)
        except ConfigurationError as error:
            sentence = "oidc_widget | The client authentication of %r: %s"
            self.log.error(sentence, name, error)  # noqa: TRY400  # the sentence says it all
            raise Refusal(
                500, "invalid_configuration", "The client's secret can't be used; the server's log says why."
            ) from error

    def _provider(self, name: str) -> ConfiguredProvider:
        provider = self._providers.get(name)
        if provider is None:
            known = ", ".join(self._providers) or "none"
            raise Refusal(
                404, "unknown_provider", f"This server has no provider of that name; configured: {known}."
            )
        if not provider.relay:
            raise Refusal(404, "invalid_request", f"The provider {name!r} is configured without a relay.")
        wait = self._rate_limit.wait((self.current_user.username, name))
        if wait:
            raise Refusal(
                429,
                "too_many_requests",
                "Too many requests in a short time; try again in a while.",
                {"Retry-After": str(math.ceil(wait))},
            )
        return provider

    def _refused(self, name: str, document: Mapping[str, Any]) -> None:
        """Tell the administrator what a person at the browser can do nothing about."""
        if document.get("error") in {"invalid_client", "unauthorized_client"}:
            self.log.error(
                "oidc_widget | The provider %r refused this server's client authentication (%s).",
                name,
                document["error"],
            )


class TokenHandler(_RelayHandler):
    """Pass a token request on (RFC 6749 §4.1.3 and §6)."""

    @authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Answer as the provider's token endpoint would."""
        provider, answer = await self._relay(name, "token_endpoint", token_request)
        status, document = token_response(answer, name=name, oidc=provider.oidc)
        self._refused(name, document)
        if status == HTTPStatus.OK and provider.userinfo_endpoint is not None and not provider.oidc:
            claims = await self._account(name, provider.userinfo_endpoint, document["access_token"])
            if claims is not None:
                document["userinfo"] = claims
        self.answer(status, document)

    async def _account(self, name: str, address: str, access_token: str) -> dict[str, str] | None:
        """Ask who signed in, where no ID token says it; the token is good without the name."""
        try:
            answer = await self._upstreams[name].request(
                "GET", address, headers={"Authorization": f"Bearer {access_token}"}
            )
        except Refusal as refusal:
            self.log.warning("oidc_widget | userinfo of %r: %s", name, refusal.sentence)
            return None
        claims = account(answer)
        if claims is None:
            self.log.warning("oidc_widget | userinfo of %r names nobody (status %d)", name, answer.status)
        return claims


class RevocationHandler(_RelayHandler):
    """Pass a revocation request on (RFC 7009)."""

    @authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Answer whether the provider revoked the token."""
        provider, answer = await self._relay(name, "revocation_endpoint", revocation_request)
        if answer.status == HTTPStatus.OK:
            self.answer(200, {})
            return
        status, document = token_response(answer, name=name, oidc=provider.oidc)
        self._refused(name, document)
        self.answer(status, document)


class MetadataHandler(_RelayHandler):
    """Pass on what a provider publishes about itself, for browsers that its lack of CORS shuts out."""

    @authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Answer with the discovery document and the keys."""
        provider = self._provider(name)
        if not provider.oidc:
            raise Refusal(404, "invalid_request", f"The provider {name!r} has no discovery document.")
        upstream = self._upstreams[name]
        self.answer(200, {"metadata": await upstream.metadata(), "jwks": await upstream.keys()})
