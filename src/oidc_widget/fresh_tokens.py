"""Fresh access tokens for clients: of the sign-in, only what somebody needs who sends them.

Everything here, in :mod:`oidc_widget.auth`, :mod:`oidc_widget.credentials` and :mod:`oidc_widget.dask` that
wants a token asks a :class:`FreshTokens`; nothing of it knows what stands behind.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, NoReturn, Protocol

from oidc_widget.errors import OIDCError, TokenError
from oidc_widget.oauth import clock
from oidc_widget.oauth.retry import RetrySchedule

if TYPE_CHECKING:
    from oidc_widget.oauth.access_token import AccessToken

__all__ = ["MIN_TTL", "FreshTokens", "StaysHere", "TokenSource"]

#: Seconds that a token must have left for a request; one that is about to end would arrive too late.
MIN_TTL = 30.0
#: Seconds to wait for a new token where there is none.
_TIMEOUT = 60.0
#: Seconds to wait for a new token where the one at hand still lives.
_PATIENCE = 5.0
#: Seconds that a token must have left to be worth keeping in reserve while a new one is waited for.
_RESERVE = 2.0
#: After these, a token at hand is no longer good either; whatever else failed may pass.
_FINAL = frozenset({"invalid_grant", "unknown_client", "id_token_invalid"})


class TokenSource(Protocol):
    """What is needed of a sign-in: its tokens for one target."""

    def held(self) -> AccessToken | None:
        """Return the token at hand, or ``None``; asks nobody."""

    def fetch(self, min_ttl: float, timeout: float | None, stale: AccessToken | None) -> AccessToken:
        """Return a token with so many seconds left, other than the ``stale`` one; wait for it if need be."""

    async def fetch_async(
        self, min_ttl: float, timeout: float | None, stale: AccessToken | None
    ) -> AccessToken:
        """Do the same without blocking ``asyncio``'s loop."""

    def signed_in(self) -> bool:
        """Whether somebody is, also with a token that has ended."""

    def require_session(self) -> None:
        """Raise :class:`~oidc_widget.errors.TokenError` where a token could only come after a click."""


class StaysHere:
    """What hands out a person's tokens: not to be pickled, and a copy of it is itself."""

    def __copy__(self) -> object:
        return self

    def __deepcopy__(self, _memo: object) -> object:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} stays in the process that signed in: it can't be pickled. For the tasks "
            "of a Dask cluster use oidc_widget.dask.share; for another process here, w.token_file()."
        )


