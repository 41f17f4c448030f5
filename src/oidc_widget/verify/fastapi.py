"""Protect a FastAPI or Starlette application.

>>> from typing import Annotated
>>> from fastapi import Depends, FastAPI, Security
>>> from oidc_widget.verify import Claims
>>> from oidc_widget.verify.fastapi import OIDCProtect
>>> app = FastAPI()
>>> protect = OIDCProtect(app, issuer="https://idp.example.com", audience="https://api.example.com")
>>> @app.get("/me")
... async def me(claims: Annotated[Claims, Depends(protect)]):
...     return {"you": claims["sub"]}
>>> @app.post("/jobs")
... async def submit(claims: Annotated[Claims, Security(protect, scopes=["jobs.write"])]): ...

A Starlette endpoint, which has no dependencies, says ``await protect.authenticate(request)``.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security import SecurityScopes  # noqa: TC002  (FastAPI reads annotations at run time)
from fastapi.security.base import SecurityBase
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection  # noqa: TC002  (the same)
from starlette.responses import JSONResponse

from oidc_widget.errors import MissingToken, OIDCError, UnknownIdentity
from oidc_widget.verify.bearer import REFUSALS, bearer_token, refuse
from oidc_widget.verify.configuration import settings_from
from oidc_widget.verify.verifier import TokenVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from oidc_widget.verify.claims import Claims

__all__ = ["OIDCProtect", "RefusedRequest", "Verified"]

Hook = TypeVar("Hook", bound="Callable[..., Any]")

_log: Final = logging.getLogger(__name__)


class Verified(NamedTuple):
    """Who makes a request."""

    claims: Mapping[str, Any]
    identity: Any


class RefusedRequest(HTTPException):
    """A request without an acceptable token. Without :meth:`OIDCProtect.init_app` the framework answers it.

    Parameters
    ----------
    error : OIDCError
        Why.
    realm, prefix : str
        See :func:`~oidc_widget.verify.bearer.refuse`.
    """

    def __init__(self, error: OIDCError, *, realm: str, prefix: str) -> None:
        refusal = refuse(error, realm=realm, prefix=prefix)
        super().__init__(refusal.status, refusal.body["error_description"], refusal.headers)
        self.error = error
        self.body = refusal.body


class OIDCProtect(SecurityBase):
    """Check the bearer tokens of requests; an instance is a dependency that gives the claims.

    The hooks may be plain functions or coroutine functions.

    Parameters
    ----------
    app : starlette.applications.Starlette, optional
        The application whose refusals shall have a JSON body as in RFC 6750; else call :meth:`init_app`.
    verifier : TokenVerifier, optional
        One that is ready made; then the settings about tokens are its own.
    config : mapping, optional
        The ``OIDC_…`` keys, as in :class:`oidc_widget.verify.flask.OIDCProtect`.
    realm : str, optional
        What is protected, in ``WWW-Authenticate``.
    header_prefix : str, optional
        The scheme in ``Authorization``; ``Bearer`` unless given.
    **settings
        Anything that :class:`~oidc_widget.verify.TokenVerifier` takes.

    Attributes
    ----------
    optional : callable
        The dependency for requests that may come without a token: claims or None. A bad token is refused.
    identity : callable
        The dependency that gives what the identity handler made of the claims.

    Raises
    ------
    ConfigurationError
        If issuer or audience are missing, or a setting is of no use.
    """

    def __init__(
        self,
        app: Starlette | None = None,
        *,
        verifier: TokenVerifier | None = None,
        config: Mapping[str, Any] | None = None,
        realm: str | None = None,
        header_prefix: str | None = None,
        **settings: Any,
    ) -> None:
        config = config or {}
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "OIDCAccessToken"
        self._verifier = verifier or TokenVerifier(**{**settings_from(config), **settings})
        self._realm = realm or config.get("OIDC_REALM") or "Login Required"
        self._prefix = header_prefix or config.get("OIDC_HEADER_PREFIX") or "Bearer"
        self._identity_handler: Callable[[Mapping[str, Any]], Any] = lambda claims: claims.get("sub")
        self._claims_handler: Callable[[Claims], Any] | None = None
        self._token_getter: Callable[[HTTPConnection], Any] | None = None
        self._error_handler: Callable[[HTTPConnection, OIDCError], Any] | None = None

        async def optional(connection: HTTPConnection, security_scopes: SecurityScopes) -> Any:
            verified = await self.authenticate(connection, scopes=security_scopes.scopes, optional=True)
            return verified.claims if verified else None

        async def identity(connection: HTTPConnection, _: Any = Depends(self)) -> Any:  # noqa: B008  (how FastAPI is told)
            return connection.state.oidc.identity

        self.optional = optional
        self.identity = identity
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Starlette) -> None:
        """Give an application's refusals a JSON body with the stable code.

        Parameters
        ----------
        app : starlette.applications.Starlette
            The application; FastAPI's is one.
        """
        app.add_exception_handler(RefusedRequest, self._respond)

    async def __call__(self, connection: HTTPConnection, security_scopes: SecurityScopes) -> Any:
        """Return the claims of the request's token: the dependency.

        Parameters
        ----------
        connection : starlette.requests.HTTPConnection
            The request or web socket.
        security_scopes : fastapi.security.SecurityScopes
            What ``Security(protect, scopes=[…])`` asks for.

        Returns
        -------
        Claims
            The claims, or what the claims handler returned.

        Raises
        ------
        RefusedRequest
            If there is no acceptable token.
        """
        verified = await self.authenticate(connection, scopes=security_scopes.scopes)
        return cast("Verified", verified).claims

    async def authenticate(
        self, connection: HTTPConnection, *, scopes: Collection[str] = (), optional: bool = False
    ) -> Verified | None:
        """Check a request's token, and note who makes it in ``connection.state.oidc``.

        Parameters
        ----------
        connection : starlette.requests.HTTPConnection
            The request or web socket.
        scopes : collection of str
            What the token must allow.
        optional : bool
            Whether the request may also come without a token.

        Returns
        -------
        Verified or None
            None if it is optional and there is none.

        Raises
        ------
        RefusedRequest
            If there is no acceptable token.
        """
        connection.state.oidc = None
        try:
            token = await self._token(connection)
            if token is None:
                if optional:
                    return None
                bearer_token(None, prefix=self._prefix)
            claims: Any = await self._verifier.verify_async(cast("str", token), scopes=scopes)
            if self._claims_handler is not None:
                claims = await _result(self._claims_handler(claims)) or claims
            identity = await _result(self._identity_handler(claims))
            if identity is None:
                raise UnknownIdentity("The token is valid, but nobody is known here by its claims.")
        except REFUSALS as error:
            if isinstance(error, REFUSALS[1]):
                _log.error("A token can't be checked: %s", error)
            raise RefusedRequest(error, realm=self._realm, prefix=self._prefix) from error
        verified = connection.state.oidc = Verified(claims, identity)
        return verified

    def identity_handler(self, handler: Hook) -> Hook:
        """Register what turns claims into the identity; None refuses the request. A decorator."""
        self._identity_handler = handler
        return handler

    def claims_handler(self, handler: Hook) -> Hook:
        """Register what looks at verified claims: may raise, or return others. A decorator."""
        self._claims_handler = handler
        return handler

    def token_getter(self, handler: Hook) -> Hook:
        """Register what takes the token from the connection, instead of the header. A decorator."""
        self._token_getter = handler
        return handler

    def error_handler(self, handler: Hook) -> Hook:
        """Register what answers a refusal: takes connection and error, returns a response. A decorator.

        The challenge (``WWW-Authenticate``) is added. Needs :meth:`init_app`.
        """
        self._error_handler = handler
        return handler

    async def _token(self, connection: HTTPConnection) -> str | None:
        if self._token_getter is not None:
            return cast("str | None", await _result(self._token_getter(connection)))
        try:
            return bearer_token(connection.headers.get("Authorization"), prefix=self._prefix)
        except MissingToken:
            return None

    async def _respond(self, request: Request, refused: Exception) -> Response:
        refused = cast("RefusedRequest", refused)
        if self._error_handler is None:
            return JSONResponse(refused.body, refused.status_code, refused.headers)
        response = cast("Response", await _result(self._error_handler(request, refused.error)))
        for name, value in (refused.headers or {}).items():
            response.headers.setdefault(name, value)
        return response


async def _result(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value
