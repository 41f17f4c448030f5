"""The relay itself: checks a request, sends it to the provider, and sorts the answer."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError

from .rate_limit import RateLimit
from .refusal import Refusal
from .token_request import MAX_BODY, Form, read_form, revocation_request, token_request
from .token_response import account, token_response
from .upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from logging import Logger, LoggerAdapter

    from oidc_widget.oauth.answer import Answer

    from .providers import ConfiguredProvider

__all__ = ["Relay"]

# For each user and provider. Twelve notebooks with six-second tokens of their own stay below it.
_BURST = 60
_PER_SECOND = 2.0


def _is_any_callback(address: str, _user: str) -> bool:
    return urlsplit(address).path.endswith("/oidc-widget/callback")


class Relay:
    """Passes token requests of signed-in users on to the configured providers.

    Parameters
    ----------
    providers : Mapping
        The providers by name.
    log : logging.Logger
        Where the administrator looks.
    is_callback : callable, optional
        Tells, of an address and a user, whether it is the redirect address of providers that have none of
        their own; that of any Jupyter server, unless given.

    Raises
    ------
    Refusal
        From each method that is asked for something: what to answer instead.
    """

    def __init__(
        self,
        providers: Mapping[str, ConfiguredProvider],
        log: Logger | LoggerAdapter[Any],
        *,
        is_callback: Callable[[str, str], bool] = _is_any_callback,
    ) -> None:
        self._providers = providers
        self._is_callback = is_callback
        self._upstreams = {name: Upstream(provider) for name, provider in providers.items()}
        self._rate_limit = RateLimit(_BURST, _PER_SECOND)
        self._log = log

    async def listed(self) -> list[dict[str, Any]]:
        """List what browsers may know of the providers."""
        return [provider.public() for provider in self._providers.values()]

    async def token(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a token request on (RFC 6749 §4.1.3 and §6).

        Parameters
        ----------
        name : str
            The provider's name.
        user : str
            Who asks.
        content_type : str
            The request's ``Content-Type``.
        body : bytes
            The request's body: a form.
        """
        provider, answer = await self._send(name, user, "token_endpoint", token_request, content_type, body)
        status, document = token_response(answer, name=name, oidc=provider.oidc)
        self._refused(name, document)
        if status == HTTPStatus.OK and provider.userinfo_endpoint is not None and not provider.oidc:
            claims = await self._account(name, provider.userinfo_endpoint, document["access_token"])
            if claims is not None:
                document["userinfo"] = claims
        return status, document

    async def revoke(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a revocation request on (RFC 7009); parameters and result as of :meth:`token`."""
        provider, answer = await self._send(
            name, user, "revocation_endpoint", revocation_request, content_type, body
        )
        if answer.status == HTTPStatus.OK:
            return HTTPStatus.OK, {}
        status, document = token_response(answer, name=name, oidc=provider.oidc)
        self._refused(name, document)
        return status, document

    async def metadata(self, name: str, user: str) -> tuple[int, Any]:
        """Pass on what a provider publishes about itself, for browsers that its lack of CORS shuts out."""
        if not self._provider(name, user).oidc:
            raise Refusal(404, "invalid_request", f"The provider {name!r} has no discovery document.")
        upstream = self._upstreams[name]
        return HTTPStatus.OK, {
            "metadata": (await upstream.provider()).metadata,
            "jwks": await upstream.keys(),
        }

    async def _send(  # noqa: PLR0913, PLR0917  # a request, and what to do with it
        self,
        name: str,
        user: str,
        endpoint: str,
        check: Callable[[Form, ConfiguredProvider, Callable[[str], bool]], Form],
        content_type: str,
        body: bytes,
    ) -> tuple[ConfiguredProvider, Answer]:
        """Check the request, and send it with the client's authentication."""
        provider = self._provider(name, user)
        if len(body) > MAX_BODY:
            raise Refusal(413, "invalid_request", f"The body has more than {MAX_BODY} bytes.")
        form = check(
            read_form(content_type, body), provider, lambda address: self._is_callback(address, user)
        )
        upstream = self._upstreams[name]
        address = await upstream.endpoint(endpoint)
        if address is None:
            raise Refusal(404, "invalid_request", f"The provider {name!r} has no {endpoint}.")
        try:
            return provider, await upstream.post(address, form)
        except ConfigurationError as error:
            sentence = "oidc_widget | The client authentication of %r: %s"
            self._log.error(sentence, name, error)  # the sentence says it all
            raise Refusal(
                500, "invalid_configuration", "The client's secret can't be used; the server's log says why."
            ) from error

    def _provider(self, name: str, user: str) -> ConfiguredProvider:
        provider = self._providers.get(name)
        if provider is None:
            raise Refusal.unknown_provider(self._providers)
        if not provider.relay:
            raise Refusal(404, "invalid_request", f"The provider {name!r} is configured without a relay.")
        wait = self._rate_limit.wait((user, name))
        if wait:
            raise Refusal(
                429,
                "too_many_requests",
                "Too many requests in a short time; try again in a while.",
                {"Retry-After": str(math.ceil(wait))},
            )
        return provider

    def _refused(self, name: str, document: dict[str, Any]) -> None:
        """Tell the administrator, and the person, what nobody at the browser is at fault for."""
        error = document.get("error")
        if error not in {"invalid_client", "unauthorized_client"}:
            return
        self._log.error(
            "oidc_widget | The provider %r refused this server's client authentication (%s).", name, error
        )
        said = document.get("error_description")
        document["error_description"] = (
            f"The provider {name!r} does not accept how this server proves that it is the client: its "
            "administrator should check the client's secret or key, and its grants."
            + (f" The provider says: {said}" if said else "")
        )

    async def _account(self, name: str, address: str, access_token: str) -> dict[str, str] | None:
        """Ask who signed in, where no ID token says it; the token is good without the name."""
        try:
            answer = await self._upstreams[name].request(
                "GET", address, headers={"Authorization": f"Bearer {access_token}"}
            )
        except Refusal as refusal:
            self._log.warning("oidc_widget | userinfo of %r: %s", name, refusal.sentence)
            return None
        claims = account(answer)
        if claims is None:
            self._log.warning("oidc_widget | userinfo of %r names nobody (status %d)", name, answer.status)
        return claims