class FreshTokens(StaysHere):
    """One sign-in's tokens for one target, each good for a while.

    Any number of threads and event loops may share it. Tokens are handed out as objects whose ``repr`` is
    safe: frames of a traceback show their locals.
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        #: It has given a token out: then somebody signed in, and may have signed out since.
        self._used = False
        self._retry = RetrySchedule()
        self._paused_until = 0.0  # a time of `clock.now`
        #: The token that a refusal brought: a second refusal has another reason than the token.
        self._from_refusal: AccessToken | None = None

    def held(self) -> AccessToken | None:
        """Return the token at hand while it lives; asks nobody."""
        token = self._source.held()
        return token if token is not None and token.lives() else None

    # ---- for the next request ------------------------------------------------------------------------

    def get(self, min_ttl: float = MIN_TTL, timeout: float | None = _TIMEOUT) -> AccessToken:
        """Return a token with so many seconds left, and wait for it if need be.

        One that has less left is used until it ends where no new one can be had for now.

        Raises
        ------
        TokenError
            Nobody is signed in, or there is no token to be had.
        """
        ready, living = self._at_hand(min_ttl)
        if ready is not None:
            return ready
        self._require_session()
        try:
            token = self._source.fetch(min_ttl, _patience(timeout, living), None)
        except OIDCError as error:
            return self._reserve(error)
        return self._served(token)

    async def get_async(self, min_ttl: float = MIN_TTL, timeout: float | None = _TIMEOUT) -> AccessToken:
        """Do the same without blocking, in ``asyncio`` and in Trio."""
        ready, living = self._at_hand(min_ttl)
        if ready is not None:
            return ready
        self._require_session()
        try:
            token = await self._fetch_async(min_ttl, _patience(timeout, living), None)
        except OIDCError as error:
            return self._reserve(error)
        return self._served(token)

    async def wait_async(self, min_ttl: float, timeout: float | None) -> AccessToken:
        """Return a token with so many seconds left; while nobody is signed in, wait for that too."""
        return await self._fetch_async(min_ttl, timeout, None)

    # ---- after a refusal -----------------------------------------------------------------------------

    def instead_of(self, refused: AccessToken, timeout: float | None = _TIMEOUT) -> AccessToken | None:
        """Return another token than the one that an API refused; ``None``: it would not help, or isn't there.

        A token that came after a refusal is not thrown away for the next one: an API that refuses whatever it
        is sent would else cost a renewal with each request.
        """
        if not self._is_worth_it(refused):
            return None
        known = self._other_than(refused)
        try:
            token = self._source.fetch(0, timeout, refused)
        except OIDCError:
            self._pause()
            return None  # the API's own answer says more than "no token"
        return self._renewed(token, asked=not known)

    async def instead_of_async(
        self, refused: AccessToken, timeout: float | None = _TIMEOUT
    ) -> AccessToken | None:
        """Do the same without blocking."""
        if not self._is_worth_it(refused):
            return None
        known = self._other_than(refused)
        try:
            token = await self._fetch_async(0, timeout, refused)
        except OIDCError:
            self._pause()
            return None
        return self._renewed(token, asked=not known)

    # ---- both ----------------------------------------------------------------------------------------

    def _at_hand(self, min_ttl: float) -> tuple[AccessToken | None, AccessToken | None]:
        """Return the token to use without asking, and the one that still lives."""
        held = self._source.held()
        if held is None or not held.lives():
            return None, None
        self._used = True
        if held.serves(min_ttl) or clock.now() < self._paused_until:
            return held, held
        return None, held

    def _require_session(self) -> None:
        """Raise where nobody is signed in and no new sign-in must begin: a client that was in use is told."""
        if self._used and not self._source.signed_in():
            raise TokenError("Nobody is signed in.", hint="Sign in again; what uses the token goes on then.")
        self._source.require_session()

    def _served(self, token: AccessToken) -> AccessToken:
        self._used = True
        self._retry.succeeded()
        return token

    def _reserve(self, error: OIDCError) -> AccessToken:
        """Return the token that still lives, after an ``error`` that may pass."""
        self._pause()
        held = self._source.held()
        if error.code in _FINAL or held is None or not held.lives():
            raise error
        return held

    def _pause(self) -> None:
        self._paused_until = clock.now() + self._retry.failed()

    def _other_than(self, refused: AccessToken) -> bool:
        """Whether the token was renewed meanwhile, so that nobody needs to be asked."""
        held = self._source.held()
        return held is not None and held.value != refused.value and held.lives()

    def _is_worth_it(self, refused: AccessToken) -> bool:
        if self._other_than(refused):
            return True
        last = self._from_refusal
        if not self._source.signed_in():
            return False
        return (last is None or refused.value != last.value) and clock.now() >= self._paused_until

    def _renewed(self, token: AccessToken, *, asked: bool) -> AccessToken:
        self._retry.succeeded()
        if asked:
            self._from_refusal = token
        return token

    async def _fetch_async(
        self, min_ttl: float, timeout: float | None, stale: AccessToken | None
    ) -> AccessToken:
        trio = sys.modules.get("trio")
        if trio is None or not trio.lowlevel.in_trio_task():
            return await self._source.fetch_async(min_ttl, timeout, stale)

        def fetch() -> AccessToken:
            return asyncio.run(self._source.fetch_async(min_ttl, timeout, stale))

        # Who stops waiting is not held up by the thread, which ends at the time-out at the latest.
        token: AccessToken = await trio.to_thread.run_sync(fetch, abandon_on_cancel=True)
        return token


def _patience(timeout: float | None, living: AccessToken | None) -> float | None:
    """Return the seconds to wait: few where a token is there that can be used meanwhile."""
    if living is None or living.expires_in < 2 * _RESERVE:
        return timeout
    patience = min(_PATIENCE, living.expires_in - _RESERVE)
    return patience if timeout is None else min(patience, timeout)
