"""AWS by web identity: the sign-in's token for a role's temporary credentials (``boto3``, ``botocore``).

>>> boto3.Session(botocore_session=session(w, "arn:aws:iam::123456789012:role/notebooks"))   # doctest: +SKIP

The Security Token Service exchanges it (``AssumeRoleWithWebIdentity``) whenever the temporary credentials
end; the identity provider must be known to IAM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.credentials import (
    AssumeRoleWithWebIdentityCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)

from oidc_widget.credentials import subject_token, tokens_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oidc_widget.login import OIDCLogin

__all__ = ["session"]


def session(  # noqa: PLR0913  # each by its name
    w: OIDCLogin,
    role_arn: str,
    *,
    role_session_name: str = "oidc-widget",
    id_token: bool = False,
    resource: str | None = None,
    scopes: Sequence[str] | str | None = None,
    **more: Any,
) -> botocore.session.Session:
    """Return a session of ``botocore`` whose credentials are the role's.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    role_arn : str
        The role.
    role_session_name : str
        How CloudTrail names what is done.
    id_token : bool
        Exchange the ID token, which needs ``share_id_token=True``, instead of the access token.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`; of the token that is exchanged.
    **more
        Other parameters of ``AssumeRoleWithWebIdentity``: ``DurationSeconds``, ``Policy``, ….

    Raises
    ------
    ConfigurationError
        The ID token is wanted, and the sign-in doesn't share it.
    """
    made = botocore.session.get_session()
    fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
        made.create_client,
        subject_token(w, tokens_of(w, resource, scopes), id_token=id_token),
        role_arn,
        extra_args={"RoleSessionName": role_session_name, **more},
    )
    made.register_component("credential_provider", CredentialResolver([_Provider(fetcher.fetch_credentials)]))
    return made


class _Provider(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    METHOD = CANONICAL_NAME = "oidc-widget"

    def __init__(self, fetch: Callable[[], Any]) -> None:
        super().__init__()
        self._fetch = fetch

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(self._fetch, self.METHOD)
