"""A session whose refresh token this process holds, because there is no vault: after a device sign-in."""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from oidc_widget.errors import (
    DiscoveryError,
    ExpiredToken,
    OIDCError,
    SignInError,
    TokenError,
    TokenNotYetValid,
)
from oidc_widget.oauth import clock
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.oauth.retry import RetrySchedule
from oidc_widget.oauth.secret import Secret
from oidc_widget.signin.authentication import require_authentication
from oidc_widget.signin.threads import Worker, scheduler
from oidc_widget.verify.id_token import IdTokenVerifier, account_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider
    from oidc_widget.oauth.token_endpoint import Answer, TokenEndpoint, TokenResponse
    from oidc_widget.signin.threads import Timer
    from oidc_widget.signin.token_cache import Target

__all__ = ["RENEW_AFTER", "KernelSession", "Place", "User", "Wanted", "wanted"]

#: The part of a token's life after which it is renewed.
RENEW_AFTER = 0.8
#: What some providers return in another spelling, or not at all, although they grant it.
_SPELT_OTHERWISE = frozenset({"openid", "profile", "email", "offline_access"})
#: After these, no new token is to be had for the session; all else is tried again.
FINAL = frozenset({"invalid_grant", "unknown_client", "id_token_invalid"})
#: Seconds between two tries at most, so that a provider which is back is noticed soon.
_LONGEST_RETRY = 15.0
#: Seconds that a provider may keep everybody waiting with `Retry-After`.
_LONGEST_PAUSE = 3600.0


@dataclass(frozen=True)
class Wanted:
    """Which API and which rights, said in full."""

    resource: str | None
    audience: str | None
    scopes: tuple[str, ...]


def wanted(request: Mapping[str, Any], target: Target | None = None) -> Wanted:
    """Return what a request asks for, or another target of the same widget."""
    resource, scopes = (None, None) if target is None else (target.resource, target.scopes)
    return Wanted(
        resource or request.get("resource"),
        request.get("audience"),
        tuple(sorted(set(request.get("scopes") or ()))) if scopes is None else scopes,
    )


class User(Protocol):
    """A widget that has its tokens from a session; nothing of it waits."""

    #: Whether its token is to be renewed before it ends.
    auto_refresh: bool

    def took(self, session: KernelSession, token: AccessToken) -> None:
        """Take a new token."""

    def failed(self, session: KernelSession, error: OIDCError) -> None:
        """There is no new token for now."""

    def ended(self, session: KernelSession, error: OIDCError | None) -> None:
        """There will be none any more: somebody signed out, or there is a reason."""


class Place(Protocol):
    """Where a refresh token is kept besides this memory, for other processes too."""

    def lock(self) -> AbstractContextManager[None]:
        """Return a context in which nobody else renews."""

    def newest(self, known: Secret) -> Secret:
        """Return what another process has put there, else what is known."""

    def write(self, token: Secret) -> OIDCError | None:
        """Put a new one there; what is wrong, if it can't be."""

    def forget(self, token: Secret) -> None:
        """Delete it, unless it is a newer one."""


@dataclass(eq=False)
class _Slot:
    """The place of one access token, which is renewed time and again for those who use it."""

    wanted: Wanted
    token: AccessToken | None = None
    #: When the request for it was made.
    asked: float = float("-inf")
    users: weakref.WeakSet[User] = field(default_factory=weakref.WeakSet)
    timer: Timer | None = None


