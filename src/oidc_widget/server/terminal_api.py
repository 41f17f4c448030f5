"""``oidc-widget/api/terminal-token``: a terminal asks, an open page's browser answers, nothing stays.

``POST terminal-token`` is the terminal's; ``…/next`` and ``…/<id>`` are the browser's, whose vault holds the
sign-ins (``frontend/vault/terminals.ts``). All are for signed-in users, and none is a GET, so that a cookie
alone does nothing (XSRF).
"""

from __future__ import annotations

import asyncio
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import authenticated

from oidc_widget.oauth.access_token import VSCHARS
from oidc_widget.oauth.saying import printable
from oidc_widget.oauth.secret import Secret
from oidc_widget.relay import Refusal, handlers

from .terminal_questions import TerminalQuestions

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import TypeVar

    Found = TypeVar("Found")

__all__ = ["routes"]

_LARGEST = 64 * 1024  # bytes: a token of hundreds of groups is 16 kB
_LONGEST_NAME = 2000  # characters: of a provider, which may be an address
_LONGEST_SENTENCE = 2000
_LONGEST_WAIT = 300  # seconds
_MOST_WORK = 100  # questions
_NAME = re.compile(r"[\w-]{1,100}")  # a browser's, or an error's code


class _Handler(handlers.JSONHandler, APIHandler):
    auth_resource = "oidc-widget"

    def initialize(self, questions: TerminalQuestions) -> None:
        self._questions = questions
        self._waiting: asyncio.Future[Any] | None = None

    @property
    def _username(self) -> str:
        return str(self.current_user.username)

    def _document(self) -> dict[str, Any]:
        """Return the JSON object that was sent."""
        content_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise _invalid("The body must be application/json.", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        if len(self.request.body) > _LARGEST:
            raise _invalid("The body is too large.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            document = json.loads(self.request.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            # Without the cause, which quotes the body.
            raise _invalid("The body is no JSON object.") from None
        return document

    async def _unless_gone(self, work: Coroutine[Any, Any, Found]) -> Found | None:
        """Wait as long as whoever asked does."""
        self._waiting = waiting = asyncio.ensure_future(work)
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled():
                raise
            return None

    def on_connection_close(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        super().on_connection_close()


class _AskHandler(_Handler):
    @authenticated
    @authorized
    async def post(self) -> None:
        """Answer a terminal with an access token."""
        document = self._document()
        provider: Any = document.get("provider")
        timeout: Any = document.get("timeout")
        if not isinstance(provider, str) or not 0 < len(provider) <= _LONGEST_NAME:
            raise _invalid("The provider is missing, or no name.")
        if type(timeout) not in {int, float} or not 0 < timeout <= _LONGEST_WAIT:
            raise _invalid(f"The timeout is no number of seconds up to {_LONGEST_WAIT}.")
        user = None if self._names_nobody() else self._username
        token = await self._unless_gone(self._questions.ask(provider, user, timeout))
        if token is not None:
            self.answer(HTTPStatus.OK, {"access_token": token.reveal()})

    def _names_nobody(self) -> bool:
        """Whether all users of this server have one token, or none has any: then it does not tell who asks.

        Jupyter Server gives each such request another name; on a Hub, and wherever else the administrator has
        put another identity provider, a terminal is its user's, and only that one's pages are asked.
        """
        provider = self.identity_provider
        return type(provider).get_user is IdentityProvider.get_user and (
            self.token_authenticated or not provider.auth_enabled
        )


class _NextHandler(_Handler):
    # A page that waits is nobody's work: else no server with one would ever be idle.
    _track_activity = False

    @authenticated
    @authorized
    async def post(self) -> None:
        """Answer a browser with the next question, as soon as there is one."""
        document = self._document()
        working = document.get("working")
        if not isinstance(working, list) or len(working) > _MOST_WORK:
            raise _invalid("The list of what the browser works on is missing.")
        question = await self._unless_gone(
            self._questions.listen(_browser(document), self._username, working)
        )
        if question is None:
            self.answer(HTTPStatus.NO_CONTENT, None)
        else:
            self.answer(HTTPStatus.OK, {"id": question.id, "provider": question.provider})


class _AnswerHandler(_Handler):
    @authenticated
    @authorized
    async def post(self, id_: str) -> None:
        """Take a browser's answer: a token, or why there is none."""
        document = self._document()
        self._questions.answer(id_, _browser(document), self._username, _answer(document))
        self.answer(HTTPStatus.NO_CONTENT, None)


def _browser(document: dict[str, Any]) -> str:
    browser = document.get("browser")
    if not isinstance(browser, str) or not _NAME.fullmatch(browser):
        raise _invalid("The browser's name is missing.")
    return browser


def _answer(document: dict[str, Any]) -> Secret | Refusal:
    token, code, sentence = (document.get(name) for name in ("access_token", "error", "error_description"))
    if isinstance(token, str) and VSCHARS.fullmatch(token):
        return Secret(token)
    if token is None and isinstance(code, str) and _NAME.fullmatch(code) and isinstance(sentence, str):
        return Refusal(HTTPStatus.CONFLICT, code, printable(sentence, _LONGEST_SENTENCE))
    raise _invalid("The answer is neither a token nor an error.")


def _invalid(sentence: str, status: int = HTTPStatus.BAD_REQUEST) -> Refusal:
    return Refusal(status, "invalid_request", sentence)


def routes(base: str) -> list[Any]:
    """List the routes of terminals' tokens.

    Parameters
    ----------
    base : str
        ``{base_url}oidc-widget``.
    """
    terminal_token, given = url_path_join(base, "api", "terminal-token"), {"questions": TerminalQuestions()}
    return [
        (terminal_token, _AskHandler, given),
        (url_path_join(terminal_token, "next"), _NextHandler, given),
        (url_path_join(terminal_token, "([A-Za-z0-9_-]{43})"), _AnswerHandler, given),
    ]
