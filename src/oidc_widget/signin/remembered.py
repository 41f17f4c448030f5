"""Refresh tokens that outlive this process, in the operating system's store.

Several processes may use one: a refresh token that rotates is good for one use (RFC 9700 §4.14.2), so who
renews holds a lock on this machine from reading to writing.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import OIDCError, SignInError, TokenError
from oidc_widget.signin.remembered_store import Account, open_store
from oidc_widget.signin.session import KernelSession
from oidc_widget.signin.sharing import ANEW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.secret import Secret
    from oidc_widget.oauth.token_endpoint import TokenEndpoint
    from oidc_widget.signin.remembered_store import Store

__all__ = ["Remembered", "keep", "recall"]

_log = logging.getLogger(__name__)

#: What is known of a person without asking again (OpenID Connect Core §2, §5.1).
_CLAIMS = ("iss", "sub", "name", "preferred_username", "email", "auth_time", "acr")


class Remembered:
    """One session's place in the store, shared with other processes.

    Where the store fails while the session goes on, its memory is as good as ever: that is only logged.
    """

    def __init__(self, store: Store, account: Account, last: Secret | None = None) -> None:
        self._store = store
        self.account = account
        #: What this process read or wrote last: something else in the store is news.
        self._last = last

    def lock(self) -> Any:
        """Return a context in which no other process renews."""
        return self._store.lock(self.account.key)

    def newest(self, known: Secret) -> Secret:
        """Return what another process has put there, else what is known.

        Raises
        ------
        TokenError
            Another process has signed out.
        """
        try:
            found = self._store.token(self.account)
            gone = found is None and all(one.key != self.account.key for one in self._store.accounts())
        except SignInError as error:
            _log.warning("oidc_widget: %s", error)
            return known
        if gone and self._last is not None:
            raise TokenError(
                "This sign-in was ended by another process.", code="invalid_grant", hint="Sign in again."
            )
        if found is None or (self._last is not None and found.reveal() == self._last.reveal()):
            return known
        self._last = found
        return found

    def write(self, token: Secret) -> OIDCError | None:
        """Put a new token there; what is wrong, if it can't be."""
        try:
            self._store.put(self.account, token)
        except SignInError as error:
            if self._last is not None:
                _log.warning("oidc_widget: %s", error)
            return error.with_traceback(None)  # its frames hold the token
        self._last = token
        return None

    def forget(self, token: Secret) -> None:
        """Delete it, unless it is a newer one."""
        try:
            with self.lock():
                found = self._store.token(self.account)
                if found is None or found.reveal() == token.reveal():
                    self._store.remove(self.account)
        except OIDCError as error:
            _log.warning("oidc_widget: %s", error)


def keep(session: KernelSession, request: Mapping[str, Any]) -> str:
    """Remember a session from now on; a sentence says why that can't be, if so."""
    claims = {name: value for name, value in (session.claims or {}).items() if name in _CLAIMS}
    extra = request.get("extra_params") or {}
    account = Account(
        session.endpoint.provider.issuer,
        session.endpoint.client_id,
        str(claims.get("sub", "")),
        claims,
        tuple(sorted(set(request.get("scopes") or ()))),
        {name: value for name, value in extra.items() if name not in {"login_hint", "prompt"}},
    )
    if not session.renewable:
        return (
            "The sign-in is not remembered: the provider gave no refresh token. Many give one for the scope "
            "offline_access."
        )
    try:
        store = open_store()
        place = Remembered(store, account)
        with place.lock():
            store.add(account)  # first: what is on no list can't be deleted
            failure = session.keep_in(place)
            if failure is not None:
                store.remove(account)
    except TokenError as error:
        return f"The sign-in is not remembered: {error.message}"
    except SignInError as error:
        failure = error
    return "" if failure is None else failure.message


def recall(
    endpoint: TokenEndpoint, request: Mapping[str, Any], client: Client, asked: float
) -> tuple[KernelSession | None, str]:
    """Go on with a remembered sign-in.

    Parameters
    ----------
    endpoint : TokenEndpoint
        The provider's, for the client.
    request : mapping
        What is to be signed in for.
    client : Client
        The way to the network.
    asked : float
        When that was asked for.

    Returns
    -------
    tuple
        The session, or ``None`` and a sentence that says why not, if there is something to say.

    Raises
    ------
    OIDCError
        The provider gives no answer at the moment.
    """
    try:
        store = open_store()
        account, why = _chosen(store.accounts(), endpoint, request)
        stored = None if account is None else store.token(account)
        place = None if account is None else Remembered(store, account, stored)
    except SignInError as error:
        return None, error.message
    if place is None or stored is None:
        return None, why
    return _renewed(place, stored, endpoint, request, client, asked)


def _renewed(  # noqa: PLR0913, PLR0917  # a session's five, and its place
    place: Remembered,
    stored: Secret,
    endpoint: TokenEndpoint,
    request: Mapping[str, Any],
    client: Client,
    asked: float,
) -> tuple[KernelSession | None, str]:
    account, scopes = place.account, request.get("scopes") or ()
    more = {name: request[name] for name in ("resource", "audience") if request.get(name)}
    if set(scopes) != set(account.scopes):
        more["scope"] = " ".join(scopes)
    with place.lock():
        stored = place.newest(stored)
        answer = endpoint.refresh(stored, **more)
        if answer.error == "invalid_grant":
            again = place.newest(stored)
            if again is not stored:
                stored, answer = again, endpoint.refresh(again, **more)
        if answer.passing:
            endpoint.tokens(answer)  # raises what is to be said
        try:
            response = endpoint.tokens(answer)
        except OIDCError as error:
            refused = error
        else:
            newest = response.refresh_token or stored
            response = replace(response, refresh_token=newest)
            place.write(newest)  # before anything else goes wrong: the old one may be used up
            try:
                session = KernelSession(
                    endpoint,
                    request,
                    client,
                    response,
                    asked=asked,
                    known=account.claims or None,
                    granted=account.scopes,
                )
            except SignInError as error:
                return None, error.message  # perhaps it is too old for what is asked for now
            session.keep_in(place)
            return session, ""
    if refused.code == "invalid_grant":
        place.forget(stored)
    return None, f"The sign-in that was remembered for {account} is not accepted any more."


def _chosen(
    accounts: list[Account], endpoint: TokenEndpoint, request: Mapping[str, Any]
) -> tuple[Account | None, str]:
    """Return the one that may answer this request, by the rules of ``sharing.serves``."""
    asked = dict(request.get("extra_params") or {})
    hint, prompt = asked.pop("login_hint", None), asked.pop("prompt", "")
    if ANEW.search(str(prompt)):
        return None, ""
    found = [
        one
        for one in accounts
        if (one.issuer, one.client_id) == (endpoint.provider.issuer, endpoint.client_id)
        and (hint is None or hint in one.names)
        and all(one.extra_params.get(name) == value for name, value in asked.items())
        and set(request.get("scopes") or ()) <= set(one.scopes)
    ]
    if len(found) > 1:
        names = ", ".join(sorted(map(str, found)))
        return None, (
            f"Several accounts are remembered here ({names}): say which one with "
            "extra_params={'login_hint': …}."
        )
    return (found[0] if found else None), ""
