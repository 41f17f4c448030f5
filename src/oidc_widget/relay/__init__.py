"""Token requests that need the client's secret, or that a browser can't send for want of CORS.

A token-mediating backend (OAuth 2.0 for Browser-Based Applications §6.2): the browser's vault makes
state, nonce and PKCE and keeps the tokens; the relay adds the client's authentication and keeps
nothing. It knows no web framework: the Jupyter server and JupyterHub's service each put theirs
around it, and never import each other.
"""

from __future__ import annotations

from .providers import ConfiguredProvider, parse_provider, parse_providers
from .refusal import Refusal
from .relay import Relay

__all__ = ["ConfiguredProvider", "Refusal", "Relay", "parse_provider", "parse_providers"]
