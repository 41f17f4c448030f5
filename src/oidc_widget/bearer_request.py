"""A request that bears a token (RFC 6750): where it may go, and what a refusal says."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from oidc_widget.errors import ConfigurationError
from oidc_widget.oauth.address import is_loopback

if TYPE_CHECKING:
    from oidc_widget.oauth.access_token import AccessToken

__all__ = [
    "UNAUTHORIZED",
    "Origin",
    "asks_for_another_token",
    "header",
    "is_plain_http",
    "origin_of",
    "proxied",
    "refuse_environments_proxy",
    "refuse_insecure",
]

Origin = tuple[str, str, int | None]

UNAUTHORIZED = 401
_PORTS = {"http": 80, "https": 443}
#: A new token of the same sign-in says the same (RFC 6750 §3.1, RFC 9470 §3).
_NOT_THE_TOKEN = frozenset(
    {"insufficient_claims", "insufficient_scope", "insufficient_user_authentication", "invalid_request"}
)
#: To the end where it is never closed, so that it is looked at once.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|$)', re.DOTALL)
_CHALLENGE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s+(?![\s=])|\s*$)")
_ERROR = re.compile(r'\berror\s*=\s*"?([\w-]+)')


class _Header(str):
    """A header's value without a token in its ``repr``: headers are in tracebacks and outputs of cells."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'Bearer …'"


def header(token: AccessToken) -> str:
    """Return the value of ``Authorization`` (RFC 6750 §2.1); its ``repr`` shows no token."""
    return _Header(f"Bearer {token.value}")


def asks_for_another_token(challenges: str) -> bool:
    """Whether a 401 may be about the token that was sent (RFC 6750 §3).

    Parameters
    ----------
    challenges : str
        What ``WWW-Authenticate`` says, several of them with commas between (RFC 9110 §11.6.1); empty where it
        is missing.
    """
    if not challenges.strip():
        return True
    for part in _QUOTED.sub('""', challenges).split(","):
        scheme = _CHALLENGE.match(part)
        if scheme is not None and scheme[1].lower() == "bearer":
            error = _ERROR.search(challenges)
            return error is None or error[1] not in _NOT_THE_TOKEN
    return False


def origin_of(url: str, base: str = "") -> Origin:
    """Return scheme, host and port (RFC 6454 §4); an ``url`` without a scheme has that of ``base``."""
    parts = urlsplit(url)
    scheme = (parts.scheme or urlsplit(base).scheme).lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme)


def is_plain_http(url: str) -> bool:
    """Whether what is sent there is not encrypted."""
    return urlsplit(url).scheme == "http"


def refuse_insecure(url: str) -> None:
    """Refuse an address where a token would be seen by others on the way (RFC 6750 §5.3).

    Raises
    ------
    ConfigurationError
        It is neither https nor this very machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return
    raise ConfigurationError(
        f"The token is not sent to {parts.scheme}://{parts.hostname}: others could read it on the way.",
        code="insecure_transport",
        hint="Use an https address.",
    )


def refuse_environments_proxy(url: str) -> None:
    """Refuse a plain http address that the environment sends to a proxy, which would read the token.

    With https the proxy only passes on what it can't read (RFC 9110 §9.3.6).

    Raises
    ------
    ConfigurationError
        ``HTTP_PROXY`` or ``ALL_PROXY`` is set, and ``NO_PROXY`` does not name the host.
    """
    if is_plain_http(url) and _environments_proxy(url):
        raise proxied(url)


def proxied(url: str) -> ConfigurationError:
    """Return the error for a plain http request that would go to a proxy."""
    host = urlsplit(url).hostname
    return ConfigurationError(
        f"The token is not sent to http://{host} through a proxy, which could read it.",
        code="insecure_transport",
        hint=f"Name the host in the environment variable NO_PROXY, for example NO_PROXY={host}, before the "
        "kernel starts; or give the client no proxy for it.",
    )


def _environments_proxy(url: str) -> bool:
    proxies = getproxies()
    if not proxies.keys() - {"no"}:  # as on most machines; what follows takes as long as half a request
        return False
    requests = sys.modules.get("requests")
    if requests is not None:  # it reads NO_PROXY in a way of its own
        return bool(requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)))
    return bool(proxies.get("http") or proxies.get("all")) and not proxy_bypass(urlsplit(url).netloc)
