"""Protect a Flask application: the successor of Flask-JWT.

>>> from flask import Flask
>>> from oidc_widget.verify.flask import OIDCProtect, current_identity, token_required
>>> app = Flask(__name__)
>>> protect = OIDCProtect(app, issuer="https://idp.example.com", audience="https://api.example.com")
>>> @app.get("/me")
... @token_required
... def me():
...     return {"you": str(current_identity)}

There is no endpoint for user names and passwords: these are for the provider alone (RFC 9700 §2.4).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast, overload

from flask import Response, abort, current_app, jsonify, make_response, request
from werkzeug.local import LocalProxy

from oidc_widget.errors import ConfigurationError, MissingToken, OIDCError, UnknownIdentity
from oidc_widget.verify.bearer import REFUSALS, bearer_token, refuse
from oidc_widget.verify.configuration import settings_from
from oidc_widget.verify.verifier import TokenVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from flask import Flask
    from flask.typing import ResponseReturnValue

    from oidc_widget.verify.claims import Claims

__all__ = ["OIDCProtect", "current_claims", "current_identity", "token_required"]

View = TypeVar("View", bound="Callable[..., Any]")
Hook = TypeVar("Hook", bound="Callable[..., Any]")

_EXTENSION: Final = "oidc_widget"
# The request, and not `flask.g`: that is the application context's, which may outlive a request.
_ENVIRON: Final = "oidc_widget.verified"


class _Guard(NamedTuple):
    """What one application's requests are checked with."""

    protect: OIDCProtect
    verifier: TokenVerifier
    realm: str
    prefix: str


class _Verified(NamedTuple):
    claims: Mapping[str, Any]
    identity: Any


class OIDCProtect:
    """Check the bearer tokens of a Flask application's requests.

    Each setting may be given here or in ``app.config``; here it counts for all applications.

    =========================  ==============================================================
    ``OIDC_ISSUER``            who issues the tokens; several in a list
    ``OIDC_AUDIENCE``          this service's own name at the provider
    ``OIDC_REALM``             what is protected, in ``WWW-Authenticate``; ``"Login Required"``
    ``OIDC_LEEWAY``            seconds (or a ``timedelta``) by which clocks may differ
    ``OIDC_HEADER_PREFIX``     the scheme in ``Authorization``; ``"Bearer"``
    ``OIDC_ALGORITHMS``        accepted ``alg``; unless given, what the provider advertises
    ``OIDC_REQUIRED_CLAIMS``   what must be there besides ``iss`` and ``aud``
    ``OIDC_VERIFY_CLAIMS``     what is verified, of ``aud``, ``nbf`` and ``iat``; the signature, ``iss`` and
                               ``exp`` always are. Without ``aud``, ``OIDC_AUDIENCE`` must be unset too
    =========================  ==============================================================

    Parameters
    ----------
    app : flask.Flask, optional
        The application; else call :meth:`init_app`.
    verifier : TokenVerifier, optional
        One that is ready made; then the settings about tokens are its own.
    realm : str, optional
        ``OIDC_REALM``.
    header_prefix : str, optional
        ``OIDC_HEADER_PREFIX``.
    **settings
        Anything that :class:`~oidc_widget.verify.TokenVerifier` takes.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        verifier: TokenVerifier | None = None,
        realm: str | None = None,
        header_prefix: str | None = None,
        **settings: Any,
    ) -> None:
        self._verifier = verifier
        self._realm = realm
        self._header_prefix = header_prefix
        self._settings = settings
        self._identity_handler: Callable[[Mapping[str, Any]], Any] = lambda claims: claims.get("sub")
        self._claims_handler: Callable[[Claims], Mapping[str, Any] | None] | None = None
        self._token_getter: Callable[[], str | None] | None = None
        self._error_handler: Callable[[OIDCError], ResponseReturnValue] | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Protect an application. Nothing is fetched yet.

        Parameters
        ----------
        app : flask.Flask
            The application, with its configuration loaded.

        Raises
        ------
        ConfigurationError
            If issuer or audience are missing, or a setting is of no use.
        """
        config = app.config
        app.extensions[_EXTENSION] = _Guard(
            self,
            self._verifier or TokenVerifier(**{**settings_from(config), **self._settings}),
            self._realm or config.get("OIDC_REALM") or "Login Required",
            self._header_prefix or config.get("OIDC_HEADER_PREFIX") or "Bearer",
        )

    def identity_handler(self, handler: Hook) -> Hook:
        """Register what turns the claims into :data:`current_identity`; None refuses the request.

        Parameters
        ----------
        handler : callable
            Takes the claims. Unless there is one, the identity is ``sub``.

        Returns
        -------
        callable
            The same, so this is a decorator.
        """
        self._identity_handler = handler
        return handler

    def claims_handler(self, handler: Hook) -> Hook:
        """Register what looks at verified claims before the request goes on.

        Parameters
        ----------
        handler : callable
            Takes the claims. May raise a ``VerificationError``, and may return other claims.

        Returns
        -------
        callable
            The same.
        """
        self._claims_handler = handler
        return handler

    def token_getter(self, handler: Hook) -> Hook:
        """Register what takes the token from the request, instead of the ``Authorization`` header.

        Parameters
        ----------
        handler : callable
            Takes nothing, returns the token or None.

        Returns
        -------
        callable
            The same.
        """
        self._token_getter = handler
        return handler

    def error_handler(self, handler: Hook) -> Hook:
        """Register what answers a refused request.

        Parameters
        ----------
        handler : callable
            Takes the error, returns what a view may. The challenge (``WWW-Authenticate``) is added.

        Returns
        -------
        callable
            The same.
        """
        self._error_handler = handler
        return handler

    @overload
    def token_required(self, view: View) -> View: ...
    @overload
    def token_required(
        self, view: None = None, *, scopes: Collection[str] = (), optional: bool = False
    ) -> Callable[[View], View]: ...
    def token_required(
        self, view: View | None = None, *, scopes: Collection[str] = (), optional: bool = False
    ) -> View | Callable[[View], View]:
        """Do the same as :func:`token_required`, for those who prefer to name the extension."""
        guard = token_required(scopes=scopes, optional=optional)
        return guard if view is None else guard(view)

    def authenticate(self, *, scopes: Collection[str] = (), optional: bool = False) -> None:
        """Check the current request's token: for ``before_request``, where there is no view to decorate.

        Parameters
        ----------
        scopes : collection of str
            What the token must allow.
        optional : bool
            Whether the request may also come without a token.

        Raises
        ------
        werkzeug.exceptions.HTTPException
            With the answer, if the request is refused.
        """
        guard = _guard()
        request.environ.pop(_ENVIRON, None)
        try:
            token = self._token(guard)
            if token is None and optional:
                return
            claims: Mapping[str, Any] = guard.verifier.verify(_present(token, guard), scopes=scopes)
            if self._claims_handler is not None:
                claims = self._claims_handler(cast("Claims", claims)) or claims
            identity = self._identity_handler(claims)
            if identity is None:
                raise UnknownIdentity("The token is valid, but nobody is known here by its claims.")
        except REFUSALS as error:
            abort(self._refusal(error, guard))
        request.environ[_ENVIRON] = _Verified(claims, identity)

    def _token(self, guard: _Guard) -> str | None:
        if self._token_getter is not None:
            return self._token_getter()
        try:
            return bearer_token(request.headers.get("Authorization"), prefix=guard.prefix)
        except MissingToken:
            return None

    def _refusal(self, error: OIDCError, guard: _Guard) -> Response:
        if isinstance(error, REFUSALS[1]):
            current_app.logger.error("A token can't be checked: %s", error)
        refusal = refuse(error, realm=guard.realm, prefix=guard.prefix)
        if self._error_handler is None:
            response = jsonify(refusal.body)
            response.status_code = refusal.status
        else:
            response = make_response(self._error_handler(error))
        for name, value in refusal.headers.items():
            response.headers.setdefault(name, value)
        return response


