"""The way to the network: connections of ``urllib3``. No other module imports that library.

They go through the proxies that the environment or the system names, but for what is on this machine: a proxy
could not reach that, and would read what was never to leave it.
"""

from __future__ import annotations

import os
import ssl
import sys
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as TookTooLong

from oidc_widget.oauth.address import is_loopback
from oidc_widget.oauth.line import current_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FAILURES", "LATE", "Connections", "Response"]

#: What is raised where there is no answer, and what of it because of the time.
FAILURES = (HTTPError, OSError)
LATE = (TookTooLong,)

_CHUNK = 16 * 1024  # bytes read at a time
_KEPT = 4  # idle connections to each host


class _CuttableHTTPConnection(HTTPConnection):
    def getresponse(self) -> Any:
        current_line().carry(self.sock)
        return super().getresponse()


class _CuttableHTTPSConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        current_line().carry(self.sock)
        return super().getresponse()


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _CuttableHTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _CuttableHTTPSConnection


class Response:
    """An answer that is read piece by piece."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self.status_code: int = response.status
        self.headers: Mapping[str, str] = response.headers

    def iter_bytes(self) -> Iterator[bytes]:
        """Read its body, as it came."""
        return self._response.stream(_CHUNK, decode_content=False)


class Connections(AbstractContextManager["Connections"]):
    """A client that keeps its connections, follows no redirects, keeps no cookies and tries nothing twice.

    It has what this package needs of a client of ``httpx``, so that a person may give one of those instead.

    Parameters
    ----------
    proxies : bool
        Whether to go through the environment's proxies.
    """

    def __init__(self, *, proxies: bool = True) -> None:
        self._proxies = proxies
        self._managers: dict[str | None, urllib3.PoolManager] = {}

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def stream(  # noqa: PLR0913  # as httpx has it
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        data: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        timeout: float,
        follow_redirects: bool = False,
    ) -> Iterator[Response]:
        """Send a request, and read its answer piece by piece.

        Raises
        ------
        urllib3.exceptions.HTTPError, OSError
            Where there is none.
        """
        if data is not None:
            content = urlencode(data, doseq=True).encode()
            headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            response = self._manager(url).request(
                method,
                url,
                body=content,
                headers=headers,
                timeout=timeout,
                redirect=follow_redirects,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except NewConnectionError as error:  # which urllib3 counts among what took too long
            raise (error.__cause__ or error) from None
        except HTTPError:
            raise
        except ValueError:  # it shows what it could not send, and that may be secret
            raise HTTPError("a header can't be sent as it is") from None
        try:
            yield Response(response)
        finally:
            current_line().give_back()
            response.close()  # one that was read to its end is not this answer's any more

    def close(self) -> None:
        """Close its connections."""
        for manager in self._managers.values():
            manager.clear()

    def _manager(self, url: str) -> urllib3.PoolManager:
        proxy = _proxy_for(url) if self._proxies else None
        if proxy not in self._managers:
            self._managers[proxy] = _open(proxy)
        return self._managers[proxy]


def _open(proxy: str | None) -> urllib3.PoolManager:
    how: dict[str, Any] = {"maxsize": _KEPT, "ssl_context": _trusted()}
    if proxy is None:
        manager = urllib3.PoolManager(**how)
    else:
        parts = urlsplit(proxy)
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
        manager = urllib3.ProxyManager(
            proxy,
            proxy_headers=urllib3.make_headers(proxy_basic_auth=login),
            proxy_ssl_context=_trusted(),
            **how,
        )
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return manager


def _proxy_for(url: str) -> str | None:
    parts = urllib3.util.parse_url(url)
    host = (parts.host or "").strip("[]")
    proxies = getproxies()
    proxy = proxies.get(parts.scheme or "") or proxies.get("all")
    if not proxy or is_loopback(host) or proxy_bypass(parts.netloc or ""):
        return None
    if any(_contains(network, host) for network in proxies.get("no", "").split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _contains(network: str, host: str) -> bool:
    """Whether a host is of a network in ``NO_PROXY``; Python itself compares names alone."""
    try:
        return ip_address(host) in ip_network(network.strip(), strict=False)
    except ValueError:
        return False


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Load the certificates once; it takes longer than a request."""
    cafile, capath = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if not cafile and not capath and sys.platform in {"win32", "darwin"}:
        import truststore  # noqa: PLC0415  # there Python does not ask the system

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context(cafile=cafile, capath=capath)
