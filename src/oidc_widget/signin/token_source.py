"""A sign-in's tokens, as clients want them (:class:`~oidc_widget.fresh_tokens.TokenSource`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.signin.token_cache import OWN

if TYPE_CHECKING:
    from oidc_widget.signin.sign_in import Desk
    from oidc_widget.signin.token_cache import Target

__all__ = ["SignInTokens"]


class SignInTokens:
    """One sign-in's tokens for one target.

    Parameters
    ----------
    desk : Desk
        The sign-in.
    target : Target
        Which API and which rights.
    """

    def __init__(self, desk: Desk, target: Target = OWN) -> None:
        self._desk = desk
        self._target = target

    def held(self) -> AccessToken | None:
        """Return the token at hand, or ``None``; asks nobody."""
        return self._desk.requests.held(self._target)

    def fetch(self, min_ttl: float, timeout: float | None, stale: AccessToken | None) -> AccessToken:
        """Return a token with so many seconds left, other than the ``stale`` one; wait for it if need be."""
        return self._known(self._desk.token(self._target, min_ttl, timeout, _unseen(stale)))

    async def fetch_async(
        self, min_ttl: float, timeout: float | None, stale: AccessToken | None
    ) -> AccessToken:
        """Do the same without blocking the event loop."""
        return self._known(await self._desk.token_async(self._target, min_ttl, timeout, _unseen(stale)))

    def signed_in(self) -> bool:
        """Whether somebody is, also with a token that has ended."""
        return self._desk.keeper.state.session

    def require_session(self) -> None:
        """Raise where a token could only come after a click."""
        self._desk.require_session()

    def _known(self, value: str) -> AccessToken:
        """Return the token with its lifetime, which the one who asked is not told."""
        held = self.held()
        return held if held is not None and held.value == value else AccessToken(value)


class _Unseen(str):
    """A token that the locals of a frame don't show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "…"


def _unseen(token: AccessToken | None) -> str | None:
    return None if token is None else _Unseen(token.value)
