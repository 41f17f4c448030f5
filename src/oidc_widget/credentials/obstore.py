"""A credential provider for ``obstore``'s Google and Azure stores.

>>> GCSStore("bucket", credential_provider=credential_provider(w))                     # doctest: +SKIP
>>> AzureStore("container", account_name="…", credential_provider=credential_provider(w))  # doctest: +SKIP

For S3, take the temporary credentials of :mod:`oidc_widget.credentials.aws`, with obstore's own
``Boto3CredentialProvider``.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from oidc_widget.credentials import tokens_of
from oidc_widget.fresh_tokens import StaysHere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oidc_widget.fresh_tokens import FreshTokens
    from oidc_widget.login import OIDCLogin

__all__ = ["credential_provider"]

#: obstore keeps a token until this long before it ends; a sign-out must not wait for that.
_KEPT = timedelta(minutes=5)


def credential_provider(
    w: OIDCLogin, *, resource: str | None = None, scopes: Sequence[str] | str | None = None
) -> _Provider:
    """Return what obstore calls whenever it needs a token.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`.
    """
    return _Provider(tokens_of(w, resource, scopes))


class _Provider(StaysHere):
    def __init__(self, tokens: FreshTokens) -> None:
        self._tokens = tokens

    def __call__(self) -> dict[str, Any]:
        token = self._tokens.get()
        left = min(timedelta(seconds=min(token.expires_in, 86400.0)), _KEPT)
        return {"token": token.value, "expires_at": datetime.now(timezone.utc) + left}
