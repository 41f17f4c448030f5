"""Call credentials for gRPC, also for ``grpc.aio``.

>>> grpc.composite_channel_credentials(grpc.ssl_channel_credentials(), call_credentials(w))  # doctest: +SKIP

gRPC itself sends them over encrypted channels only, or to this very machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from oidc_widget.bearer_request import header
from oidc_widget.credentials import tokens_of
from oidc_widget.errors import OIDCError
from oidc_widget.fresh_tokens import StaysHere

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oidc_widget.fresh_tokens import FreshTokens
    from oidc_widget.login import OIDCLogin

__all__ = ["call_credentials"]


def call_credentials(
    w: OIDCLogin, *, resource: str | None = None, scopes: Sequence[str] | str | None = None
) -> grpc.CallCredentials:
    """Return credentials that put a fresh token into the metadata of each call.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`.
    """
    return grpc.metadata_call_credentials(_Plugin(tokens_of(w, resource, scopes)), "oidc-widget")


class _Plugin(StaysHere, grpc.AuthMetadataPlugin):  # type: ignore[misc]  # grpc has no types
    def __init__(self, tokens: FreshTokens) -> None:
        self._tokens = tokens

    def __call__(self, _context: Any, callback: Callable[[Any, Any], None]) -> None:
        try:
            metadata = (("authorization", header(self._tokens.get())),)
        except OIDCError as error:
            callback((), error)  # the call fails with its sentence; raised here, gRPC would log a traceback
        else:
            callback(metadata, None)
