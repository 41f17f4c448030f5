"""Verify tokens: the other end of the request.

The core knows no web framework; ``oidc_widget.verify.flask`` and ``oidc_widget.verify.fastapi``
are leaves over it, and ``oidc_widget.verify.testing`` issues tokens for tests. Nothing here needs Jupyter:
``pip install oidc-widget-core``.

>>> from oidc_widget.verify import TokenVerifier
>>> verifier = TokenVerifier("https://idp.example.com", "https://api.example.com")
>>> claims = verifier.verify(token)                     # doctest: +SKIP
>>> claims["sub"], claims.scopes                        # doctest: +SKIP
"""

from __future__ import annotations

from oidc_widget.verify.access_token_hash import verify_access_token_hash
from oidc_widget.verify.claims import Claims
from oidc_widget.verify.dpop import DPoP, DPoPRequest, ReplayStore
from oidc_widget.verify.introspection import Introspection
from oidc_widget.verify.requirements import AllOf, AnyOf
from oidc_widget.verify.verifier import TokenVerifier

__all__ = [
    "AllOf",
    "AnyOf",
    "Claims",
    "DPoP",
    "DPoPRequest",
    "Introspection",
    "ReplayStore",
    "TokenVerifier",
    "verify_access_token_hash",
]
