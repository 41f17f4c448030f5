"""Authentication for the Trino client, also below SQLAlchemy.

>>> trino.dbapi.connect(host="…", http_scheme="https", auth=OIDCAuthentication(w))      # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oidc_widget.auth import BearerAuth
from oidc_widget.credentials import tokens_of
from oidc_widget.fresh_tokens import StaysHere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oidc_widget.login import OIDCLogin

__all__ = ["OIDCAuthentication"]


class OIDCAuthentication(StaysHere):
    """A sign-in as ``trino.auth.Authentication``, which is asked by protocol.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`.
    """

    def __init__(
        self, w: OIDCLogin, *, resource: str | None = None, scopes: Sequence[str] | str | None = None
    ) -> None:
        self._auth = BearerAuth(tokens_of(w, resource, scopes))

    def set_http_session(self, http_session: Any) -> Any:
        """Let the client's session of ``requests`` send fresh tokens."""
        http_session.auth = self._auth
        return http_session

    def get_exceptions(self) -> tuple[type[Exception], ...]:
        """Return which errors are worth another try: none of these."""
        return ()
