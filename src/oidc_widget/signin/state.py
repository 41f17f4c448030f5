"""What this kernel holds of a sign-in, and everybody who waits for a change of it."""

from __future__ import annotations

import math
import threading
from concurrent.futures import Future
from copy import copy
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from oidc_widget.signin.claims import readable
from oidc_widget.signin.threads import scheduler, weakly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.errors import OIDCError
    from oidc_widget.oauth.access_token import AccessToken
    from oidc_widget.oauth.secret import Secret
    from oidc_widget.signin.messages import Status
    from oidc_widget.signin.threads import Timer

__all__ = ["Kind", "Snapshot", "State"]

#: Who waits: the thread that takes in what is clicked in pages, which may not come through meanwhile, or
#: (``"free"``) anybody else.
Kind = Literal["blocking", "awaiting", "free"]


class Snapshot(NamedTuple):
    """All that changes, replaced as a whole: whoever reads sees one moment."""

    status: Status = "signed_out"
    token: AccessToken | None = None
    id_token: Secret | None = None
    claims: Mapping[str, Any] | None = None
    account: str | None = None
    error: OIDCError | None = None
    #: Somebody signed in, and has not signed out: a token that expired may still be renewed.
    session: bool = False

    @property
    def access_token(self) -> str | None:
        """The token, while it lives."""
        token = self.token
        return token.value if token is not None and token.lives() else None

    @property
    def value(self) -> Mapping[str, Any]:
        """Who is signed in and until when, without a token."""
        token = self.token
        left = None if token is None or not token.lives() or math.isinf(token.expires) else token.expires_in
        return {
            "status": self.status,
            "name": self.account,
            "sub": (self.claims or {}).get("sub"),
            "expires_at": None
            if left is None
            else datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=round(left)),
        }

    @property
    def person(self) -> object:
        """Who signed in: ``sub`` (OpenID Connect Core §2), or what else tells people apart."""
        return (self.claims or {}).get("sub", self.account)

    def renews(self, old: Snapshot) -> bool:
        """Whether nothing is new but the token, and what the provider says of the same person."""
        return (
            old.token is not None
            and self.person == old.person
            and self == old._replace(token=self.token, id_token=self.id_token, claims=self.claims)
        )

    def __repr__(self) -> str:
        return f"Snapshot(status={self.status!r}, token={self.token!r})"


class State:
    """What there is :attr:`now`; any thread may read, change or wait.

    Parameters
    ----------
    on_change : callable
        Called with the old and the new state after each change, one change after the other, in the thread
        that made it: it must be quick.
    """

    def __init__(self, on_change: Callable[[Snapshot, Snapshot], None]) -> None:
        self._now = Snapshot()
        self._on_change = on_change
        self._lock = threading.RLock()
        self._waiting: dict[Future[AccessToken], Kind] = {}
        self._end_of_token: Timer | None = None

    @property
    def now(self) -> Snapshot:
        """What there is at this moment: also of a token that has just ended, before anybody is told."""
        return _without_a_dead_token(self._now)

    def forget(self) -> None:
        """Forget everything, and tell nobody."""
        self._now = Snapshot()

    def take_token(
        self,
        token: AccessToken,
        *,
        claims: Mapping[str, Any] | None = None,
        account: str | None = None,
        id_token: Secret | None = None,
    ) -> None:
        """Somebody signed in, or the token was renewed."""
        new = Snapshot(
            status="signed_in",
            token=token,
            id_token=id_token,
            claims=readable(claims),
            account=account,
            session=True,
        )
        self._change(lambda _: new)

    def take_renewed(self, token: AccessToken) -> None:
        """Take a new token of the same sign-in, with nothing new about the person."""
        self._change(
            lambda old: old._replace(status="signed_in", token=token, error=None) if old.session else old
        )

    def take_status(self, status: Status, error: OIDCError | None = None, *, ended: bool = False) -> None:
        """Go on to this status; ``ended`` takes the token away.

        A sign-in that came to nothing takes no token away that another one brought.
        """

        def update(old: Snapshot) -> Snapshot:
            if ended and status != "expired":
                return Snapshot(status=status, error=error)
            if ended:  # the session may still be renewed
                return old._replace(status=status, error=error, token=None, id_token=None)
            lives = old.access_token is not None and status != "signing_in"
            return old._replace(status="signed_in" if lives else status, error=error)

        self._change(update)

    def fail(self, reason: OIDCError, *kinds: Kind) -> None:
        """End all waiting, or that of these kinds: the sign-in came to nothing, and no click helps them."""
        with self._lock:
            refused = [one for one, kind in self._waiting.items() if not kinds or kind in kinds]
            for one in refused:
                del self._waiting[one]
        for future in refused:
            if future.set_running_or_notify_cancel():
                future.set_exception(copy(reason))  # a shared one would collect all their tracebacks

    def touch(self) -> None:
        """Have all be told once more that there is."""
        self._change(lambda old: old)

    def end(self) -> None:
        """Forget everything: signed out."""
        self._change(lambda _: Snapshot())

    def arrival(self, kind: Kind = "free") -> Future[AccessToken]:
        """Return a future for the next living token, or the one that is there.

        Threads take its ``result(timeout)``, event loops wrap it (:func:`asyncio.wrap_future`): either way,
        the thread that brings the token only leaves it there.
        """
        future: Future[AccessToken] = Future()
        with self._lock:
            token = self.now.token
            if token is None or not token.lives():
                self._waiting = {one: how for one, how in self._waiting.items() if not one.done()}
                self._waiting[future] = kind
                return future
        future.set_result(token)
        return future

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for a token."""
        return any(not one.done() for one in self._waiting)

    def _change(self, update: Callable[[Snapshot], Snapshot]) -> None:
        arrived: list[Future[AccessToken]] = []
        with self._lock:
            old = self._now
            self._now = new = update(old)
            token = new.token
            if token is not old.token:
                if self._end_of_token is not None:
                    self._end_of_token.cancel()
                if token is not None:
                    self._end_of_token = scheduler.at(token.expires, weakly(self._expire))
            if token is not None and token.lives():
                arrived, self._waiting = list(self._waiting), {}
            self._on_change(old, new)
        for future in arrived:
            if token is not None and future.set_running_or_notify_cancel():
                future.set_result(token)

    def _expire(self) -> None:
        """Tell of the token's end when it comes; a new token before that is the normal case."""
        self._change(_without_a_dead_token)


def _without_a_dead_token(old: Snapshot) -> Snapshot:
    if old.token is None or old.token.lives():
        return old
    return old._replace(status="expired", token=None, id_token=None)
