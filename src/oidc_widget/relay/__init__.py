"""Token requests that need the client's secret, or that a browser can't send for want of CORS.

A token-mediating backend (OAuth 2.0 for Browser-Based Applications §6.2): the browser's vault makes
state, nonce and PKCE and keeps the tokens; the relay adds the client's authentication and keeps
nothing. But for ``handlers``, which both of them take, it knows no web framework; the Jupyter server and
JupyterHub's service never import each other.
"""

from __future__ import annotations

from .providers import ConfiguredProvider, parse_provider, parse_providers
from .refusal import Refusal
from .relay import Relay
from .relays import RelayLike, Relays

__all__ = [
    "ConfiguredProvider",
    "Refusal",
    "Relay",
    "RelayLike",
    "Relays",
    "parse_provider",
    "parse_providers",
]
