"""Compare the addresses of requests (RFC 9449 §4.3, RFC 3986 §6.2.2 and §6.2.3)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

__all__ = ["same_uri"]

_PORTS: Final = {"https": 443, "http": 80}
_ESCAPED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")  # RFC 3986 §2.3


def same_uri(one: str, other: str) -> bool:
    """Tell whether two addresses are the same, apart from query and fragment.

    Returns
    -------
    bool
        False too if one of them is no such address.
    """
    normal = _normal(one)
    return normal is not None and normal == _normal(other)


def _normal(uri: str) -> tuple[str, str, int, str] | None:
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc:
        return None
    # What is not ASCII is escaped as UTF-8; then what needn't be is written plainly, the rest in capitals.
    path = _ESCAPED.sub(_plain, quote(parts.path or "/", safe="/%:@!$&'()*+,;=~"))
    return parts.scheme, host, port or _PORTS[parts.scheme], path


def _plain(escaped: re.Match[str]) -> str:
    character = chr(int(escaped[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escaped[0].upper()
