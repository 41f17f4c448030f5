"""A client of OpenAI's SDK for an endpoint that takes the sign-in's token.

>>> client(w, "https://models.example.com/v1").responses.create(model="…", input="…")   # doctest: +SKIP

The token is put in by :attr:`~oidc_widget.OIDCLogin.auth`, request by request, in place of the API key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai

from oidc_widget.auth import BearerAuth
from oidc_widget.credentials import tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oidc_widget.login import OIDCLogin

__all__ = ["async_client", "client"]

#: The SDK wants one; it is replaced in each request.
_NO_KEY = "by-sign-in"


def client(
    w: OIDCLogin,
    base_url: str,
    *,
    resource: str | None = None,
    scopes: Sequence[str] | str | None = None,
    **more: Any,
) -> openai.OpenAI:
    """Return a client whose requests carry fresh tokens.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    base_url : str
        The endpoint's address.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`.
    **more
        What ``openai.OpenAI`` takes besides: ``max_retries``, ``timeout``, ….
    """
    http = openai.DefaultHttpxClient(auth=BearerAuth(tokens_of(w, resource, scopes)))
    return openai.OpenAI(base_url=base_url, api_key=_NO_KEY, http_client=http, **more)


def async_client(
    w: OIDCLogin,
    base_url: str,
    *,
    resource: str | None = None,
    scopes: Sequence[str] | str | None = None,
    **more: Any,
) -> openai.AsyncOpenAI:
    """Return what :func:`client` does, for an event loop."""
    http = openai.DefaultAsyncHttpxClient(auth=BearerAuth(tokens_of(w, resource, scopes)))
    return openai.AsyncOpenAI(base_url=base_url, api_key=_NO_KEY, http_client=http, **more)
