"""Where a sign-in is to be passed on: what its ``state`` says, and which server of the person that is.

A redirect is never made from what a request says. The address in ``state`` is only compared with
those of the person's own servers, as the Hub tells them; so a link made by somebody else can't send
a person's authorization code anywhere else (RFC 9700 §4.2, §4.11).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Destination", "find_destination", "is_own_server", "target_of"]

_CALLBACK = "oidc-widget/callback"
_MAX_STATE = 4096  # characters


@dataclass(frozen=True)
class Destination:
    """The callback of one of the person's servers.

    Parameters
    ----------
    location : str
        The address to redirect to, without a query: a path where all servers share the Hub's name.
    ready : bool
        Whether the server runs.
    """

    location: str
    ready: bool


def target_of(state: str | None) -> str | None:
    """Read the target out of a ``state``: ``RANDOM.BASE64URL(target)``.

    Returns
    -------
    str or None
        What claims to be the address of a callback; ``None`` if there is none.
    """
    if state is None or len(state) > _MAX_STATE:
        return None
    _, dot, encoded = state.partition(".")
    if not dot or not encoded:
        return None
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        return raw.decode("ascii")
    except (binascii.Error, ValueError):
        return None


def find_destination(
    target: str, servers: Iterable[Mapping[str, Any]], *, origins: Iterable[str]
) -> Destination | None:
    """Find the server whose callback a target is.

    Parameters
    ----------
    target : str
        What :func:`target_of` gave.
    servers : iterable of Mapping
        The person's servers, as in the Hub's API (``GET /user``): with ``url``, and ``full_url``
        where the Hub knows its public name.
    origins : iterable of str
        The Hub's own origins, for Hubs on one domain.

    Returns
    -------
    Destination or None
        ``None`` if the target is nobody's or somebody else's.
    """
    own = tuple(origins)
    for server in servers:
        path = urlsplit(server["url"]).path + _CALLBACK
        full = urlsplit(server.get("full_url") or server["url"])
        ready = bool(server.get("ready"))
        if urlsplit(server["url"]).netloc:
            # subdomain_host: each person has an origin of their own, and the Hub says which.
            location = f"{full.scheme}://{full.netloc}{path}"
            if target == location:
                return Destination(location, ready)
        elif any(target == f"{origin}{path}" for origin in own):
            return Destination(path, ready)
    return None


def is_own_server(target: str, name: str, *, base_url: str) -> bool:
    """Tell whether a target is below a person's own path; good for a message, not for a redirect.

    Parameters
    ----------
    target : str
        What :func:`target_of` gave.
    name : str
        The person's name at the Hub.
    base_url : str
        The Hub's ``base_url``.

    Returns
    -------
    bool
        The Hub lists only running servers, so a stopped one is known by its path alone.
    """
    prefix = f"{base_url.rstrip('/')}/user/{quote(name, safe='@~')}/"
    try:
        path = urlsplit(target).path
    except ValueError:
        return False
    # The name of a named server, if any, is one segment, and leads nowhere else.
    server = path.removeprefix(prefix).removesuffix(_CALLBACK).removesuffix("/")
    leads_away = unquote(server) in {".", ".."} or "/" in unquote(server)
    return path in {f"{prefix}{_CALLBACK}", f"{prefix}{server}/{_CALLBACK}"} and not leads_away
