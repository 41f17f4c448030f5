"""Ask a provider's userinfo endpoint (OpenID Connect Core §5.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oidc_widget.oauth.http import exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from oidc_widget.oauth.answer import Answer
    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider

__all__ = ["ask_userinfo"]


def ask_userinfo(
    client: Client,
    provider: Provider,
    token: Callable[[], str],
    *,
    timeout: float,
    allow_insecure_http: bool = False,
) -> tuple[Answer, str]:
    """Return what came, and from where; ``token`` is called in a frame that no traceback sees.

    Raises
    ------
    DiscoveryError
        If the provider has no such endpoint.
    """
    address = provider.endpoint("userinfo_endpoint", allow_insecure_http=allow_insecure_http)
    answer = exchange(
        client, "GET", address, timeout=timeout, headers=lambda: {"Authorization": f"Bearer {token()}"}
    )
    return answer, address
