"""Fresh tokens as the password of a SQLAlchemy engine's connections.

>>> engine = use(w, create_engine("postgresql+psycopg://alice@db.example.com/data"))      # doctest: +SKIP

Each new connection of the pool asks for one, also of an asynchronous engine. To PostgreSQL it is sent over
TLS only, or to this very machine; for other databases, see to it that the driver encrypts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import event

from oidc_widget.credentials import tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oidc_widget.login import OIDCLogin

__all__ = ["use"]

_Engine = TypeVar("_Engine")
_LIBPQ = frozenset({"psycopg", "psycopg_async", "psycopg2"})


def use(
    w: OIDCLogin,
    engine: _Engine,
    *,
    parameter: str = "password",
    resource: str | None = None,
    scopes: Sequence[str] | str | None = None,
) -> _Engine:
    """Let the engine's new connections take the sign-in's token, and return the engine.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    engine : sqlalchemy.Engine or sqlalchemy.ext.asyncio.AsyncEngine
        What makes the connections.
    parameter : str
        The driver's name for it.
    resource, scopes : optional
        As for :meth:`~oidc_widget.OIDCLogin.token`.

    Raises
    ------
    ConfigurationError
        By a connection: others could read the token on the way.
    """
    tokens = tokens_of(w, resource, scopes)

    def authenticate(dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        if dialect.driver in _LIBPQ:
            from oidc_widget.credentials.psycopg import encrypted  # noqa: PLC0415  # only for this driver

            parameters |= encrypted(parameters)
        parameters[parameter] = tokens.get().value

    event.listen(getattr(engine, "sync_engine", engine), "do_connect", authenticate)
    return engine
