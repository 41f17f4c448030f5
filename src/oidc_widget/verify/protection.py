"""What the web frameworks' adapters share: settings, hooks, and the steps of a check.

The steps are one generator: what they wait for (hooks, the verifier) they yield, so that they run in a thread
as well as in an event loop. Each adapter says where a request keeps things, and how it is answered.
"""

from __future__ import annotations

import inspect
import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Protocol, TypeVar

from oidc_widget.errors import ConfigurationError, DiscoveryError, InvalidDPoPProof, UnknownIdentity
from oidc_widget.verify.bearer import DPOP, Refusal, credentials, missing, refuse
from oidc_widget.verify.configuration import configured, is_as_in, settings_from, snapshot
from oidc_widget.verify.dpop import DPoPRequest
from oidc_widget.verify.resource_metadata import ResourceMetadata
from oidc_widget.verify.settings import flag
from oidc_widget.verify.verifier import TokenVerifier

if TYPE_CHECKING:
    from oidc_widget.errors import OIDCError
    from oidc_widget.verify.claims import Claims
    from oidc_widget.verify.requirements import Requirements

__all__ = ["Guard", "Presented", "Protection", "StandIn", "Verified", "run", "run_async"]

App = TypeVar("App")
Hook = TypeVar("Hook", bound="Callable[..., Any]")
Steps = Generator[Any, Any, Any]

_log: Final = logging.getLogger(__name__)


class Verified(NamedTuple):
    """Who makes a request."""

    claims: Mapping[str, Any]
    identity: Any


class Presented(NamedTuple):
    """What a request brings."""

    authorization: str | None
    proofs: tuple[str, ...]
    method: str
    #: Its address, looked up only where it matters.
    uri: Callable[[], str]


class StandIn(Protocol):
    """Whom tests have a protection trust instead; see :mod:`oidc_widget.verify.testing`."""

    @property
    def url(self) -> str:
        """Its name."""

    @property
    def jwks(self) -> dict[str, Any]:
        """Its keys."""


class Guard(NamedTuple):
    """What requests are checked with, as the settings say now."""

    verifier: TokenVerifier
    realm: str
    prefix: str
    metadata: ResourceMetadata | None
    #: What the configuration said, and whom a test put in the issuer's place.
    seen: tuple[Any, ...]
    stand_in: StandIn | None


