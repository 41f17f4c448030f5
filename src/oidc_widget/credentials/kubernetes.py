"""A configuration for the Kubernetes client.

>>> CoreV1Api(ApiClient(configuration(w, "https://kubernetes.example.com")))             # doctest: +SKIP

The cluster's API server must know the provider (``--oidc-issuer-url`` or structured authentication).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubernetes.client import Configuration

from oidc_widget.bearer_request import header, refuse_environments_proxy, refuse_insecure
from oidc_widget.credentials import tokens_of
from oidc_widget.fresh_tokens import StaysHere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oidc_widget.fresh_tokens import FreshTokens
    from oidc_widget.login import OIDCLogin

__all__ = ["configuration"]


def configuration(
    w: OIDCLogin,
    host: str,
    *,
    resource: str | None = None,
    scopes: Sequence[str] | str | None = None,
    **more: Any,
) -> Configuration:
    """Return a configuration whose requests carry fresh tokens.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    host : str
        The API server's address.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`.
    **more
        What ``kubernetes.client.Configuration`` takes besides: ``ssl_ca_cert``, ….

    Raises
    ------
    ConfigurationError
        By a request: others could read the token on the way to this address.
    """
    made = Configuration(host=host, **more)
    made.api_key = {"authorization": ""}  # what there is, is asked for
    made.refresh_api_key_hook = _Hook(tokens_of(w, resource, scopes))  # type: ignore[assignment]  # their typing
    return made


class _Hook(StaysHere):
    def __init__(self, tokens: FreshTokens) -> None:
        self._tokens = tokens

    def __call__(self, configuration: Configuration) -> None:
        refuse_insecure(configuration.host)
        refuse_environments_proxy(configuration.host)
        configuration.api_key["authorization"] = header(self._tokens.get())
