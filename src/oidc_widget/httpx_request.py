"""How a request of ``httpx`` or ``httpx2`` travels: its headers at a redirect, and the way that it takes."""

from __future__ import annotations

import contextlib
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from oidc_widget.bearer_request import is_plain_http, origin_of, proxied

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HeadersForOneHop", "watch_route", "watch_route_async"]


class HeadersForOneHop(MutableMapping[str, str]):
    """A request's headers, with a token that is for this request alone.

    Whoever sends the request finds it (``raw``, ``multi_items()`` and each header by its name). Where a
    redirect's request is made, the headers are copied as those of any other mapping: by :meth:`items`, which
    leaves it out.
    """

    def __init__(self, headers: Any) -> None:
        self._headers = headers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._headers, name)

    def __getitem__(self, name: str) -> str:
        return str(self._headers[name])

    def __setitem__(self, name: str, value: str) -> None:
        self._headers[name] = value

    def __delitem__(self, name: str) -> None:
        del self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __repr__(self) -> str:
        return repr(self._headers)  # the library shows no credentials there

    def items(self) -> Any:
        """Return all headers but the token."""
        return [(name, value) for name, value in self._headers.items() if name.lower() != "authorization"]


class _Route:
    """Sees which way a plain http request takes, by the libraries' ``trace`` extension.

    Only the connection knows about all proxies: those of the environment, of the client, and of its mounts.
    """

    def __init__(self, url: str, before: Any) -> None:
        _, self._host, self._port = origin_of(url)
        self._url = url
        self._before = before

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        self.look(event, info)
        if self._before is not None:
            self._before(event, info)

    def look(self, event: str, info: dict[str, Any]) -> None:
        """Raise if a request with a token is about to be sent to somebody else than its address names."""
        if event.endswith(".send_request_headers.started"):
            request = info["request"]
            to = request.url.host.decode("ascii").lower(), request.url.port or 80
            bears = any(name.lower() == b"authorization" for name, _ in request.headers)
            if bears and to != (self._host, self._port):
                raise proxied(self._url)
        elif event == "socks.setup_socks5_connection.started" and info["host"].lower() == self._host:
            raise proxied(self._url)


class _AsyncRoute(_Route):
    async def __call__(self, event: str, info: dict[str, Any]) -> None:  # type: ignore[override]  # its async twin
        self.look(event, info)
        if self._before is not None:
            await self._before(event, info)


def watch_route(request: Any) -> contextlib.AbstractContextManager[None]:
    """Refuse to send a plain http request of a ``Client`` to a proxy, within the block.

    Raises
    ------
    ConfigurationError
        By the client, before anything of the request is sent.
    """
    return _watching(request, _Route)


def watch_route_async(request: Any) -> contextlib.AbstractContextManager[None]:
    """Do the same for an ``AsyncClient``."""
    return _watching(request, _AsyncRoute)


@contextlib.contextmanager
def _watching(request: Any, route: type[_Route]) -> Iterator[None]:
    extensions = request.extensions
    if is_plain_http(str(request.url)):
        request.extensions = {**extensions, "trace": route(str(request.url), extensions.get("trace"))}
    try:
        yield
    finally:
        request.extensions = extensions
