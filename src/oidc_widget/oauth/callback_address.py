"""Redirect addresses: one for each issuer, so that nobody is sent another's code (RFC 9700 §4.4.2.2)."""

from __future__ import annotations

import hashlib
import re

__all__ = ["TAIL_PATTERN", "issuer_tail", "own_address"]

#: What :func:`issuer_tail` gives, as a route of a web server.
TAIL_PATTERN = r"[a-z0-9._-]{1,255}\.[0-9a-f]{16}"

#: The host of an address (RFC 3986 §3.2.2), read alike in both languages, whose parsers differ.
_HOST = re.compile(r"^[a-z][a-z0-9+.-]*://(?:[^@/?#]*@)?(\[[^\]]*\]|[^:/?#]*)", re.IGNORECASE)


def issuer_tail(issuer: str) -> str:
    """Return the last part of an issuer's own redirect address, ``{host}.{h}``.

    The twin of ``issuerTail`` in ``frontend/oauth/callback-address.ts``.

    Parameters
    ----------
    issuer : str
        The issuer identifier, letter by letter as its discovery document says it.

    Returns
    -------
    str
        Its host (without port, so that a person recognizes it), and 64 bits of its SHA-256, which tell apart
        what shares a host.
    """
    found = _HOST.match(issuer)
    host = re.sub(r"[^a-z0-9.-]", "_", found[1].lower() if found else "")
    return f"{host}.{hashlib.sha256(issuer.encode()).hexdigest()[:16]}"


def own_address(callback: str, issuer: str) -> str:
    """Return an issuer's own redirect address below a callback of ours.

    Parameters
    ----------
    callback : str
        The address that configured providers use: a server's ``…/oidc-widget/callback``, the Hub's, or the
        one that the administrator set.
    issuer : str
        The issuer identifier.
    """
    return f"{callback.rstrip('/')}/{issuer_tail(issuer)}"
