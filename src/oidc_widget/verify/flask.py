"""Protect a Flask application: the successor of Flask-JWT.

>>> from flask import Flask
>>> from oidc_widget.verify.flask import OIDCProtect, current_identity
>>> app = Flask(__name__)
>>> protect = OIDCProtect(app, issuer="https://idp.example.com", audience="https://api.example.com")
>>> @app.get("/me")
... @protect.token_required
... def me():
...     return {"you": str(current_identity)}

There is no endpoint for user names and passwords: these are for the provider alone (RFC 9700 §2.4).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast, overload

from flask import Response, abort, current_app, jsonify, make_response, request
from werkzeug.local import LocalProxy

from oidc_widget.errors import ConfigurationError, OIDCError, VerificationError
from oidc_widget.verify.bearer import REFUSALS
from oidc_widget.verify.flask_json import encode_proxies
from oidc_widget.verify.protection import Guard, Presented, Protection, Verified, run
from oidc_widget.verify.requirements import Requirements

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from typing_extensions import Unpack

    from oidc_widget.verify.requirements import Needed
    from oidc_widget.verify.resource_metadata import ResourceMetadata
    from oidc_widget.verify.settings import Names, Seconds

__all__ = ["OIDCProtect", "current_claims", "current_identity", "token_required"]

View = TypeVar("View", bound="Callable[..., Any]")

_EXTENSION: Final = "oidc_widget"
# The request, and not `flask.g`: that is the application context's, which may outlive a request.
_ENVIRON: Final = "oidc_widget.verified"


class _Noted(NamedTuple):
    """Who makes the request, by which protection of which application."""

    app: Flask
    protect: OIDCProtect
    verified: Verified


class OIDCProtect(Protection["Flask"]):
    """Check the bearer tokens of a Flask application's requests.

    An application may have several, each with a policy of its own, and one may serve several applications.

    Any parameter of :class:`~oidc_widget.verify.TokenVerifier` may be given here, or in ``app.config`` as
    ``OIDC_`` and its name in capitals; here it counts for all applications. These keys differ or are added:

    ========================== ==============================================================
    ``OIDC_REALM``             what is protected, in ``WWW-Authenticate``; ``"Login Required"``
    ``OIDC_HEADER_PREFIX``     the scheme in ``Authorization``; ``"Bearer"``
    ``OIDC_VERIFY_CLAIMS``     what is verified, of ``aud``, ``nbf`` and ``iat``; the signature, ``iss`` and
                               ``exp`` always are. Without ``aud``, ``OIDC_AUDIENCE`` must be unset too
    ``OIDC_INTROSPECTION``     a mapping with the parameters of :class:`~oidc_widget.verify.Introspection`
    ``OIDC_DPOP``              a mapping with the parameters of :class:`~oidc_widget.verify.DPoP`
    ``OIDC_RESOURCE``          the public address of what is protected, e.g. ``https://api.example.com/admin``:
                               its metadata are served there (RFC 9728), and challenges name them
    ``OIDC_RESOURCE_METADATA`` further members of that document
    ``OIDC_FETCH_KEYS``        whether the keys are fetched by ``init_app``
    ========================== ==============================================================

    Parameters
    ----------
    app : flask.Flask, optional
        The application; else call :meth:`init_app`.
    verifier : TokenVerifier, optional
        One that is ready made; then the settings about tokens are its own.
    realm, header_prefix, resource : str, optional
        As above.
    resource_metadata : mapping, optional
        As above.
    fetch_keys : bool
        As above.
    **settings
        Anything that :class:`~oidc_widget.verify.TokenVerifier` takes.
    """

    def init_app(self, app: Flask) -> None:
        """Protect an application. Nothing is fetched yet, unless ``fetch_keys`` says so.

        What is changed in ``app.config`` later counts from the next request on.

        Parameters
        ----------
        app : flask.Flask
            The application, with its configuration loaded.

        Raises
        ------
        ConfigurationError
            If issuer or audience are missing, or a setting is of no use.
        DiscoveryError
            If the keys are asked for and can't be had.
        """
        guard = self._start(app.config)
        guards: dict[OIDCProtect, Guard] = app.extensions.setdefault(_EXTENSION, {})
        if guard.metadata is not None and self not in guards:
            self._publish(app, guard.metadata)
        guards[self] = guard
        encode_proxies(app.json)
        # Raised in a view: answered as in a decorator, unless the application has a handler of its own.
        app.error_handler_spec[None][None].setdefault(VerificationError, _answer_view)

    @overload
    def token_required(self, view: View) -> View: ...
    @overload
    def token_required(
        self, view: None = None, *, optional: bool = False, **needed: Unpack[Needed]
    ) -> Callable[[View], View]: ...
    def token_required(
        self, view: View | None = None, *, optional: bool = False, **needed: Unpack[Needed]
    ) -> View | Callable[[View], View]:
        """Let a view run only for requests with a token that is acceptable to this protection.

        Parameters
        ----------
        view : callable, optional
            The view: ``@protect.token_required`` and ``@protect.token_required(…)`` both work.
        scopes : str or collection of str
            What the token must allow, all of it; else the answer is 403.
        roles, permissions : str or collection of str, optional
            What its subject must have, one of them (see :class:`~oidc_widget.verify.AllOf`); else 403.
        acr : str or collection of str, optional
            The authentication contexts of which the sign-in must have had one; else 401 as RFC 9470 has it.
        max_age : float or timedelta, optional
            Seconds that the sign-in may be old; else the same.
        optional : bool
            Run the view also without a token: then :data:`current_identity` is empty. A bad one is refused.

        Returns
        -------
        callable
            The view, guarded; or what guards one.
        """
        guard = _guarding(lambda: self, Requirements.read(**needed), optional=optional)
        return guard if view is None else guard(view)

    def authenticate(  # noqa: PLR0913  (each by name)
        self,
        *,
        scopes: Names = (),
        roles: Names | None = None,
        permissions: Names | None = None,
        acr: Names | None = None,
        max_age: Seconds | None = None,
        optional: bool = False,
    ) -> None:
        """Check the current request's token: for ``before_request``, where there is no view to decorate.

        ``OPTIONS`` requests that Flask answers by itself need no token: a browser sends none before it knows
        whether it may (Fetch standard, CORS-preflight fetch). Nor does the document of RFC 9728.

        Parameters
        ----------
        scopes, roles, permissions, acr, max_age, optional
            As for :meth:`token_required`.

        Raises
        ------
        werkzeug.exceptions.HTTPException
            With the answer, if the request is refused.
        """
        needs = Requirements.read(
            scopes=scopes, roles=roles, permissions=permissions, acr=acr, max_age=max_age
        )
        self._check(needs, optional=optional)

    def _check(self, needs: Requirements, *, optional: bool) -> None:
        request.environ.pop(_ENVIRON, None)
        guard = self._guard()
        encode_proxies(current_app.json)
        if _needs_no_token(guard):
            return
        presented = Presented(
            request.headers.get("Authorization"),
            tuple(request.headers.getlist("DPoP")),
            request.method,
            lambda: request.base_url,
        )
        getter = self._token_getter
        steps = self._steps(
            guard,
            presented,
            needs,
            optional=optional,
            verify=guard.verifier.verify,
            get_token=None if getter is None else lambda: self._call(getter),
        )
        try:
            verified = run(steps)
        except REFUSALS as error:
            abort(self._answer(error, guard))
        if verified is not None:
            request.environ[_ENVIRON] = _Noted(_app(), self, verified)

    def _publish(self, app: Flask, metadata: ResourceMetadata) -> None:
        endpoint = _metadata_endpoint(metadata)
        if endpoint in app.view_functions:
            raise metadata.taken()

        def document() -> Response:
            current = self._guard().metadata or metadata
            response = jsonify(current.document)
            response.headers["Access-Control-Allow-Origin"] = "*"  # clients in browsers read it too
            return response

        app.add_url_rule(metadata.path, endpoint, document)

    def _guard(self) -> Guard:
        guards = current_app.extensions.get(_EXTENSION, {})
        guard = guards.get(self)
        if guard is None:
            raise _unprotected()
        current = self._current(guard, current_app.config)
        if current is not guard:
            guards[self] = current
        return current

    def _call(self, hook: Callable[..., Any], *args: Any) -> Any:
        return current_app.ensure_sync(hook)(*args)

    def _answer(self, error: OIDCError, guard: Guard) -> Response:
        refusal = self._refusal(error, guard, request.headers.get("Authorization"))
        if self._error_handler is None:
            response = jsonify(refusal.body)
            response.status_code = refusal.status
        else:
            response = make_response(self._call(self._error_handler, error))
        for name, value in refusal.headers.items():
            response.headers.setdefault(name, value)
        return response


@overload
def token_required(view: View) -> View: ...
@overload
def token_required(
    view: None = None, *, optional: bool = False, **needed: Unpack[Needed]
) -> Callable[[View], View]: ...
def token_required(
    view: View | None = None, *, optional: bool = False, **needed: Unpack[Needed]
) -> View | Callable[[View], View]:
    """Do the same as :meth:`OIDCProtect.token_required`, where the application has one protection only.

    Raises
    ------
    ConfigurationError
        At a request, if the application has no protection, or several: which one is meant, it can't say.
    """
    guard = _guarding(_only_protection, Requirements.read(**needed), optional=optional)
    return guard if view is None else guard(view)


def _guarding(
    find: Callable[[], OIDCProtect], needs: Requirements, *, optional: bool
) -> Callable[[View], View]:
    def guard(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            find()._check(needs, optional=optional)  # noqa: SLF001  (this module's own)
            return current_app.ensure_sync(view)(*args, **kwargs)

        return cast("View", guarded)

    return guard


def _only_protection() -> OIDCProtect:
    guards = current_app.extensions.get(_EXTENSION, {})
    if not guards:
        raise _unprotected()
    if len(guards) > 1:
        raise ConfigurationError(
            "This application has several protections, and a view says only @token_required.",
            hint="Name the one that is meant: @protect.token_required.",
        )
    return cast("OIDCProtect", next(iter(guards)))


def _unprotected() -> ConfigurationError:
    return ConfigurationError(
        "This application is not protected yet.", hint="Call OIDCProtect(app) or init_app(app)."
    )


def _needs_no_token(guard: Guard) -> bool:
    """Tell whether Flask itself answers, with what anybody may know; where a view would, it ends here."""
    if guard.metadata is not None and request.endpoint == _metadata_endpoint(guard.metadata):
        return True
    if request.method != "OPTIONS" or request.url_rule is None:
        return False
    if getattr(request.url_rule, "provide_automatic_options", False):
        return True
    if "Origin" in request.headers and "Access-Control-Request-Method" in request.headers:
        abort(current_app.make_default_options_response())
    return False


def _metadata_endpoint(metadata: ResourceMetadata) -> str:
    return f"{_EXTENSION}{metadata.path}".replace(".", "_")  # a dot would name a blueprint


def _answer_view(error: VerificationError) -> Response:
    """Answer for the protection that let the request in, else for the application's first."""
    noted = _noted()
    protect = next(iter(current_app.extensions[_EXTENSION])) if noted is None else noted.protect
    return cast("OIDCProtect", protect)._answer(error, protect._guard())  # noqa: SLF001  (this module's own)


def _app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  (werkzeug's)


def _noted() -> _Noted | None:
    # What an application around this one noted in the same request is not about this one's protections.
    noted = request.environ.get(_ENVIRON)
    return noted if isinstance(noted, _Noted) and noted.app is _app() else None


def _current(name: str) -> Any:
    def look_up() -> Any:
        noted = _noted()
        return None if noted is None else getattr(noted.verified, name)

    return LocalProxy(look_up)


#: Who makes the current request, as the identity handler says; empty where no token was required or given.
#: Where several protections checked the request, it is what the last of them found.
current_identity: Any = _current("identity")
#: The claims of the current request's token; empty where none was required or given.
current_claims: Any = _current("claims")
