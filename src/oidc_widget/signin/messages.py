"""What pages send, checked where it comes in; after that its types hold.

Any script of the page and any client of the kernel can send such messages, over either lane. What does not
fit is refused with :class:`Malformed`, whose text names the member and never what it held.

They are never compared or shown, and nobody changes one: methods for that, which :func:`dataclass` would
compile when this is imported, would take a fourth of the time that a kernel needs to import a widget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from oidc_widget.oauth.access_token import VSCHARS, AccessToken
from oidc_widget.oauth.secret import Secret
from oidc_widget.signin.problems import as_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from oidc_widget.errors import OIDCError

__all__ = [
    "AnswerMessage",
    "Command",
    "CommandMessage",
    "ExplainMessage",
    "FactsMessage",
    "Malformed",
    "Message",
    "PageMessage",
    "Status",
    "StatusMessage",
    "TokenMessage",
    "read_message",
]

Status = Literal["signed_out", "signing_in", "signed_in", "expired", "error"]
Command = Literal["sign_in", "cancel", "sign_out", "paste"]

#: Characters of an id, an address or a name; what is longer is none.
_LONGEST = 8192
#: Seconds; JSON knows greater numbers than a clock can count. What lives longer lives as long, for us.
_LONGEST_LIFE = 1e10


class Malformed(Exception):  # noqa: N818  # it says what the message is
    """A message that is not what its event asks for."""


@dataclass(eq=False, repr=False)
class Message:
    """One event; ``seq`` counts per link and vault, so that a second copy is told from news."""

    vault: str
    seq: int


@dataclass(eq=False, repr=False)
class TokenMessage(Message):
    """A token of the sign-in's own target, and who signed in."""

    token: AccessToken
    #: The page did not say how long the token lives in all, and this is what it has left.
    lifetime_is_left: bool
    claims: Mapping[str, Any] | None
    account: str | None
    id_token: Secret | None
    session: str | None


@dataclass(eq=False, repr=False)
class StatusMessage(Message):
    """How far the sign-in is."""

    status: Status
    error: OIDCError | None
    ended: bool


@dataclass(eq=False, repr=False)
class PageMessage(Message):
    """What a page says of itself."""

    popup: bool
    redirect_uri: str | None


@dataclass(eq=False, repr=False)
class AnswerMessage(Message):
    """What a vault answers to ``refresh``."""

    id: str
    result: AccessToken | OIDCError


@dataclass(eq=False, repr=False)
class FactsMessage(Message):
    """What a page answers to ``diagnose``."""

    id: str
    facts: Mapping[str, Any]


@dataclass(eq=False, repr=False)
class ExplainMessage(Message):
    """A page asks why its sign-in window may not come back."""

    request: Mapping[str, Any]
    label: str | None
    attempt: object


@dataclass(eq=False, repr=False)
class CommandMessage(Message):
    """What was clicked in a page that shows a sign-in of this kernel's own."""

    name: Command
    address: Secret | None
    #: Which page it was, by a name that it chose.
    page: str | None = None


def read_message(event: object, payload: object) -> Message:
    """Return the message that this is.

    Raises
    ------
    Malformed
        It is none.
    """
    read = _READERS.get(event) if isinstance(event, str) else None
    if read is None:
        raise Malformed("the event is unknown")
    if not isinstance(payload, Mapping) or not all(isinstance(name, str) for name in payload):
        raise Malformed("the payload is no object")
    seq = payload.get("seq", 0)
    if isinstance(seq, bool) or not isinstance(seq, int) or seq < 0:
        raise Malformed("seq is no count")
    return read(payload, _text(payload, "vault") or "", seq)


def _token(payload: Mapping[str, Any], vault: str, seq: int) -> TokenMessage:
    id_token = _text(payload, "id_token", longest=None)
    return TokenMessage(
        vault,
        seq,
        token=_access_token(payload),
        lifetime_is_left=payload.get("lifetime") is None,
        claims=_object(payload, "claims"),
        account=_text(payload, "account"),
        id_token=None if id_token is None else Secret(id_token),
        session=_text(payload, "session"),
    )


def _status(payload: Mapping[str, Any], vault: str, seq: int) -> StatusMessage:
    status: Any = payload.get("status")
    if status not in get_args(Status):
        raise Malformed("status is none of those that there are")
    return StatusMessage(vault, seq, status, _error(payload), _flag(payload, "ended"))


def _page(payload: Mapping[str, Any], vault: str, seq: int) -> PageMessage:
    return PageMessage(vault, seq, _flag(payload, "popup"), _text(payload, "redirect_uri"))


def _answer(payload: Mapping[str, Any], vault: str, seq: int) -> AnswerMessage:
    return AnswerMessage(vault, seq, _needed(payload, "id"), _error(payload) or _access_token(payload))


def _facts(payload: Mapping[str, Any], vault: str, seq: int) -> FactsMessage:
    return FactsMessage(vault, seq, _needed(payload, "id"), payload)


def _explain(payload: Mapping[str, Any], vault: str, seq: int) -> ExplainMessage:
    attempt = payload.get("attempt")
    if not isinstance(attempt, int | str | None):
        raise Malformed("attempt is no count")
    return ExplainMessage(vault, seq, _object(payload, "request") or {}, _text(payload, "label"), attempt)


def _command(payload: Mapping[str, Any], vault: str, seq: int) -> CommandMessage:
    name: Any = payload.get("name")
    address = _text(payload, "address")
    if name not in get_args(Command):
        raise Malformed("name is no command")
    if name == "paste" and address is None:
        raise Malformed("address is missing")
    return CommandMessage(
        vault, seq, name, None if address is None else Secret(address), _text(payload, "page")
    )


_READERS: dict[str, Callable[[Mapping[str, Any], str, int], Message]] = {
    "answer": _answer,
    "command": _command,
    "explain": _explain,
    "facts": _facts,
    "page": _page,
    "status": _status,
    "token": _token,
}


def _access_token(payload: Mapping[str, Any]) -> AccessToken:
    token = _text(payload, "access_token", longest=None)
    if not token or not VSCHARS.fullmatch(token):
        raise Malformed("access_token is missing, or none that a header can hold")
    return AccessToken.lasting(token, _seconds(payload, "expires_in"), _seconds(payload, "lifetime"))


def _error(payload: Mapping[str, Any]) -> OIDCError | None:
    problem = _object(payload, "error")
    if problem is None:
        return None
    code, message, hint = (_text(problem, name) for name in ("code", "message", "hint"))
    return as_error({"code": code, "message": message, "hint": hint})


def _text(payload: Mapping[str, Any], name: str, *, longest: int | None = _LONGEST) -> str | None:
    value = payload.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or (longest is not None and len(value) > longest):
        raise Malformed(f"{name} is no text, or one that is too long")
    return value


def _needed(payload: Mapping[str, Any], name: str) -> str:
    value = _text(payload, name)
    if not value:
        raise Malformed(f"{name} is missing")
    return value


def _object(payload: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = payload.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise Malformed(f"{name} is no object")
    return value


def _flag(payload: Mapping[str, Any], name: str) -> bool:
    value = payload.get(name)
    if value is not None and not isinstance(value, bool):
        raise Malformed(f"{name} is neither true nor false")
    return bool(value)


def _seconds(payload: Mapping[str, Any], name: str) -> float | None:
    value = payload.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  # NaN
        raise Malformed(f"{name} is no number of seconds")
    return float(min(max(0, value), _LONGEST_LIFE))
