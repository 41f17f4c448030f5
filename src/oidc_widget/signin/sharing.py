"""One session for all widgets of a person that it can serve, by the vault's own rules.

The twin of ``frontend/vault/sessions/sharing-rules.ts``.
"""

from __future__ import annotations

import re
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from oidc_widget.errors import OIDCError
from oidc_widget.oauth.provider import parse_authority
from oidc_widget.signin.control_channel import running_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.signin.session import KernelSession

__all__ = ["ANEW", "SharedSessions", "serves", "sessions_here"]

#: These ask for another sign-in than the one that there is (OpenID Connect Core §3.1.2.1, Prompt Create
#: §4.1).
ANEW = re.compile(r"\b(login|select_account|create)\b")


class Candidate(Protocol):
    """Who may want a session that another one signed in for."""

    def offer(self, session: KernelSession) -> None:
        """Take it, if nobody is signed in here and it serves."""


class SharedSessions:
    """The sessions of one person's runtime, and who may want one."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sessions: list[KernelSession] = []
        self._candidates: weakref.WeakSet[Candidate] = weakref.WeakSet()

    def enter(self, candidate: Candidate) -> None:
        """Offer this one what there is, and what comes; the newest first."""
        with self._lock:
            self._candidates.add(candidate)
            self._sessions = [session for session in self._sessions if session.alive]
            found = list(reversed(self._sessions))
        for session in found:
            candidate.offer(session)

    def leave(self, candidate: Candidate) -> None:
        """Offer this one nothing more."""
        with self._lock:
            self._candidates.discard(candidate)

    def add(self, session: KernelSession) -> None:
        """Offer a new session to all who may want one."""
        with self._lock:
            self._sessions = [*(one for one in self._sessions if one.alive), session]
            candidates = list(self._candidates)
        for candidate in candidates:
            candidate.offer(session)


def serves(session: KernelSession, request: Mapping[str, Any]) -> bool:
    """Whether a session may answer a request: same provider and client, nobody else was asked for."""
    own = session.request
    if not session.alive or own["client_id"] != request.get("client_id"):
        return False
    if not _same_authority(own["authority"], request.get("authority")):
        return False
    given, asked = own.get("extra_params") or {}, dict(request.get("extra_params") or {})
    login_hint, prompt = asked.pop("login_hint", None), asked.pop("prompt", "")
    # Another way to sign in (`acr_values`, `connector_id`, …) is asked of the provider, unless it was before.
    if any(given.get(name) != value for name, value in asked.items()):
        return False
    claims = session.claims or {}
    names = {claims.get(name) for name in ("sub", "preferred_username", "email")} | {session.account}
    if login_hint not in names if login_hint is not None else ANEW.search(prompt):
        return False
    try:
        session.require_authentication(request)
    except OIDCError:
        return False
    return True


def _same_authority(one: str, other: object) -> bool:
    try:
        return isinstance(other, str) and _issuer(one) == _issuer(other)
    except OIDCError:
        return False


def _issuer(authority: str) -> str:
    return parse_authority(authority).rstrip("/")


_here: dict[int, SharedSessions] = {}


def sessions_here() -> SharedSessions:
    """Return those of the runtime that runs this code: an ipykernel's process, or a session of marimo.

    Anywhere else nothing is shared: the threads of a server work for several people.
    """
    runtime = running_kernel() or _marimo_session()
    if runtime is None:
        return SharedSessions()
    sessions = _here.get(id(runtime))
    if sessions is None:
        sessions = _here.setdefault(id(runtime), SharedSessions())
        weakref.finalize(runtime, _here.pop, id(runtime), None)
    return sessions


def _marimo_session() -> Any | None:
    """Return the context of the marimo session that this thread works for; in run mode each has a thread."""
    module = sys.modules.get("marimo._runtime.context")
    if module is None:
        return None
    try:
        context = module.get_context()
    except Exception:  # noqa: BLE001  # whatever it raises: this thread works for none
        return None
    while getattr(context, "parent", None) is not None:  # a notebook that is embedded in another one
        context = context.parent
    return context