class Protection(Generic[App]):
    """One policy, its hooks, and how it is enforced.

    Parameters
    ----------
    app : optional
        The framework's application; else call :meth:`init_app`.
    verifier : TokenVerifier, optional
        One that is ready made; then the settings about tokens are its own.
    realm : str, optional
        ``OIDC_REALM``.
    header_prefix : str, optional
        ``OIDC_HEADER_PREFIX``.
    resource : str, optional
        ``OIDC_RESOURCE``: the public address of what is protected (RFC 9728).
    resource_metadata : mapping, optional
        ``OIDC_RESOURCE_METADATA``: further members of its document.
    fetch_keys : bool
        ``OIDC_FETCH_KEYS``.
    **settings
        Parameters of :class:`~oidc_widget.verify.TokenVerifier`.
    """

    def __init__(  # noqa: PLR0913  (each by name)
        self,
        app: App | None = None,
        *,
        verifier: TokenVerifier | None = None,
        realm: str | None = None,
        header_prefix: str | None = None,
        resource: str | None = None,
        resource_metadata: Mapping[str, Any] | None = None,
        fetch_keys: bool = False,
        **settings: Any,
    ) -> None:
        if verifier is not None and settings:
            raise ConfigurationError(
                f"A verifier is given, and {min(settings)} too, which is a setting of its own.",
                hint="Give it to the TokenVerifier.",
            )
        self._verifier = verifier
        self._realm = realm
        self._header_prefix = header_prefix
        self._resource = resource
        self._resource_metadata = resource_metadata
        self._fetch_keys = fetch_keys
        self._settings = settings
        self._lock = threading.Lock()
        #: Whom tests have it trust instead.
        self.stand_in: StandIn | None = None
        self._identity_handler: Callable[[Mapping[str, Any]], Any] = lambda claims: claims.get("sub")
        self._claims_handler: Callable[[Claims], Any] | None = None
        self._token_getter: Callable[..., Any] | None = None
        self._error_handler: Callable[..., Any] | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: App) -> None:
        """Protect an application."""
        raise NotImplementedError

    # ---- Hooks ----

    def identity_handler(self, handler: Hook) -> Hook:
        """Register what turns the claims into the identity; None refuses the request.

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
            Takes the claims. May raise a ``VerificationError``, and may return other claims: roles and
            permissions are looked for in these.

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
            Returns the token or None. Takes nothing in Flask, the connection in FastAPI and Starlette.

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
            Takes the error, and in FastAPI and Starlette the connection before it. Returns what a view may.
            The challenge (``WWW-Authenticate``) is added.

        Returns
        -------
        callable
            The same.
        """
        self._error_handler = handler
        return handler

    # ---- Settings ----

    def _make_guard(self, config: Mapping[str, Any]) -> Guard:
        """Read the settings; what was given to the instance comes before the configuration."""
        seen, stand_in = snapshot(config), self.stand_in
        verifier = self._verifier or TokenVerifier(**{**settings_from(config), **self._settings})
        if stand_in is not None:
            verifier = verifier.trusting(stand_in.url, stand_in.jwks)
        resource = self._resource or configured(config, "resource")
        extra = self._resource_metadata or configured(config, "resource_metadata") or {}
        return Guard(
            verifier,
            self._realm or configured(config, "realm") or "Login Required",
            self._header_prefix or configured(config, "header_prefix") or "Bearer",
            None if resource is None else ResourceMetadata(resource, verifier, extra),
            seen,
            stand_in,
        )

    def _start(self, config: Mapping[str, Any]) -> Guard:
        """Read the settings for the first time, and fetch the keys if that is asked for."""
        guard = self._make_guard(config)
        if flag(self._fetch_keys or configured(config, "fetch_keys") or False, "fetch_keys"):
            guard.verifier.fetch_keys()
        return guard

    def _current(self, guard: Guard, config: Mapping[str, Any]) -> Guard:
        """Return the guard, or one anew where the configuration has changed since."""
        if guard.stand_in is self.stand_in and is_as_in(config, guard.seen):
            return guard
        with self._lock:
            anew = self._make_guard(config)
        if (anew.metadata and anew.metadata.path) != (guard.metadata and guard.metadata.path):
            raise ConfigurationError(
                "OIDC_RESOURCE was changed after init_app, which decides where its document is served.",
                hint="Set it before.",
            )
        return anew

    # ---- A request ----

    def _steps(  # noqa: PLR0913  (what the two frameworks differ in)
        self,
        guard: Guard,
        presented: Presented,
        needs: Requirements,
        *,
        optional: bool,
        verify: Callable[..., Any],
        get_token: Callable[[], Any] | None,
    ) -> Steps:
        """Check a request's token; return who makes it, or None if it is optional and there is none."""
        scheme, token = None, None
        if get_token is not None:
            token = yield get_token()
        elif (found := credentials(presented.authorization, prefix=guard.prefix)) is not None:
            scheme, token = found
        if token is None:
            if optional:
                return None
            raise missing(DPOP if _requires_proof(guard) else guard.prefix)
        proof = {}
        if presented.proofs or scheme == DPOP:
            uris = _addresses(presented.uri(), guard.metadata)
            proof["request"] = DPoPRequest(presented.method, uris, presented.proofs, scheme)
        claims: Mapping[str, Any] = yield verify(token, scopes=needs.scopes, **proof)
        if self._claims_handler is not None:
            claims = (yield self._call(self._claims_handler, claims)) or claims
        self._check_needs(guard, needs, claims)
        identity = yield from self._identify(claims)
        return Verified(claims, identity)

    def _identify(self, claims: Mapping[str, Any]) -> Steps:
        """Return whom the claims are about."""
        identity = yield self._call(self._identity_handler, claims)
        if identity is None:
            raise UnknownIdentity("The token is valid, but nobody is known here by its claims.")
        return identity

    def _check_needs(self, guard: Guard, needs: Requirements, claims: Mapping[str, Any]) -> None:
        """Check what the route demands besides scopes."""
        if isinstance(guard.verifier, TokenVerifier):
            guard.verifier.check_requirements(claims, needs)
        else:  # one of the application's own
            needs.check(claims, now=time.time(), leeway=0.0)

    def _call(self, hook: Callable[..., Any], *args: Any) -> Any:
        """Call a hook; what it returns may have to be awaited."""
        return hook(*args)

    def _refusal(self, error: OIDCError, guard: Guard, authorization: str | None) -> Refusal:
        """Return what to answer, and tell the operator what the caller is not told."""
        if isinstance(error, DiscoveryError):
            _log.error("A token can't be checked: %s", error)
        found = credentials(authorization, prefix=guard.prefix)
        proven = isinstance(error, InvalidDPoPProof) or (found is not None and found.scheme == DPOP)
        return refuse(
            error,
            realm=guard.realm,
            scheme=DPOP if proven or _requires_proof(guard) else guard.prefix,
            resource_metadata=None if guard.metadata is None else guard.metadata.url,
            proof_algorithms=_proof_algorithms(guard),
        )


def run(steps: Steps) -> Any:
    """Run steps in which nothing has to be awaited."""
    value = None
    while True:
        try:
            value = steps.send(value)
        except StopIteration as end:  # noqa: PERF203  (this is how a generator ends)
            return end.value


async def run_async(steps: Steps) -> Any:
    """Run steps, and await what has to be awaited."""
    step: Callable[[], Any] = partial(steps.send, None)
    while True:
        try:
            value = step()
        except StopIteration as end:
            return end.value
        step = await _next_step(steps, value)


async def _next_step(steps: Steps, value: Any) -> Callable[[], Any]:
    try:
        value = await value if inspect.isawaitable(value) else value
    except Exception as error:  # noqa: BLE001  (the steps decide what it means)
        return partial(steps.throw, error)
    return partial(steps.send, value)


def _addresses(uri: str, metadata: ResourceMetadata | None) -> tuple[str, ...]:
    """Return what a request's address may be to its sender: behind a proxy, only the setting knows."""
    if metadata is None:
        return (uri,)
    path = "/" + uri.partition("://")[2].partition("/")[2]
    return (metadata.origin + path,)


def _requires_proof(guard: Guard) -> bool:
    dpop = getattr(guard.verifier, "dpop", None)  # a verifier of one's own may not know of it
    return dpop is not None and dpop.required


def _proof_algorithms(guard: Guard) -> tuple[str, ...]:
    dpop = getattr(guard.verifier, "dpop", None)
    return () if dpop is None else dpop.algorithms
