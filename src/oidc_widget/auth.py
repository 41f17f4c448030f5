"""``auth=`` for ``requests`` and for ``httpx``: a fresh token in each request, and nowhere else.

One object is for both: ``requests`` calls it with the request, and ``httpx`` finds a flow in it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError, TokenError
from oidc_widget.signin.token_cache import OWN, Target

try:
    from httpx import Auth as _Flow
    from httpx import RequestNotRead
except ImportError:  # then nobody asks for its flow
    _Flow = object  # type: ignore[assignment,misc]
    RequestNotRead = RuntimeError  # type: ignore[assignment,misc]

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    import httpx

    from oidc_widget.oauth.access_token import AccessToken
    from oidc_widget.signin.sign_in import SignIn

__all__ = ["BearerAuth"]

#: A request is made with what is at hand; a token that is about to end would arrive too late.
_MIN_TTL = 30.0  # seconds
_TIMEOUT = 60.0  # seconds
_PORTS = {"http": 80, "https": 443}
_Origin = tuple[str, str, int | None]


class BearerAuth(_Flow):
    """Sends the token as RFC 6750 §2.1 says, and once more with a new one if the answer is 401 (§3.1).

    It goes to the origin of the request only, never on to another one by a redirect, and over plain http only
    to this very machine. A request whose body can't be sent twice is not sent twice. Any number of threads
    may share it.

    Parameters
    ----------
    sign_in : SignIn
        Whose tokens.
    target : Target, optional
        Another API or other rights than what was signed in for.

    Raises
    ------
    ConfigurationError
        By a request to an address where a token would be seen by others on the way.
    TokenError
        By a request while there is no token to be had.
    """

    def __init__(self, sign_in: SignIn, target: Target = OWN) -> None:
        self._sign_in = sign_in
        self._target = target

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BearerAuth):
            return NotImplemented
        return self._sign_in is other._sign_in and self._target == other._target

    def __hash__(self) -> int:
        return hash((id(self._sign_in), self._target))

    # ---- requests ------------------------------------------------------------------------------------

    def __call__(self, request: Any) -> Any:
        """Put the token into a request of ``requests``."""
        refuse_insecure(str(request.url))
        token = self._token()
        request.headers["Authorization"] = _header(token)
        request.register_hook("response", _Retry(self, token, _origin(str(request.url))))
        return request

    # ---- httpx ---------------------------------------------------------------------------------------

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the token into a request of an ``httpx.Client``."""
        refuse_insecure(str(request.url))
        token = self._token()
        request.headers["Authorization"] = _header(token)
        response = yield request
        if self._may_retry(request, response, token):
            new = self._renewed(token)
            if new is not None:
                request.headers["Authorization"] = _header(new)
                yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Put the token into a request of an ``httpx.AsyncClient``, without blocking its loop."""
        refuse_insecure(str(request.url))
        self._sign_in.require_session()
        token = await self._sign_in.token_async(self._target, _MIN_TTL, _TIMEOUT)
        request.headers["Authorization"] = _header(token)
        response = yield request
        if self._may_retry(request, response, token):
            try:
                self._sign_in.require_session()
                new = await self._sign_in.token_async(self._target, 0, _TIMEOUT, token)
            except TokenError:
                return  # the API's own answer says more than "no token"
            request.headers["Authorization"] = _header(new)
            yield request

    @staticmethod
    def _may_retry(request: httpx.Request, response: httpx.Response, token: AccessToken) -> bool:
        if response.status_code != 401 or not _bears(response.request, token):  # noqa: PLR2004  # Unauthorized
            return False
        if _origin(str(response.request.url)) != _origin(str(request.url)):
            return False
        try:
            request.content  # noqa: B018  # raises for a stream, which can't be sent twice
        except RequestNotRead:
            return False
        return True

    # ---- both ----------------------------------------------------------------------------------------

    def _token(self) -> AccessToken:
        return self._sign_in.token(self._target, _MIN_TTL, _TIMEOUT)

    def _renewed(self, refused: AccessToken) -> AccessToken | None:
        try:
            return self._sign_in.token(self._target, 0, _TIMEOUT, refused)
        except TokenError:
            return None  # the API's own answer says more than "no token"


class _Retry:
    """What follows upon one request of ``requests`` and its redirects."""

    def __init__(self, auth: BearerAuth, token: AccessToken, origin: _Origin) -> None:
        self._auth = auth
        self._token = token
        self._origin = origin
        self._retried = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __call__(self, response: Any, **how: Any) -> Any:
        request = response.request
        if not _bears(request, self._token):
            return response  # redirected to somewhere else: nothing of it concerns the token
        if response.status_code == 401 and not self._retried and _rewind(request):  # noqa: PLR2004  # Unauthorized
            self._retried = True
            new = self._auth._renewed(self._token)  # noqa: SLF001  # a part of it
            if new is not None:
                self._token = new
                response = self._send_again(response, new, how)
        self._keep_from_others(response, request)
        return response

    def _send_again(self, response: Any, token: AccessToken, how: dict[str, Any]) -> Any:
        request = response.request
        # A redirect copies the first request: it must find the new token there.
        request.headers["Authorization"] = _header(token)
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
        if parts.netloc and _origin(location, base=str(request.url)) != self._origin:
            request.headers.pop("Authorization", None)


def refuse_insecure(url: str) -> None:
    """Refuse an address where a token would be seen by others on the way (RFC 6750 §5.3).

    Raises
    ------
    ConfigurationError
        It is neither https nor this very machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return
    raise ConfigurationError(
        f"The token is not sent to {parts.scheme}://{parts.hostname}: others could read it on the way.",
        code="insecure_transport",
        hint="Use an https address.",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(url: str, base: str = "") -> _Origin:
    """Return scheme, host and port (RFC 6454 §4)."""
    parts = urlsplit(url)
    scheme = (parts.scheme or urlsplit(base).scheme).lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme)


class _Header(str):
    """A header's value without a token in its ``repr``: headers are in tracebacks and outputs of cells."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'Bearer …'"


def _header(token: AccessToken) -> str:
    return _Header(f"Bearer {token.value}")


def _bears(request: Any, token: AccessToken) -> bool:
    return bool(request.headers.get("Authorization") == _header(token))


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
