"""Fresh tokens on request: one question to whoever can renew, however many ask at once."""

from __future__ import annotations

import asyncio
import threading
import uuid
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from oidc_widget.errors import OIDCError, TokenError
from oidc_widget.oauth import clock
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.signin.threads import result as result_of
from oidc_widget.signin.threads import scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from oidc_widget.signin.state import State

__all__ = ["OWN", "Target", "TokenCache"]

#: Seconds that others have to answer after a refusal that may not count.
_GRACE = 2.0


class Target(NamedTuple):
    """Which API and which rights (RFC 8707 §2, RFC 6749 §6); ``None``: those of the sign-in."""

    resource: str | None = None
    scopes: tuple[str, ...] | None = None


#: What the person signed in for.
OWN = Target()


class _Question:
    """Asked once, waited for by many."""

    def __init__(self, target: Target, stale: AccessToken | None) -> None:
        self.target = target
        self.stale = stale
        self.id = uuid.uuid4().hex
        self.answer: Future[AccessToken | OIDCError] = Future()
        self.waiting = 1


class TokenCache:
    """The tokens of one sign-in, by target, and the questions that are open.

    Tokens are handed on as objects whose ``repr`` is safe: a traceback may show the locals of each frame.

    Parameters
    ----------
    state : State
        Holds the sign-in's own token.
    ask : callable
        Passes a question on: its id, the target, and the seconds that a token at hand must have left
        (``None``: a new one in any case). It must not wait; the answer comes by :meth:`answer`.
    """

    def __init__(self, state: State, ask: Callable[[str, Target, float | None], None]) -> None:
        self._state = state
        self._ask = ask
        self._lock = threading.Lock()
        self._tokens: dict[Target, AccessToken] = {}
        self._open: dict[Target, _Question] = {}

    def held(self, target: Target) -> AccessToken | None:
        """Return the last token that came for this target."""
        return self._state.now.token if target == OWN else self._tokens.get(target)

    def at_hand(self, target: Target, min_ttl: float, stale: AccessToken | None = None) -> AccessToken | None:
        """Return the token if it has that much left and is not the ``stale`` one."""
        token = self.held(target)
        if token is None or _same(token, stale) or not token.serves(min_ttl):
            return None
        return token

    def get(
        self, target: Target, min_ttl: float, timeout: float | None, stale: AccessToken | None = None
    ) -> AccessToken:
        """Return a fresh token, and wait for it if need be.

        Raises
        ------
        TokenError
            There is none to be had, or not within ``timeout`` seconds.
        """
        found = self._board(target, min_ttl, stale)
        if isinstance(found, AccessToken):
            return found
        try:
            return _answered(result_of(found.answer, timeout))
        except FutureTimeout as cause:
            raise _late(timeout) from cause
        finally:
            self._leave(found)

    async def get_async(
        self, target: Target, min_ttl: float, timeout: float | None, stale: AccessToken | None = None
    ) -> AccessToken:
        """Do the same without blocking, in any event loop."""
        found = self._board(target, min_ttl, stale)
        if isinstance(found, AccessToken):
            return found
        try:
            # Shielded: who stops waiting takes the answer from nobody else.
            return _answered(
                await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(found.answer)), timeout)
            )
        except asyncio.TimeoutError as cause:  # not yet the built-in one on Python 3.10
            raise _late(timeout) from cause
        finally:
            self._leave(found)

    def is_open(self) -> bool:
        """Whether a new token for the sign-in's own target has been asked for."""
        with self._lock:
            return OWN in self._open

    def doubt(self, question_id: str, refusal: OIDCError) -> None:
        """Take in a refusal by somebody who may not be the one to ask: another one may answer still."""
        scheduler.at(clock.now() + _GRACE, partial(self.answer, question_id, refusal))

    def answer(self, question_id: str, result: AccessToken | OIDCError) -> bool:
        """Take the answer to a question in; ``False``: nobody waits for it."""
        with self._lock:
            question = next((one for one in self._open.values() if one.id == question_id), None)
            if question is None:
                return False
            if question.target != OWN:
                if isinstance(result, AccessToken):
                    self._tokens[question.target] = result
                del self._open[question.target]
        if question.target == OWN:
            # Else whoever asks next would still find the old one there, and ask again.
            if isinstance(result, AccessToken) and not _same(result, question.stale):
                self._state.take_renewed(result)
            with self._lock:
                if self._open.get(OWN) is question:
                    del self._open[OWN]
        _settle(question, result)
        return True

    def arrived(self, token: AccessToken) -> None:
        """Give the sign-in's new token to those who wait for one, whoever asked for it."""
        with self._lock:
            question = self._open.get(OWN)
            if question is None or _same(token, question.stale):
                return
            del self._open[OWN]
        _settle(question, token)

    def forget(self, reason: OIDCError) -> None:
        """Drop the tokens of all targets, and end all waiting for one."""
        with self._lock:
            self._tokens.clear()
            questions, self._open = list(self._open.values()), {}
        for question in questions:
            _settle(question, reason)

    def _board(self, target: Target, min_ttl: float, stale: AccessToken | None) -> AccessToken | _Question:
        with self._lock:
            # Once more, now that nobody else changes it: the answer may have come a moment ago.
            token = self.at_hand(target, min_ttl, stale)
            if token is not None:
                return token
            question = self._open.get(target)
            if question is not None:
                question.waiting += 1
                return question
            question = _Question(target, self.held(target))
            self._open[target] = question
        try:
            self._ask(question.id, target, None if stale or target == OWN else min_ttl)
        except BaseException:
            # Nobody else must wait for what was never asked.
            self.answer(question.id, TokenError("The token could not be asked for."))
            raise
        return question

    def _leave(self, question: _Question) -> None:
        """Whoever comes after the last one gave up asks anew: the page may have been closed meanwhile."""
        with self._lock:
            question.waiting -= 1
            if question.waiting == 0 and self._open.get(question.target) is question:
                del self._open[question.target]


def _same(one: AccessToken, other: AccessToken | None) -> bool:
    return other is not None and one.value == other.value


def _settle(question: _Question, result: AccessToken | OIDCError) -> None:
    if not question.answer.done():
        question.answer.set_result(result)


def _answered(result: AccessToken | OIDCError) -> AccessToken:
    if isinstance(result, AccessToken):
        return result
    # An exception of one's own for each who waits: a shared one would collect all their tracebacks.
    raise TokenError(result.message, code=result.code, hint=result.hint) from result


def _late(timeout: float | None) -> TokenError:
    return TokenError(
        f"No fresh token came within {timeout:.3g} s.",
        code="timeout",
        hint="Is a page with this widget still open? It renews the token.",
    )
