"""An ``AuthManager`` for PyIceberg's REST catalog.

>>> load_catalog("corp", type="rest", uri="https://catalog.example.com", auth=auth(w))      # doctest: +SKIP

PyIceberg asks for the header alone and doesn't say where it goes: give it an https address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oidc_widget.bearer_request import header
from oidc_widget.credentials import tokens_of
from oidc_widget.fresh_tokens import StaysHere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oidc_widget.login import OIDCLogin

__all__ = ["OIDCAuthManager", "auth"]


def auth(
    w: OIDCLogin, *, resource: str | None = None, scopes: Sequence[str] | str | None = None
) -> dict[str, Any]:
    """Return the catalog's property ``auth``.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`.
    """
    tokens_of(w, resource, scopes)
    return {
        "type": "custom",
        "impl": f"{__name__}.{OIDCAuthManager.__name__}",
        "custom": {"w": w, "resource": resource, "scopes": scopes},
    }


class OIDCAuthManager(StaysHere):
    """A sign-in as ``pyiceberg.catalog.rest.auth.AuthManager``, which is asked by protocol."""

    def __init__(
        self, w: OIDCLogin, resource: str | None = None, scopes: Sequence[str] | str | None = None
    ) -> None:
        self._tokens = tokens_of(w, resource, scopes)

    def auth_header(self) -> str:
        """Return the value of ``Authorization``, with a fresh token."""
        return header(self._tokens.get())
