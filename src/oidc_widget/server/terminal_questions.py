"""What terminals ask the person's open pages for: an access token, which passes through and is kept nowhere.

A browser *listens* while a page of this server is open in it in which the person allowed it. Each question
goes to every browser that listens; the first token is the answer, and an error is one when all have erred.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from oidc_widget.relay import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from oidc_widget.oauth.secret import Secret

__all__ = ["Question", "TerminalQuestions"]

#: Seconds that a browser has to come back with its next request after the last one was answered.
_BETWEEN = 3
#: Seconds that a request of a browser waits for a question: less than any proxy waits for an answer.
_LISTENING = 25
#: What one server has under way at most, of questions and of browsers that listen.
_MOST = 50


@dataclass(eq=False)
class Question:
    """A provider's name, and who wants a token of it.

    Parameters
    ----------
    provider : str
        As the person wrote it.
    user : str or None
        Whose pages may answer; ``None``: anybody's who is signed in to this server, which knows no users.
    """

    provider: str
    user: str | None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    erred: set[str] = field(default_factory=set)
    answered: asyncio.Future[Secret] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future(), repr=False
    )

    def is_for(self, user: str) -> bool:
        """Whether this user's pages may answer."""
        return self.user is None or self.user == user


class TerminalQuestions:
    """The questions of one server, in memory, each until it is answered or nobody waits any more.

    Parameters
    ----------
    now : callable, optional
        A monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._open: dict[str, Question] = {}
        self._listening: dict[asyncio.Event, tuple[str, str]] = {}
        self._between: dict[str, tuple[str, float]] = {}

    async def ask(self, provider: str, user: str | None, timeout: float) -> Secret:
        """Return an access token of this provider.

        Raises
        ------
        Refusal
            No browser listens, none of them has one, or none answers in time.
        """
        question = Question(provider, user)
        if not self._listeners(question):
            raise Refusal(
                HTTPStatus.CONFLICT,
                "terminal_not_allowed",
                "No open page of this Jupyter server lets terminals have access tokens. Open JupyterLab, and "
                "in its sidebar sign in and switch on “Access tokens for terminals”.",
            )
        if len(self._open) >= _MOST:
            raise _too_many()
        self._open[question.id] = question
        for event in self._listening:
            event.set()
        try:
            return await asyncio.wait_for(question.answered, timeout)
        except asyncio.TimeoutError:
            raise Refusal(
                HTTPStatus.GATEWAY_TIMEOUT,
                "timeout",
                f"No page answered within {timeout:g} s. See that JupyterLab is open, and ask again.",
            ) from None
        finally:
            del self._open[question.id]

    async def listen(self, browser: str, user: str, working: Collection[str] = ()) -> Question | None:
        """Return the next question for a browser; ``None`` where there is none for a while.

        Parameters
        ----------
        browser : str
            Its own name for itself.
        user : str
            Who is signed in there.
        working : collection of str
            The questions that it works on; what was lost on the way to it is none of them, and sent again.
        """
        if len(self._listening) >= _MOST:
            raise _too_many()
        event = asyncio.Event()
        self._listening[event] = (browser, user)
        until = self._now() + _LISTENING
        try:
            while (question := self._next(browser, user, working)) is None:
                event.clear()
                await asyncio.wait_for(event.wait(), until - self._now())
        except asyncio.TimeoutError:
            question = None
        except asyncio.CancelledError:  # the browser has hung up
            self._between.pop(browser, None)
            raise
        finally:
            del self._listening[event]
        self._between[browser] = (user, self._now())
        return question

    def answer(self, id_: str, browser: str, user: str, answer: Secret | Refusal) -> None:
        """Take a browser's answer; the first token counts.

        Raises
        ------
        Refusal
            There is no such question, or none for this browser, any more.
        """
        question = self._open.get(id_)
        if (
            question is None
            or not question.is_for(user)
            or browser in question.erred
            or question.answered.done()
        ):
            raise Refusal(HTTPStatus.NOT_FOUND, "invalid_request", "Nobody waits for this answer any more.")
        if not isinstance(answer, Refusal):
            question.answered.set_result(answer)
            return
        question.erred.add(browser)
        if self._listeners(question) <= question.erred:
            question.answered.set_exception(answer)

    def _next(self, browser: str, user: str, working: Collection[str]) -> Question | None:
        for question in self._open.values():
            new = question.id not in working and browser not in question.erred
            if new and question.is_for(user) and not question.answered.done():
                return question
        return None

    def _listeners(self, question: Question) -> set[str]:
        """Return the browsers that listen and may answer."""
        recent = self._now() - _BETWEEN
        self._between = {name: (user, at) for name, (user, at) in self._between.items() if at > recent}
        now = [*self._listening.values(), *((name, user) for name, (user, _) in self._between.items())]
        return {name for name, user in now if question.is_for(user)}


def _too_many() -> Refusal:
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too_many_requests",
        "Too many terminals or pages wait at once. Wait for the others, and try again.",
        {"Retry-After": "5"},
    )
