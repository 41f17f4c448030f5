"""How a Starlette application answers refusals, wherever raised, and serves the document of RFC 9728."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, Protocol

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.routing import Route

from oidc_widget.errors import OIDCError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from oidc_widget.verify.bearer import Refusal
    from oidc_widget.verify.protection import Guard
    from oidc_widget.verify.resource_metadata import ResourceMetadata

__all__ = ["RefusedRequest", "install"]

_STARTED: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class Protection(Protocol):
    """What is needed of :class:`oidc_widget.verify.fastapi.OIDCProtect`, whose other half this module is."""

    scheme_name: str
    _guard: Guard
    _error_handler: Callable[..., Any] | None

    def _now(self) -> Guard: ...

    def refused(self, error: OIDCError, connection: HTTPConnection) -> RefusedRequest:
        """Return what is raised for a request that is not let in."""


class RefusedRequest(HTTPException):
    """A request without an acceptable token. Without ``init_app`` the framework answers it.

    Parameters
    ----------
    error : OIDCError
        Why.
    refusal : Refusal
        What to answer.
    protect : Protection
        The protection that refused it.
    """

    def __init__(self, error: OIDCError, refusal: Refusal, protect: Protection) -> None:
        super().__init__(refusal.status, refusal.body["error_description"], refusal.headers)
        self.error = error
        self.body = refusal.body
        self.protect = protect


def install(app: Starlette, protect: Protection) -> None:
    """Have an application answer what a protection refuses.

    Parameters
    ----------
    app : starlette.applications.Starlette
        The application.
    protect : Protection
        The protection.

    Raises
    ------
    ConfigurationError
        If another protection of the application has the same resource.
    """
    installed: list[Protection] = getattr(app.state, "oidc_protections", [])
    if protect in installed:
        return
    metadata = protect._guard.metadata  # noqa: SLF001  (its other half)
    if metadata is not None:
        _publish(app, protect, metadata)
    taken = {other.scheme_name for other in installed}
    name = protect.scheme_name
    while protect.scheme_name in taken:
        protect.scheme_name = f"{name}{len(taken) + 1}"
        taken.add("")
    app.state.oidc_protections = [*installed, protect]
    app.add_exception_handler(RefusedRequest, _respond)
    if VerificationError not in app.exception_handlers:
        app.add_exception_handler(VerificationError, _respond)
    if not installed:
        _answer_outermost(app)


def _publish(app: Starlette, protect: Protection, metadata: ResourceMetadata) -> None:
    routes = app.router.routes
    if any(isinstance(route, Route) and route.path == metadata.path for route in routes):
        raise metadata.taken()

    async def document(_: Request) -> Response:
        current = protect._now().metadata or metadata  # noqa: SLF001  (its other half)
        return JSONResponse(current.document, headers={"Access-Control-Allow-Origin": "*"})

    # First, and no FastAPI route: neither a mount at "/" nor the application's own dependencies hide it.
    routes.insert(0, Route(metadata.path, document))


def _answer_outermost(app: Starlette) -> None:
    """Answer what middleware raises too: exception handlers are inside of all middleware."""
    build = app.build_middleware_stack

    def build_with_refusals() -> ASGIApp:
        outermost = Middleware(_Refusals)
        app.user_middleware.insert(0, outermost)
        try:
            return build()
        finally:
            app.user_middleware.remove(outermost)

    app.build_middleware_stack = build_with_refusals  # type: ignore[method-assign]


class _Refusals:
    """The outermost middleware of an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in _STARTED
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except (RefusedRequest, VerificationError) as error:
            if started or scope["type"] not in {"http", "websocket"}:
                raise
            response = await _respond(HTTPConnection(scope, receive), error)
            await response(scope, receive, send)


async def _respond(connection: HTTPConnection, error: Exception) -> Response:
    if not isinstance(error, RefusedRequest):
        error = _protection(connection).refused(_as_error(error), connection)
    handler = error.protect._error_handler  # noqa: SLF001  (its other half)
    if handler is None:
        return JSONResponse(error.body, error.status_code, error.headers)
    answer: Any = handler(connection, error.error)
    response: Response = await answer if inspect.isawaitable(answer) else answer
    for name, value in (error.headers or {}).items():
        response.headers.setdefault(name, value)
    return response


def _protection(connection: HTTPConnection) -> Protection:
    """Return the protection that let the request in, else the application's first."""
    noted = connection.scope.get("oidc_widget.verified")
    protect: Protection = [*(noted or connection.app.state.oidc_protections)][-1 if noted else 0]
    return protect


def _as_error(error: Exception) -> OIDCError:
    if not isinstance(error, OIDCError):
        raise error
    return error
