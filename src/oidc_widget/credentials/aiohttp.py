"""A middleware for ``aiohttp``.

>>> aiohttp.ClientSession(middlewares=[bearer(w, "https://api.example.com")])           # doctest: +SKIP

It sends the token as :attr:`~oidc_widget.OIDCLogin.auth` does: to these origins only, with one more try after
a 401, and over plain http to this very machine only, by no proxy. ``aiohttp`` calls a middleware again after
a redirect and doesn't say where that came from, so the origins are named.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin
from weakref import WeakKeyDictionary

from oidc_widget.bearer_request import (
    UNAUTHORIZED,
    Origin,
    asks_for_another_token,
    header,
    is_plain_http,
    origin_of,
    proxied,
    refuse_insecure,
)
from oidc_widget.credentials import tokens_of
from oidc_widget.errors import ConfigurationError
from oidc_widget.fresh_tokens import StaysHere

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from oidc_widget.fresh_tokens import FreshTokens
    from oidc_widget.login import OIDCLogin

__all__ = ["bearer"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})  # RFC 9110 §15.4


def bearer(
    w: OIDCLogin, *origins: str, resource: str | None = None, scopes: Sequence[str] | str | None = None
) -> Callable[[Any, Callable[[Any], Awaitable[Any]]], Awaitable[Any]]:
    """Return a middleware that puts a fresh token into each request to one of these origins.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    *origins : str
        Where the token goes: ``https://api.example.com``; what comes after the port doesn't count.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`.

    Raises
    ------
    ConfigurationError
        No origin is named, or others could read the token on the way there.
    """
    if not origins:
        raise ConfigurationError(
            "No origin is named, so the token would go nowhere.",
            hint='Name where it may go: bearer(w, "https://api.example.com").',
        )
    for origin in origins:
        refuse_insecure(origin)
    return _Middleware(tokens_of(w, resource, scopes), origins)


class _Middleware(StaysHere):
    def __init__(self, tokens: FreshTokens, origins: Sequence[str]) -> None:
        self._tokens = tokens
        self._origins = frozenset(map(origin_of, origins))
        #: Where a foreign origin has just sent the request of this task.
        self._sent_to: WeakKeyDictionary[asyncio.Task[Any], Origin] = WeakKeyDictionary()

    async def __call__(self, request: Any, send: Callable[[Any], Awaitable[Any]]) -> Any:
        url = str(request.url)
        if self._is_foreign(url):
            return self._followed(request, await send(request))
        if request.proxy and is_plain_http(url):
            raise proxied(url)
        token = await self._tokens.get_async()
        request.headers["Authorization"] = header(token)
        response = await send(request)
        challenges = ", ".join(response.headers.getall("WWW-Authenticate", ()))
        if response.status != UNAUTHORIZED or not asks_for_another_token(challenges):
            return response
        if getattr(request.body, "consumed", False):
            return response  # a stream, which can't be sent twice
        new = await self._tokens.instead_of_async(token)
        if new is None:
            return response
        response.release()
        request.headers["Authorization"] = header(new)
        return await send(request)

    def _is_foreign(self, url: str) -> bool:
        """Whether the request goes somewhere else, or another origin made it come here."""
        sent_to = self._sent_to.pop(_task(), None)
        return origin_of(url) not in self._origins or origin_of(url) == sent_to

    def _followed(self, request: Any, response: Any) -> Any:
        location = response.headers.get("Location")
        if response.status in _REDIRECTS and location is not None:
            self._sent_to[_task()] = origin_of(urljoin(str(request.url), location))
        return response


def _task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # aiohttp itself runs in one only
    return task
