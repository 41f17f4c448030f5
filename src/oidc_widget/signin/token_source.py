"""A sign-in's tokens, as clients want them (:class:`~oidc_widget.fresh_tokens.TokenSource`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oidc_widget.oauth.access_token import AccessToken
    from oidc_widget.signin.sign_in import SignIn
    from oidc_widget.signin.token_cache import Target

__all__ = ["SignInTokens"]


class SignInTokens:
    """One sign-in's tokens for one target."""

    def __init__(self, sign_in: SignIn, target: Target) -> None:
        self._sign_in = sign_in
        self._target = target

    def held(self) -> AccessToken | None:
        """Return the token at hand, or ``None``; asks nobody."""
        return self._sign_in.cache.held(self._target)

    def fetch(self, min_ttl: float, timeout: float | None, stale: AccessToken | None) -> AccessToken:
        """Return a token with so many seconds left, other than the ``stale`` one; wait for it if need be."""
        return self._sign_in.token(self._target, min_ttl, timeout, stale)

    async def fetch_async(
        self, min_ttl: float, timeout: float | None, stale: AccessToken | None
    ) -> AccessToken:
        """Do the same without blocking the event loop."""
        return await self._sign_in.token_async(self._target, min_ttl, timeout, stale)

    def signed_in(self) -> bool:
        """Whether somebody is, also with a token that has ended."""
        return self._sign_in.state.now.session

    def require_session(self) -> None:
        """Raise where a token could only come after a click."""
        self._sign_in.require_session()
