"""A credential for the Azure SDK, synchronous and asynchronous.

>>> BlobServiceClient("https://account.blob.core.windows.net", credential=OIDCCredential(w))  # doctest: +SKIP

The SDK asks by protocol (``TokenCredential``, ``SupportsTokenInfo``), so nothing of it is imported.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from oidc_widget.credentials import tokens_of
from oidc_widget.errors import TokenError
from oidc_widget.fresh_tokens import MIN_TTL, StaysHere

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from oidc_widget.fresh_tokens import FreshTokens
    from oidc_widget.login import OIDCLogin
    from oidc_widget.oauth.access_token import AccessToken as Token

__all__ = ["AccessToken", "AccessTokenInfo", "AsyncOIDCCredential", "OIDCCredential"]

#: Seconds for which a token of unknown lifetime is said to live.
_UNKNOWN = 300.0


class AccessToken(NamedTuple):
    """What ``get_token`` returns: the SDK's own, but for its ``repr``, which shows no token."""

    token: str
    expires_on: int

    def __repr__(self) -> str:
        return f"AccessToken(expires_on={self.expires_on})"


@dataclass(frozen=True)
class AccessTokenInfo:
    """What ``get_token_info`` returns: the SDK's own, but for its ``repr``, which shows no token."""

    token: str = field(repr=False)
    expires_on: int
    #: Since when the SDK may ask again, in seconds since the epoch: at once, or it misses a sign-out.
    refresh_on: int
    token_type: str = "Bearer"  # noqa: S105  # no password


class _Base(StaysHere):
    """What both kinds have in common.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    resource : str, optional
        The API that all tokens are for (RFC 8707), where the provider goes by that. Else the SDK's scopes are
        sent, such as ``https://storage.azure.com/.default``; those that were signed in for need no asking.
    """

    def __init__(self, w: OIDCLogin, *, resource: str | None = None) -> None:
        self._w = w
        self._resource = resource
        tokens_of(w, resource)

    def _tokens(self, scopes: tuple[str, ...]) -> FreshTokens:
        if self._resource is not None:
            return tokens_of(self._w, self._resource)
        known = set(self._w._request["scopes"])  # noqa: SLF001  # what was signed in for
        return tokens_of(self._w, scopes=None if set(scopes) <= known else scopes)


class OIDCCredential(_Base):
    """A sign-in as ``azure.core.credentials.TokenCredential``."""

    def get_token(self, *scopes: str, claims: str | None = None, **_options: Any) -> AccessToken:
        """Return a token for these scopes.

        Parameters
        ----------
        *scopes : str
            What the SDK needs.
        claims : str, optional
            Those of a challenge after a refusal. A new token is asked for, which is enough where the old one
            was revoked; what only a new sign-in can give is an error.

        Raises
        ------
        TokenError
            Nobody is signed in, or there is no token to be had.
        """
        token = self._get(scopes, claims)
        return AccessToken(token.value, _ends(token))

    def get_token_info(self, *scopes: str, options: Mapping[str, Any] | None = None) -> AccessTokenInfo:
        """Return the same with more about it; ``options`` may hold ``claims``."""
        return _info(self._get(scopes, (options or {}).get("claims")))

    def _get(self, scopes: tuple[str, ...], claims: str | None) -> Token:
        tokens = self._tokens(scopes)
        token = tokens.get()
        if not claims:
            return token
        new = tokens.instead_of(token)
        if new is None:
            raise _challenged()
        return new

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncOIDCCredential(_Base):
    """A sign-in as ``azure.core.credentials_async.AsyncTokenCredential``."""

    async def get_token(self, *scopes: str, claims: str | None = None, **_options: Any) -> AccessToken:
        """Return what :meth:`OIDCCredential.get_token` does, without blocking the event loop."""
        token = await self._get(scopes, claims)
        return AccessToken(token.value, _ends(token))

    async def get_token_info(self, *scopes: str, options: Mapping[str, Any] | None = None) -> AccessTokenInfo:
        """Return what :meth:`OIDCCredential.get_token_info` does, without blocking the event loop."""
        return _info(await self._get(scopes, (options or {}).get("claims")))

    async def _get(self, scopes: tuple[str, ...], claims: str | None) -> Token:
        tokens = self._tokens(scopes)
        token = await tokens.get_async()
        if not claims:
            return token
        new = await tokens.instead_of_async(token)
        if new is None:
            raise _challenged()
        return new

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _ends(token: Token) -> int:
    """Return until when the SDK may keep the token: it sends it up to that second, and only once."""
    left = min(token.expires_in, 86400.0 if token.lifetime < float("inf") else _UNKNOWN)
    return int(time.time() + left - min(MIN_TTL, left / 2))


def _info(token: Token) -> AccessTokenInfo:
    return AccessTokenInfo(token.value, _ends(token), int(time.time()))


def _challenged() -> TokenError:
    return TokenError(
        "The service wants other claims in the token than this sign-in gives.",
        hint='Sign in anew with what it wants: OIDCLogin(…, extra_params={"claims": …}).',
    )
