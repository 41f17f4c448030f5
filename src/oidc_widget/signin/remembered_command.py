"""``oidc-widget sessions`` and ``oidc-widget sign-out``: what is remembered on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oidc_widget.errors import ConfigurationError, OIDCError, SignInError
from oidc_widget.signin.remembered_store import open_store

if TYPE_CHECKING:
    from oidc_widget.oauth.secret import Secret
    from oidc_widget.signin.remembered_store import Account, Store

__all__ = ["list_sessions", "sign_out"]


def list_sessions() -> int:
    """Print all, one a line, and return the exit code.

    Raises
    ------
    SignInError
        The store can't be used.
    """
    accounts = _store().accounts()
    for account in accounts:
        _print(_line(account))
    if not accounts:
        _print("No sign-in is remembered on this machine.")
    return 0


def sign_out(name: str | None, *, everybody: bool) -> int:
    """End those that are named, here and at the provider, and return the exit code.

    Raises
    ------
    ConfigurationError
        It isn't said which.
    SignInError
        The store can't be used.
    """
    store = _store()
    accounts = store.accounts()
    chosen = [one for one in accounts if everybody or name in one.names or name in {str(one), one.issuer}]
    if name is None and not everybody:
        if len(accounts) > 1:
            raise ConfigurationError(
                "Several sign-ins are remembered on this machine.",
                hint="Name an account or a provider, as `oidc-widget sessions` shows it, or give --all.",
            )
        chosen = accounts
    if not chosen:
        _print("No such sign-in is remembered on this machine.")
        return 0 if everybody or name is None else 1
    return max([_end(store, one) for one in chosen])


def _end(store: Store, account: Account) -> int:
    with store.lock(account.key):
        token = store.token(account)
        store.remove(account)
        why = "its token was no longer there" if token is None else _revoke(account, token)
    said = "Signed out" if why is None else f"Forgotten here, but not ended at the provider ({why})"
    _print(f"{said}: {_line(account)}")
    return 0 if why is None else 1


def _revoke(account: Account, token: Secret) -> str | None:
    """End the token at the provider (RFC 7009), or say why that can't be."""
    from oidc_widget.oauth.http import open_client  # noqa: PLC0415  # `sessions` needs none
    from oidc_widget.oauth.provider import discover  # noqa: PLC0415  # likewise
    from oidc_widget.oauth.token_endpoint import TokenEndpoint  # noqa: PLC0415  # likewise

    with open_client() as client:
        try:
            provider = discover(client, account.issuer)
            if TokenEndpoint(provider, account.client_id, client).revoke(token, "refresh_token"):
                return None
        except OIDCError as error:
            return error.message
    return "it has no way to do that, or refused"


def _store() -> Store:
    try:
        return open_store()
    except SignInError as error:
        why = error.message.partition(": ")[2]
        raise SignInError(f"Nothing is remembered on this machine: {why}", code=error.code) from error


def _line(account: Account) -> str:
    return f"{account}  {account.issuer}  {account.client_id}"


def _print(text: str) -> None:
    print(text)  # noqa: T201  # a command's output
