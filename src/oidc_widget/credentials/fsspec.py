"""``client_kwargs`` for the HTTP file system of ``fsspec``.

>>> fsspec.filesystem("http", client_kwargs=client_kwargs(w, "https://data.example.com"))   # doctest: +SKIP

A file system outlives a token, so it holds none: each request asks for a fresh one, on fsspec's own thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oidc_widget.credentials.aiohttp import bearer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oidc_widget.login import OIDCLogin

__all__ = ["client_kwargs"]


def client_kwargs(
    w: OIDCLogin, *origins: str, resource: str | None = None, scopes: Sequence[str] | str | None = None
) -> dict[str, Any]:
    """Return what makes fsspec's HTTP client send fresh tokens to these origins.

    The parameters are those of :func:`oidc_widget.credentials.aiohttp.bearer`.
    """
    return {"middlewares": (bearer(w, *origins, resource=resource, scopes=scopes),)}