@overload
def token_required(view: View) -> View: ...
@overload
def token_required(
    view: None = None, *, scopes: Collection[str] = (), optional: bool = False
) -> Callable[[View], View]: ...
def token_required(
    view: View | None = None, *, scopes: Collection[str] = (), optional: bool = False
) -> View | Callable[[View], View]:
    """Let a view run only for requests with an acceptable token.

    Parameters
    ----------
    view : callable, optional
        The view: ``@token_required`` and ``@token_required(…)`` both work.
    scopes : collection of str
        What the token must allow; else the answer is 403.
    optional : bool
        Run the view also without a token: then :data:`current_identity` is empty. A bad one is refused.

    Returns
    -------
    callable
        The view, guarded; or what guards one.
    """

    def guard(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            _guard().protect.authenticate(scopes=scopes, optional=optional)
            return current_app.ensure_sync(view)(*args, **kwargs)

        return cast("View", guarded)

    return guard if view is None else guard(view)


def _guard() -> _Guard:
    guard = current_app.extensions.get(_EXTENSION)
    if guard is None:
        raise ConfigurationError(
            "This application is not protected yet.", hint="Call OIDCProtect(app) or init_app(app)."
        )
    return cast("_Guard", guard)


def _present(token: str | None, guard: _Guard) -> str:
    return bearer_token(None, prefix=guard.prefix) if token is None else token


def _verified() -> _Verified | None:
    return cast("_Verified | None", request.environ.get(_ENVIRON))


def _current(name: str) -> Any:
    return LocalProxy(lambda: getattr(_verified(), name, None))


#: Who makes the current request, as the identity handler says; empty where no token was required or given.
current_identity: Any = _current("identity")
#: The claims of the current request's token; empty where none was required or given.
current_claims: Any = _current("claims")
