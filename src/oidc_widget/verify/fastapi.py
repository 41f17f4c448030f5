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
>>> @app.delete("/jobs")
... async def clear(claims: Annotated[Claims, Depends(protect.requires(roles=["admin"], max_age=300))]): ...

A Starlette endpoint, which has no dependencies, says ``await protect.authenticate(request)``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from fastapi import Depends, Security
from fastapi.openapi.models import HTTPBearer, OpenIdConnect
from fastapi.openapi.models import SecurityBase as SecurityScheme
from fastapi.security import SecurityScopes  # noqa: TC002  (FastAPI reads annotations at run time)
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection  # noqa: TC002  (the same)

from oidc_widget.errors import ConfigurationError, OIDCError, UnknownIdentity
from oidc_widget.oauth.provider import discovery_address
from oidc_widget.verify.bearer import REFUSALS
from oidc_widget.verify.protection import Guard, Presented, Protection, Verified, run_async
from oidc_widget.verify.requirements import AllOf, Requirements
from oidc_widget.verify.starlette import RefusedRequest, install

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.applications import Starlette

    from oidc_widget.verify.settings import Names, Seconds
    from oidc_widget.verify.verifier import TokenVerifier

__all__ = ["OIDCProtect", "RefusedRequest", "Verified"]

_SCOPE = "oidc_widget.verified"


