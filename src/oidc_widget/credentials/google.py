"""Credentials for Google's client libraries (``google-auth``).

>>> storage.Client(project="…", credentials=OIDCCredentials(w))                        # doctest: +SKIP
>>> storage.Client(project="…", credentials=workforce(w, "//iam.googleapis.com/…"))     # doctest: +SKIP

The first sends the sign-in's own token, for APIs that take it as it is. The second exchanges it at Google's
Security Token Service, by workforce or workload identity federation, which ``google-auth`` does itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from google.auth import credentials, identity_pool

from oidc_widget.bearer_request import refuse_insecure
from oidc_widget.credentials import subject_token, tokens_of
from oidc_widget.fresh_tokens import StaysHere

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence

    from oidc_widget.login import OIDCLogin
    from oidc_widget.oauth.access_token import AccessToken

__all__ = ["OIDCCredentials", "workforce"]


class OIDCCredentials(StaysHere, credentials.Credentials):
    """A sign-in as ``google.auth.credentials.Credentials``.

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
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth has few types
        self._tokens = tokens_of(w, resource, scopes)
        self._last: AccessToken | None = None

    def before_request(self, request: Any, method: str, url: str, headers: MutableMapping[str, str]) -> None:
        """Put a fresh token into the headers; also of one that the library would still hold for good."""
        del request, method
        refuse_insecure(url)
        self._take(self._tokens.get())
        self.apply(headers)  # type: ignore[no-untyped-call]  # the same

    def refresh(self, request: Any) -> None:
        """Take another token than the last one, which an API refused.

        Raises
        ------
        TokenError
            Nobody is signed in, or there is no token to be had.
        """
        del request
        new = None if self._last is None else self._tokens.instead_of(self._last)
        self._take(new or self._tokens.get())

    def _take(self, token: AccessToken) -> None:
        self._last = token
        self.token = token.value
        # Without a zone, in UTC, as the library compares it.
        end = datetime.now(timezone.utc) + timedelta(seconds=min(token.expires_in, 86400.0))
        self.expiry = end.replace(tzinfo=None)


def workforce(
    w: OIDCLogin,
    audience: str,
    *,
    id_token: bool = False,
    resource: str | None = None,
    scopes: Sequence[str] | str | None = None,
    **more: Any,
) -> identity_pool.Credentials:
    """Return credentials that exchange the sign-in's token for Google's own (RFC 8693).

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    audience : str
        The workforce pool's provider: ``//iam.googleapis.com/locations/global/workforcePools/…/providers/…``;
        or a workload identity pool's.
    id_token : bool
        Exchange the ID token, which needs ``share_id_token=True``, instead of the access token.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`; of the token that is exchanged.
    **more
        What ``google.auth.identity_pool.Credentials`` takes besides: ``workforce_pool_user_project``,
        ``token_url``, ….

    Raises
    ------
    ConfigurationError
        The ID token is wanted, and the sign-in doesn't share it.
    """
    kind = "id_token" if id_token else "jwt"
    made = identity_pool.Credentials(
        audience=audience,
        subject_token_type=f"urn:ietf:params:oauth:token-type:{kind}",
        subject_token_supplier=_Supplier(subject_token(w, tokens_of(w, resource, scopes), id_token=id_token)),
        **more,
    )
    return made if made.scopes else made.with_scopes(["https://www.googleapis.com/auth/cloud-platform"])


class _Supplier(StaysHere):
    def __init__(self, current: Callable[[], str]) -> None:
        self._current = current

    def get_subject_token(self, _context: object, _request: object) -> str:
        return self._current()