class KernelSession:
    """One person's session at one provider. Never pickled; its ``repr`` shows no secret.

    Parameters
    ----------
    endpoint : TokenEndpoint
        Where tokens come from.
    request : mapping
        What was asked for: ``scopes``, ``resource``, ``audience``, ``extra_params``.
    client : Client
        The way to the network.
    response : TokenResponse
        The sign-in's tokens.
    asked : float
        When the sign-in began, as a time of :func:`oidc_widget.oauth.clock.now`.
    nonce : str, optional
        What was sent with the authentication request, if there was one.
    known : mapping, optional
        The claims of the sign-in that this goes on with; a new ID token need not come then.
    granted : sequence of str, optional
        The scopes of that one; else those of the request.

    Raises
    ------
    SignInError
        If the ID token is not acceptable, is missing where it was asked for, or tells of another kind of
        sign-in.
    """

    def __init__(  # noqa: PLR0913  # what a sign-in consists of
        self,
        endpoint: TokenEndpoint,
        request: Mapping[str, Any],
        client: Client,
        response: TokenResponse,
        *,
        asked: float,
        nonce: str | None = None,
        known: Mapping[str, Any] | None = None,
        granted: Sequence[str] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.request = request
        self._own = wanted(request)
        self._granted = self._own.scopes if granted is None else tuple(sorted(set(granted)))
        self._place: Place | None = None
        self._refresh_token = response.refresh_token
        self._client = client
        self._verifier: IdTokenVerifier | None = None
        if "openid" in self._own.scopes and response.id_token is None and known is None:
            raise SignInError(
                "The provider sent no ID token, although the scope openid was asked for.",
                code="id_token_invalid",
                hint="Ask the provider's administrator; without an ID token, leave openid out of scopes.",
            )
        sub = None if known is None else str(known["sub"])
        claims = self._verified(response, nonce=nonce, sub=sub) if "openid" in self._own.scopes else None
        self.claims = claims if known is None else {**known, **(claims or {})}
        self.id_token = response.id_token if "openid" in self._own.scopes else None
        self._begun = clock.now()
        self.require_authentication(request, since=asked)
        #: Held while the provider is asked: a refresh token that rotates is good for one use (RFC 9700
        #: §4.14.2).
        self._asking = threading.RLock()
        #: Held for a moment: who uses the session, and whether it has ended.
        self._members = threading.RLock()
        self._ended = False
        self._slots = {self._own: _Slot(self._own, _access_token(response), self._begun)}
        self._worker = Worker("oidc-widget-session")
        self._retry = RetrySchedule(_LONGEST_RETRY)
        self._not_before = float("-inf")
        self._failure: OIDCError | None = None
        self._refreshed = False

    def __repr__(self) -> str:
        return f"KernelSession({self.endpoint.provider.issuer!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A session stays in the process that signed in: it can't be pickled or copied. "
            "Hand on w.access_token instead, or use oidc_widget.dask for workers."
        )

    @property
    def account(self) -> str | None:
        """The name to show for the person."""
        return account_name(self.claims)

    @property
    def alive(self) -> bool:
        """Whether nobody has ended it."""
        return not self._ended

    @property
    def renewable(self) -> bool:
        """Whether the provider gave a refresh token."""
        return self._refresh_token is not None

    def require_authentication(self, request: Mapping[str, Any], *, since: float | None = None) -> None:
        """Make sure that the person signed in as this request wants it.

        Raises
        ------
        SignInError
            She did not: see :func:`~oidc_widget.signin.authentication.require_authentication`.
        """
        issued = float((self.claims or {}).get("iat", time.time()))
        passed = (clock.now() if since is None else since) - self._begun
        require_authentication(self.claims, request, issued + passed)

    def keep_in(self, place: Place) -> OIDCError | None:
        """Share the refresh token with other processes from now on, or say what is wrong."""
        with self._asking:
            failure = None if self._refresh_token is None else place.write(self._refresh_token)
            self._place = place if failure is None else None
            return failure

    # ---- who uses it -------------------------------------------------------------------------------

    def join(self, user: User, request: Mapping[str, Any]) -> None:
        """Give this user its tokens from now on; the first one now, or when it comes."""
        key = wanted(request)
        with self._members:
            if self._ended:
                return
            slot = self._slots.setdefault(key, _Slot(key))
            slot.users.add(user)
            token = slot.token
            if token is not None and (token.lives() or not self.renewable):
                user.took(self, token)
                self._schedule(slot)
                return
        self._worker.put(partial(self._renew, slot, token))

    def leave(self, user: User) -> None:
        """Take a user off; the last one ends the session, unless it is to be gone on with."""
        with self._members:
            for slot in self._slots.values():
                slot.users.discard(user)
            if self._ended or any(slot.users for slot in self._slots.values()):
                return
        self.end(kept=self._place is not None)

    def end(self, reason: OIDCError | None = None, *, kept: bool = False) -> None:
        """End it for all: here at once, and at the provider as far as it lets a public client do that.

        ``kept``: here only.
        """
        with self._members:
            if self._ended:
                return
            self._ended = True
            users = [user for slot in self._slots.values() for user in slot.users]
            for slot in self._slots.values():
                slot.users.clear()
                if slot.timer is not None:
                    slot.timer.cancel()
            for user in users:
                user.ended(self, reason)
        self._worker.clear()
        # The interpreter waits for this thread at its end.
        threading.Thread(target=self._revoke, args=(kept,), name="oidc-widget-revoke", daemon=False).start()

    def _revoke(self, kept: bool) -> None:  # noqa: FBT001  # a thread's only argument
        """Revoke the refresh token (RFC 7009), else the access token: it would be good for all its life."""
        with self._asking:
            refresh_token, self._refresh_token = self._refresh_token, None
            token = self._slots[self._own].token
            if kept:
                pass
            elif refresh_token is not None:
                if self._place is not None:
                    self._place.forget(refresh_token)
                self.endpoint.revoke(refresh_token, "refresh_token")
            elif token is not None and token.lives():
                self.endpoint.revoke(Secret(token.value), "access_token")
            self._client.close()

    # ---- new tokens --------------------------------------------------------------------------------

    def refresh(self, request: Mapping[str, Any]) -> None:
        """Get a new token for those who use this one."""
        slot = self._slots.get(wanted(request))
        if slot is not None:
            self._worker.put(partial(self._renew, slot, slot.token))

    def ask(
        self, key: Wanted, min_ttl: float | None, answer: Callable[[AccessToken | OIDCError], object]
    ) -> None:
        """Get a token that has ``min_ttl`` seconds left (``None``: a new one), and hand it over later."""
        self._worker.put(partial(self._answer, key, min_ttl, clock.now(), answer))

    def _answer(
        self,
        key: Wanted,
        min_ttl: float | None,
        since: float,
        answer: Callable[[AccessToken | OIDCError], object],
    ) -> None:
        slot = self._slots.get(key) or _Slot(key)
        token, result = slot.token, None
        if token is not None and (
            slot.asked >= since or (min_ttl is not None and token.serves(min_ttl))
        ):  # somebody else's question brought it
            answer(token)
            return
        result = self._renewed(slot)
        answer(result)

    def _renew(self, slot: _Slot, instead_of: AccessToken | None) -> None:
        """Renew a token, unless somebody did so meanwhile; what fails for now is tried again."""
        if self._ended or slot.token is not instead_of:
            return
        result = self._renewed(slot)
        if isinstance(result, OIDCError) and any(user.auto_refresh for user in slot.users):
            again = max(self._not_before, clock.now() + 1.0)
            self._schedule(slot, again)

    def _renewed(self, slot: _Slot) -> AccessToken | OIDCError:
        """Ask for a new token, tell those who use it what came of that, and return it."""
        try:
            token = self._request(slot)
        except OIDCError as error:
            failure = error
        except Exception as cause:  # noqa: BLE001  # told as an error like any other, and tried again
            failure = unforeseen("The access token could not be renewed", cause)
            self._pause(failure, None)
        else:
            with self._members:
                if not self._ended:
                    for user in list(slot.users):
                        user.took(self, token)
                    self._schedule(slot)
            return token
        if failure.code in FINAL and (failure.code == "invalid_grant" or slot.users):
            self.end(failure)
        with self._members:
            for user in list(slot.users):
                user.failed(self, failure)
        return failure

    def _request(self, slot: _Slot) -> AccessToken:
        with self._asking, self._alone():
            if self._refresh_token is None:
                raise _not_renewable(ended=self._ended)
            if self._failure is not None and clock.now() < self._not_before:
                raise copy(self._failure)  # a shared one would collect all their tracebacks
            asked = clock.now()
            answer = self._refreshed_by(self._refresh_token, self._parameters(slot.wanted))
            response = self._tokens(answer, slot.wanted)
            self._refresh_token = response.refresh_token or self._refresh_token
            if self._place is not None and self._refresh_token is not None:
                self._place.write(self._refresh_token)
            self._refreshed = True
            self._failure, self._not_before = None, float("-inf")
            self._retry.succeeded()
            missing = _missing(slot.wanted.scopes if slot.wanted != self._own else (), response.scopes)
            if missing:
                raise TokenError(
                    f"The provider does not grant what was asked for: its token lacks {', '.join(missing)}.",
                    code="scope_unavailable",
                    hint="Check scopes; some rights must be asked for at the sign-in.",
                )
            if slot.wanted == self._own:
                self._take_claims(response)
            slot.token, slot.asked = _access_token(response), asked
            return slot.token

    def _alone(self) -> AbstractContextManager[None]:
        return nullcontext() if self._place is None else self._place.lock()

    def _refreshed_by(self, token: Secret, parameters: dict[str, str]) -> Answer:
        """Ask with the newest refresh token that there is; before a refusal counts, look once more."""
        place = self._place
        if place is None:
            return self.endpoint.refresh(token, **parameters)
        self._refresh_token = used = place.newest(token)
        answer = self.endpoint.refresh(used, **parameters)
        if answer.error == "invalid_grant":
            self._refresh_token = again = place.newest(used)
            if again is not used:
                answer = self.endpoint.refresh(again, **parameters)
        return answer

    def _parameters(self, key: Wanted) -> dict[str, str]:
        parameters = {"resource": key.resource, "audience": key.audience}
        if key.scopes != self._granted:  # some providers refuse to see the sign-in's own again
            parameters["scope"] = " ".join(key.scopes)
        return {name: value for name, value in parameters.items() if value}

    def _tokens(self, answer: Answer, key: Wanted) -> TokenResponse:
        try:
            return self.endpoint.tokens(answer)
        except OIDCError as error:
            # Some say `invalid_request` of a refresh token that is dead: what worked before is no wrong
            # request.
            if answer.error == "invalid_request" and self._refreshed and key == self._own:
                raise TokenError(
                    "The provider no longer accepts this sign-in.",
                    code="invalid_grant",
                    hint="Sign in again.",
                ) from error
            if answer.passing:
                self._pause(error, answer.retry_after)
            raise

    def _pause(self, failure: OIDCError, retry_after: float | None) -> None:
        """Ask nothing for a while: as long as the provider says, or ever longer."""
        own = self._retry.failed()
        self._failure = failure
        self._not_before = clock.now() + (own if retry_after is None else min(retry_after, _LONGEST_PAUSE))

    def _take_claims(self, response: TokenResponse) -> None:
        if self.claims is None:
            return
        try:
            claims = self._verified(response, sub=str(self.claims["sub"]))
        except DiscoveryError as error:
            self._pause(error, None)  # its keys can't be had now; the refresh token that came is kept
            raise
        except SignInError as error:
            if isinstance(error.__cause__, ExpiredToken | TokenNotYetValid):
                return  # this machine's clock is off: no reason to end a session (§12.2)
            raise
        if claims is not None:
            # A narrower one takes nothing away that was known before.
            self.claims, self.id_token = {**self.claims, **claims}, response.id_token

    def _verified(self, response: TokenResponse, **expected: str | None) -> Mapping[str, Any] | None:
        if self._verifier is None:
            provider: Provider = self.endpoint.provider
            self._verifier = IdTokenVerifier(provider, self.endpoint.client_id, self._client)
        return self._verifier.claims(response, **expected)

    def _schedule(self, slot: _Slot, when: float | None = None) -> None:
        """See to the next renewal, if somebody wants it."""
        if slot.timer is not None:
            slot.timer.cancel()
        token = slot.token
        if not self.renewable or self._ended or not any(user.auto_refresh for user in slot.users):
            return
        if when is None:
            if token is None:
                return
            when = max(self._not_before, token.expires - (1 - RENEW_AFTER) * token.lifetime)
        # `inf - inf` where the token's life has no known end
        if when < float("inf"):
            slot.timer = scheduler.at(when, partial(self._worker.put, partial(self._renew, slot, token)))


def unforeseen(what: str, cause: Exception) -> SignInError:
    """Return an exception for a reason that nobody thought of, without its frames: they may hold secrets."""
    error = SignInError(
        f"{what} for a reason that was not foreseen ({type(cause).__name__}).",
        hint="It is tried again; if it goes on, please report it.",
    )
    error.__cause__ = cause.with_traceback(None)
    return error


def _missing(asked: Iterable[str], granted: Iterable[str] | None) -> list[str]:
    """Return what was asked for and not granted, as far as the provider says what it granted."""
    if granted is None:
        return []
    # Some write them with other capitals; and `…/.default` stands for whatever was consented to.
    given = {scope.lower() for scope in granted} | _SPELT_OTHERWISE
    return [scope for scope in asked if scope.lower() not in given and not scope.endswith("/.default")]


def _access_token(response: TokenResponse) -> AccessToken:
    return AccessToken.lasting(response.access_token.reveal(), response.expires_in)


def _not_renewable(*, ended: bool) -> TokenError:
    if ended:
        return TokenError("The session was signed out.", hint="Sign in again.")
    return TokenError(
        "The provider gave no refresh token, so the access token can't be renewed.",
        hint="Sign in again; many providers give one for the scope offline_access.",
    )
