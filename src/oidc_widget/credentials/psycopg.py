"""Connections to PostgreSQL with the token as the password, for ``psycopg`` and its pools.

>>> connection_class(w).connect("host=db.example.com dbname=data user=alice")            # doctest: +SKIP
>>> ConnectionPool("host=…", connection_class=connection_class(w))                      # doctest: +SKIP

Each new connection asks for a fresh token; one that is open needs none. It is sent over TLS only, or to this
very machine.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from oidc_widget.credentials import tokens_of
from oidc_widget.errors import ConfigurationError
from oidc_widget.oauth.address import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oidc_widget.login import OIDCLogin

__all__ = ["async_connection_class", "connection_class", "encrypted"]

_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})


def connection_class(
    w: OIDCLogin, *, resource: str | None = None, scopes: Sequence[str] | str | None = None
) -> type[psycopg.Connection[Any]]:
    """Return a ``psycopg.Connection`` that signs in with fresh tokens.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`.

    Raises
    ------
    ConfigurationError
        By ``connect``: others could read the token on the way.
    """
    tokens = tokens_of(w, resource, scopes)

    class Connection(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, conninfo: str = "", **how: Any) -> Any:
            how |= encrypted(conninfo_to_dict(conninfo, **_parameters(how)))
            return super().connect(conninfo, password=tokens.get().value, **how)

    return Connection


def async_connection_class(
    w: OIDCLogin, *, resource: str | None = None, scopes: Sequence[str] | str | None = None
) -> type[psycopg.AsyncConnection[Any]]:
    """Return a ``psycopg.AsyncConnection`` that does the same without blocking the event loop."""
    tokens = tokens_of(w, resource, scopes)

    class AsyncConnection(psycopg.AsyncConnection[Any]):
        @classmethod
        async def connect(cls, conninfo: str = "", **how: Any) -> Any:
            how |= encrypted(conninfo_to_dict(conninfo, **_parameters(how)))
            token = await tokens.get_async()
            return await super().connect(conninfo, password=token.value, **how)

    return AsyncConnection


def encrypted(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return what must be added to libpq's parameters so that nobody on the way can read the password.

    Raises
    ------
    ConfigurationError
        ``sslmode`` says that a connection in the open will do.
    """
    hosts = str(parameters.get("host") or os.environ.get("PGHOST") or "")
    if all(host == "" or host.startswith(("/", "@")) or is_loopback(host) for host in hosts.split(",")):
        return {}
    mode = parameters.get("sslmode") or os.environ.get("PGSSLMODE")
    if mode is None:
        # libpq's default goes on in the open where the server offers no TLS.
        system = {} if parameters.get("sslrootcert") else {"sslrootcert": "system"}
        return {"sslmode": "verify-full", **system}
    if mode in _ENCRYPTED:
        return {}
    raise ConfigurationError(
        f"The token is not sent to {hosts} with sslmode={mode}: others could read it on the way.",
        code="insecure_transport",
        hint="Use sslmode=verify-full.",
    )


def _parameters(how: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that are libpq's, not psycopg's own."""
    own = {"autocommit", "prepare_threshold", "context", "row_factory", "cursor_factory"}
    return {name: value for name, value in how.items() if name not in own}
