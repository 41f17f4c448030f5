"""``auth=`` for ``requests``, ``httpx`` and ``httpx2``: a fresh token in each request, and nowhere else.

One object is for all: ``requests`` calls it with the request, the other two find a flow in it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.bearer_request import (
    UNAUTHORIZED,
    Origin,
    asks_for_another_token,
    header,
    origin_of,
    refuse_environments_proxy,
    refuse_insecure,
)
from oidc_widget.fresh_tokens import StaysHere
from oidc_widget.httpx_request import HeadersForOneHop, watch_route, watch_route_async

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from oidc_widget.fresh_tokens import FreshTokens
    from oidc_widget.oauth.access_token import AccessToken

__all__ = ["BearerAuth"]


class BearerAuth(StaysHere):
    """Sends the token as RFC 6750 §2.1 says, and once more with a new one if the answer is 401 (§3.1).

    It goes to the origin of the request only, never on to another one by a redirect, and over plain http only
    to this very machine, by no proxy. A request whose body can't be sent twice is not sent twice. Any number
    of threads may share it.

    Parameters
    ----------
    tokens : FreshTokens
        Where the tokens come from.

    Raises
    ------
    ConfigurationError
        By a request to an address where a token would be seen by others on the way.
    TokenError
        By a request while there is no token to be had.
    """

    def __init__(self, tokens: FreshTokens) -> None:
        self._tokens = tokens

    def __eq__(self, other: object) -> bool:
        return self._tokens is other._tokens if type(other) is BearerAuth else NotImplemented

    def __hash__(self) -> int:
        return hash(id(self._tokens))

    @property  # type: ignore[misc]  # a class, made of what is loaded when somebody asks
    def __class__(self) -> type:
        """What :func:`isinstance` is told: also an ``Auth`` of those libraries that are in use.

        They accept a flow from their own ``Auth`` only, and importing both would cost all who use neither.
        """
        return _class_for(*(getattr(sys.modules.get(name), "Auth", None) for name in ("httpx", "httpx2")))

    # ---- requests ------------------------------------------------------------------------------------

    def __call__(self, request: Any) -> Any:
        """Put the token into a request of ``requests``."""
        url = str(request.url)
        refuse_insecure(url)
        refuse_environments_proxy(url)
        token = self._tokens.get()
        request.headers["Authorization"] = header(token)
        request.register_hook("response", _Retry(self._tokens, token, origin_of(url)))
        return request

    # ---- httpx and httpx2 ----------------------------------------------------------------------------

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Put the token into a request of a ``Client``."""
        flow = _Flow(request)
        with flow, watch_route(request):
            token = self._tokens.get()
            while True:
                response = yield flow.sent_with(token)
                while flow.goes_on(response, token):
                    response = yield flow.next_hop(response, token)
                if not flow.may_be_retried(response, token):
                    return
                new = self._tokens.instead_of(token)
                if new is None:
                    return
                token = new

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Put the token into a request of an ``AsyncClient``, without blocking its loop."""
        flow = _Flow(request)
        with flow, watch_route_async(request):
            token = await self._tokens.get_async()
            while True:
                response = yield flow.sent_with(token)
                while flow.goes_on(response, token):
                    response = yield flow.next_hop(response, token)
                if not flow.may_be_retried(response, token):
                    return
                new = await self._tokens.instead_of_async(token)
                if new is None:
                    return
                token = new


def _class_for(*bases: type | None, _made: dict[tuple[type, ...], type] = {}) -> type:  # noqa: B006  # kept on purpose
    # In one order, each once: `httpx2.alias_httpx()` makes both names mean the same.
    key = tuple(dict.fromkeys(base for base in bases if base is not None))
    if not key:
        return BearerAuth
    if key not in _made:
        _made[key] = type(BearerAuth.__name__, (BearerAuth, *key), {"__module__": __name__})
    return _made[key]


class _Flow:
    """One request of ``httpx`` or ``httpx2``, with its redirects and its second try."""

    def __init__(self, request: Any) -> None:
        url = str(request.url)
        refuse_insecure(url)
        self._request = request
        self._origin = origin_of(url)
        self._headers = request.headers
        self._retried = False
        # Both go on from port 80 to 443 of the same host with all headers.
        self._by_hop = self._origin[0] == "http" and self._origin[2] == 80  # noqa: PLR2004  # RFC 9110 §4.2.1

    def __enter__(self) -> None:
        if self._by_hop:
            self._request.headers = HeadersForOneHop(self._headers)

    def __exit__(self, *_: object) -> None:
        self._request.headers = self._headers

    def sent_with(self, token: AccessToken) -> Any:
        self._headers["Authorization"] = header(token)
        return self._request

    def goes_on(self, response: Any, token: AccessToken) -> bool:
        """Whether a redirect within the origin arrived without the token, which it would have accepted."""
        return (
            self._by_hop
            and response.status_code == UNAUTHORIZED
            and not _bears(response.request, token)
            and "Authorization" not in response.request.headers
            and all(origin_of(str(hop.url)) == self._origin for hop in (*response.history, response.request))
        )

    def next_hop(self, response: Any, token: AccessToken) -> Any:
        request = response.request
        request.headers["Authorization"] = header(token)
        request.headers = HeadersForOneHop(request.headers)
        return request

    def may_be_retried(self, response: Any, token: AccessToken) -> bool:
        if self._retried or response.status_code != UNAUTHORIZED or not _bears(response.request, token):
            return False
        if origin_of(str(response.request.url)) != self._origin:
            return False
        if not asks_for_another_token(response.headers.get("WWW-Authenticate", "")):
            return False
        try:
            self._request.content  # noqa: B018  # raises for a stream, which can't be sent twice
        except RuntimeError:  # the base of either library's `RequestNotRead`
            return False
        self._retried = True
        return True


class _Retry:
    """What follows upon one request of ``requests`` and its redirects."""

    def __init__(self, tokens: FreshTokens, token: AccessToken, origin: Origin) -> None:
        self._tokens = tokens
        self._token = token
        self._origin = origin
        self._retried = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __call__(self, response: Any, **how: Any) -> Any:
        request = response.request
        if not _bears(request, self._token):
            return response  # redirected to somewhere else: nothing of it concerns the token
        if self._may_be_retried(response):
            self._retried = True
            new = self._tokens.instead_of(self._token)
            if new is not None:
                self._token = new
                response = self._send_again(response, how)
        self._keep_from_others(response, request)
        return response

    def _may_be_retried(self, response: Any) -> bool:
        return (
            response.status_code == UNAUTHORIZED
            and not self._retried
            and asks_for_another_token(response.headers.get("WWW-Authenticate", ""))
            and _rewind(response.request)
        )

    def _send_again(self, response: Any, how: dict[str, Any]) -> Any:
        request = response.request
        # A redirect copies the first request: it must find the new token there.
        request.headers["Authorization"] = header(self._token)
        response.content  # noqa: B018  # read to its end, so that the connection can be used again
        response.close()
        again = response.connection.send(request, **how)
        again.history.append(response)
        again.request = request
        return again

    def _keep_from_others(self, response: Any, request: Any) -> None:
        """Take the token out before ``requests`` copies the headers for another origin.

        It does so itself for most, but goes on from port 80 to 443 of the same host with it.
        """
        if not response.is_redirect:
            return
        location = response.headers.get("Location", "")
        parts = urlsplit(location)
        if parts.netloc and origin_of(location, base=str(request.url)) != self._origin:
            request.headers.pop("Authorization", None)


def _bears(request: Any, token: AccessToken) -> bool:
    return bool(request.headers.get("Authorization") == header(token))


def _rewind(request: Any) -> bool:
    """Make a prepared request ready to be sent again; ``False``: its body is used up."""
    body = request.body
    if body is None or isinstance(body, str | bytes | bytearray):
        return True
    position = getattr(request, "_body_position", None)  # where `requests` began to read
    if not isinstance(position, int) or not hasattr(body, "seek"):
        return False
    try:
        body.seek(position)
    except OSError:
        return False
    return True