class OIDCProtect(Protection["Starlette"], SecurityBase):
    """Check the bearer tokens of requests; an instance is a dependency that gives the claims.

    An application may have several, each with a policy of its own. The hooks may be plain functions or
    coroutine functions. In tests, ``app.dependency_overrides[protect] = lambda: {"sub": "alice"}`` stands in
    for the check, also for ``optional``, ``identity`` and ``requires``.

    Parameters
    ----------
    app : starlette.applications.Starlette, optional
        The application whose refusals shall have a JSON body as in RFC 6750; else call :meth:`init_app`.
    verifier : TokenVerifier, optional
        One that is ready made; then the settings about tokens are its own.
    config : mapping, optional
        The ``OIDC_…`` keys, as in :class:`oidc_widget.verify.flask.OIDCProtect`; ``os.environ`` will do.
    realm : str, optional
        What is protected, in ``WWW-Authenticate``.
    header_prefix : str, optional
        The scheme in ``Authorization``; ``Bearer`` unless given.
    resource : str, optional
        The public address of what is protected. Its metadata are served there (RFC 9728) by :meth:`init_app`,
        and challenges name them.
    resource_metadata : mapping, optional
        Further members of that document.
    fetch_keys : bool
        Whether the keys are fetched now, so that a wrong issuer is noticed at the start.
    openapi_scheme : fastapi.openapi.models.SecurityBase, optional
        How the OpenAPI description says it. Unless given: ``openIdConnect`` with the issuer's metadata, so
        that "Authorize" in ``/docs`` signs in; ``http`` bearer where the issuer is no address.
    scheme_name : str
        Its name there. Each protection of an application has its own.
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
    DiscoveryError
        If the keys are asked for and can't be had.
    """

    def __init__(  # noqa: PLR0913  (each by name)
        self,
        app: Starlette | None = None,
        *,
        verifier: TokenVerifier | None = None,
        config: Mapping[str, Any] | None = None,
        realm: str | None = None,
        header_prefix: str | None = None,
        resource: str | None = None,
        resource_metadata: Mapping[str, Any] | None = None,
        fetch_keys: bool = False,
        openapi_scheme: SecurityScheme | None = None,
        scheme_name: str = "OIDCAccessToken",
        **settings: Any,
    ) -> None:
        super().__init__(
            verifier=verifier,
            realm=realm,
            header_prefix=header_prefix,
            resource=resource,
            resource_metadata=resource_metadata,
            fetch_keys=fetch_keys,
            **settings,
        )
        self._config: Mapping[str, Any] = {} if config is None else config
        self._guard = self._start(self._config)
        self.model = openapi_scheme or _described(self._guard.verifier)
        self.scheme_name = scheme_name
        self.optional = _Optional(self)

        async def identity(connection: HTTPConnection, claims: Any = Depends(self)) -> Any:  # noqa: B008  (how FastAPI is told)
            verified = _noted(connection).get(self)
            if verified is not None and verified.claims is claims:
                return verified.identity
            return await self._identity(connection, claims)  # a test put other claims in

        self.identity = identity
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Starlette) -> None:
        """Have an application's refusals answered with a JSON body and the stable code.

        That goes for what dependencies, endpoints and middleware raise, also for a ``VerificationError``.

        Parameters
        ----------
        app : starlette.applications.Starlette
            The application; FastAPI's is one.

        Raises
        ------
        ConfigurationError
            If another protection of the application has the same resource.
        """
        install(app, self)

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

    def requires(
        self,
        *,
        scopes: Names = (),
        roles: Names | None = None,
        permissions: Names | None = None,
        acr: Names | None = None,
        max_age: Seconds | None = None,
    ) -> Callable[..., Any]:
        """Make a dependency that demands more, and gives the claims.

        Parameters
        ----------
        scopes : str or collection of str
            What the token must allow, all of it; else the answer is 403.
        roles, permissions : str or collection of str, optional
            What its subject must have, one of them (see :class:`~oidc_widget.verify.AllOf`); else 403.
        acr : str or collection of str, optional
            The authentication contexts of which the sign-in must have had one; else 401 as RFC 9470 has it.
        max_age : float or timedelta, optional
            Seconds that the sign-in may be old; else the same.

        Returns
        -------
        callable
            The dependency.
        """
        needs = Requirements.read(
            scopes=scopes, roles=roles, permissions=permissions, acr=acr, max_age=max_age
        )
        named = list(needs.scopes) if isinstance(needs.scopes, AllOf) else []

        async def demanded(connection: HTTPConnection, claims: Any = Security(self, scopes=named)) -> Any:  # noqa: B008  (how FastAPI is told)
            try:
                needs.check_scopes(claims)
                self._check_needs(self._now(), needs, claims)
            except REFUSALS as error:
                raise self.refused(error, connection) from error
            return claims

        return demanded

    async def authenticate(  # noqa: PLR0913  (each by name)
        self,
        connection: HTTPConnection,
        *,
        scopes: Names = (),
        roles: Names | None = None,
        permissions: Names | None = None,
        acr: Names | None = None,
        max_age: Seconds | None = None,
        optional: bool = False,
    ) -> Verified | None:
        """Check a request's token, and note who makes it in ``connection.state.oidc``.

        Parameters
        ----------
        connection : starlette.requests.HTTPConnection
            The request or web socket.
        scopes, roles, permissions, acr, max_age
            As for :meth:`requires`.
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
        needs = Requirements.read(
            scopes=scopes, roles=roles, permissions=permissions, acr=acr, max_age=max_age
        )
        connection.state.oidc = None
        noted = _noted(connection)
        noted.pop(self, None)
        guard = self._now()
        presented = Presented(
            connection.headers.get("Authorization"),
            tuple(connection.headers.getlist("DPoP")),
            connection.scope.get("method", "GET"),
            lambda: str(connection.url.replace(query="", fragment="")),
        )
        getter = self._token_getter
        steps = self._steps(
            guard,
            presented,
            needs,
            optional=optional,
            verify=guard.verifier.verify_async,
            get_token=None if getter is None else lambda: getter(connection),
        )
        try:
            verified: Verified | None = await run_async(steps)
        except REFUSALS as error:
            raise self.refused(error, connection) from error
        if verified is not None:
            noted[self] = connection.state.oidc = verified
        return verified

    def refused(self, error: OIDCError, connection: HTTPConnection) -> RefusedRequest:
        """Return what to raise for a request that this protection does not let in.

        Parameters
        ----------
        error : OIDCError
            Why.
        connection : starlette.requests.HTTPConnection
            The request.
        """
        refusal = self._refusal(error, self._now(), connection.headers.get("Authorization"))
        return RefusedRequest(error, refusal, self)

    def _now(self) -> Guard:
        self._guard = self._current(self._guard, self._config)
        return self._guard

    async def _identity(self, connection: HTTPConnection, claims: Any) -> Any:
        try:
            return await run_async(self._identify(claims))
        except UnknownIdentity as error:
            raise self.refused(error, connection) from error


class _Optional(SecurityBase):
    """The dependency for requests that may come without a token; in the OpenAPI description as any other."""

    def __init__(self, protect: OIDCProtect) -> None:
        self._protect = protect

    # Asked for when the description is made: the application may have given it another name by then.
    @property
    def model(self) -> SecurityScheme:  # type: ignore[override]
        return self._protect.model

    @property
    def scheme_name(self) -> str:  # type: ignore[override]
        return self._protect.scheme_name

    async def __call__(self, connection: HTTPConnection, security_scopes: SecurityScopes) -> Any:
        """Return the claims, or None without a token."""
        overrides = getattr(connection.scope.get("app"), "dependency_overrides", {})
        if self._protect in overrides:
            return await _stand_in(overrides[self._protect])
        verified = await self._protect.authenticate(connection, scopes=security_scopes.scopes, optional=True)
        return verified.claims if verified else None


async def _stand_in(override: Callable[..., Any]) -> Any:
    parameters = inspect.signature(override).parameters.values()
    if any(parameter.default is parameter.empty for parameter in parameters):
        raise ConfigurationError(
            "What overrides the protection takes parameters, which only FastAPI can give it.",
            hint="Override protect.optional by itself.",
        )
    claims = override()
    return await claims if inspect.isawaitable(claims) else claims


def _noted(connection: HTTPConnection) -> dict[OIDCProtect, Verified]:
    """Who makes the request, by each protection that checked it."""
    return cast("dict[OIDCProtect, Verified]", connection.scope.setdefault(_SCOPE, {}))


def _described(verifier: TokenVerifier) -> SecurityScheme:
    issuers = getattr(verifier, "issuers", ())
    if not issuers:
        return HTTPBearer(bearerFormat="JWT")
    return OpenIdConnect(openIdConnectUrl=discovery_address(issuers[0]))
