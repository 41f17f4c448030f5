"""Ask the provider about tokens: opaque ones, and, where asked for, JWTs too (RFC 7662)."""

from __future__ import annotations

import os
import re
import threading
import time
from base64 import b64encode
from collections import OrderedDict
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args
from urllib.parse import quote

from oidc_widget.errors import (
    ConfigurationError,
    DiscoveryError,
    InactiveToken,
    IntrospectionUnavailable,
    MalformedToken,
    TokenTooLarge,
)
from oidc_widget.oauth.http import fetch_json, open_client, require_secure_url
from oidc_widget.oauth.provider import discover
from oidc_widget.oauth.single_flight import SingleFlight
from oidc_widget.verify.settings import flag, seconds, whole
from oidc_widget.verify.token_cache import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider
    from oidc_widget.verify.settings import Seconds

__all__ = ["AuthMethod", "Introspected", "Introspection"]

#: How this service proves who it is (RFC 8414 §2, ``introspection_endpoint_auth_methods_supported``).
AuthMethod = Literal["client_secret_basic", "client_secret_post"]

_MAX_TOKEN_BYTES: Final = 65_536
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Introspected(NamedTuple):
    """What the provider says about an active token."""

    claims: dict[str, Any]
    require_audience: bool
    from_cache: bool


class _Answer(NamedTuple):
    claims: dict[str, Any] | None  # None: not active
    asked_at: float


class Introspection:
    """How to ask about tokens. Give it to :class:`~oidc_widget.verify.TokenVerifier`.

    Concurrent requests with the same token cause one question.

    Parameters
    ----------
    issuer : str, optional
        The provider, whose metadata tell the endpoint.
    client_id : str
        This service's own client at the provider.
    client_secret : str
        Its secret.
    auth_method : {"client_secret_basic", "client_secret_post"}, optional
        How the secret is sent (RFC 6749 §2.3.1). Unless given: as the metadata say, else by HTTP Basic.
    jwts : bool
        Ask about signed tokens too, once their signature and claims are right: then a revoked one is refused.
    endpoint : str, optional
        The introspection endpoint, for a provider without discovery.
    max_age : float or timedelta
        Seconds for which an answer is used again: so long may a revoked token still be accepted. 0 for never.
    cache_size : int
        How many answers are kept.
    require_audience : bool
        Whether an answer must have ``aud``. Many providers' answers lack it; then their opaque tokens
        are good for every service that may ask.
    timeout : float or timedelta
        Seconds to wait for an answer.
    allow_insecure_http : bool
        Send tokens and the secret over http to other machines.
    http_client : httpx2.Client or httpx.Client, optional
        The way to the network; else one of its own.
    clock : callable
        Seconds, monotonic.

    Raises
    ------
    ConfigurationError
        If there is neither issuer nor endpoint, or an address is insecure.
    """

    def __init__(  # noqa: PLR0913  (each by name)
        self,
        issuer: str | None = None,
        *,
        client_id: str,
        client_secret: str,
        endpoint: str | None = None,
        auth_method: AuthMethod | None = None,
        jwts: bool = False,
        max_age: Seconds = 60.0,
        cache_size: int = 1024,
        require_audience: bool = True,
        timeout: Seconds = 5.0,
        allow_insecure_http: bool = False,
        http_client: Client | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if issuer is None and endpoint is None:
            raise ConfigurationError("Introspection needs the issuer or the endpoint.")
        for what, url in (("The issuer", issuer), ("The introspection endpoint", endpoint)):
            if url is not None:
                require_secure_url(
                    url, what=what, allow_insecure_http=flag(allow_insecure_http, "allow_insecure_http")
                )
        if auth_method not in {None, *get_args(AuthMethod)}:
            raise ConfigurationError(f"auth_method is one of {', '.join(get_args(AuthMethod))}.")
        self.jwts = flag(jwts, "jwts")
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._endpoint = endpoint
        self._provider: Provider | None = None
        self._auth_method = auth_method
        self._max_age = seconds(max_age, "max_age")
        self._cache_size = whole(cache_size, "cache_size")
        self._require_audience = flag(require_audience, "require_audience")
        self._timeout = seconds(timeout, "timeout")
        self._allow_insecure_http = allow_insecure_http
        self._http_client = http_client
        self._own_client: tuple[int, Client] | None = None  # and the process that opened it
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        self._questions: dict[bytes, _Question] = {}

    def ask(self, token: str | bytes) -> Introspected:
        """Ask about a token.

        Parameters
        ----------
        token : str or bytes
            The token.

        Returns
        -------
        Introspected
            What the provider says about it.

        Raises
        ------
        InactiveToken
            If the provider says that it is not valid.
        MalformedToken
            If it can't be a token.
        IntrospectionUnavailable
            If the provider can't be asked.
        """
        known, question = self._look_up(token)
        if question is not None:
            try:
                question.flight.wait(self._timeout, landed=0)
            except TimeoutError as error:
                raise self._given_up(token) from error
        return self._result(known, question)

    async def ask_async(self, token: str | bytes) -> Introspected:
        """Do the same as :meth:`ask`, without blocking the event loop."""
        known, question = self._look_up(token)
        if question is not None:
            try:
                await question.flight.wait_async(self._timeout, landed=0)
            except TimeoutError as error:
                raise self._given_up(token) from error
        return self._result(known, question)

    def _look_up(self, token: object) -> tuple[_Answer | None, _Question | None]:
        """Find the answer, or else the question to wait for, perhaps one that is being asked already."""
        text = _checked(token)
        key = fingerprint(text)
        with self._lock:
            known = self._answers.get(key)
            if known is not None and self._clock() - known.asked_at < self._max_age:
                return known, None
            question = self._questions.get(key)
            if question is None:
                question = self._questions[key] = _Question(lambda: self._put(key, text))
            return None, question

    def _put(self, key: bytes, token: str) -> _Answer:
        asked_at = self._clock()
        try:
            answer = _Answer(self._post(token), asked_at)
        finally:
            with self._lock:
                self._questions.pop(key, None)
        if self._max_age > 0:
            with self._lock:
                self._answers[key] = answer
                self._answers.move_to_end(key)
                while len(self._answers) > self._cache_size:
                    self._answers.popitem(last=False)
        return answer

    def _post(self, token: str) -> dict[str, Any] | None:
        client = self._client()
        endpoint, method = self._endpoint, self._auth_method
        if endpoint is None:
            provider = self._announced(client)
            endpoint = provider.endpoint(
                "introspection_endpoint", allow_insecure_http=self._allow_insecure_http
            )
            supported = provider.metadata.get("introspection_endpoint_auth_methods_supported", ())
            method = method or next((one for one in get_args(AuthMethod) if one in supported), None)
        form = {"token": token, "token_type_hint": "access_token"}
        headers = {}
        if method == "client_secret_post":
            form |= {"client_id": self._client_id, "client_secret": self._client_secret}
        else:
            # RFC 6749 §2.3.1: both are form-encoded before they go into the Basic header.
            pair = f"{quote(self._client_id, safe='')}:{quote(self._client_secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        answer = fetch_json(client, endpoint, timeout=self._timeout, form=form, headers=headers)
        return answer if answer.get("active") is True else None

    def _announced(self, client: Client) -> Provider:
        if self._provider is None or self._provider.aged:
            self._provider = discover(client, str(self._issuer), timeout=self._timeout, exact=True)
        return self._provider

    def _client(self) -> Client:
        if self._http_client is not None:
            return self._http_client
        with self._lock:
            # A process that was forked has its parent's connections, and each would read the other's answers.
            if self._own_client is None or self._own_client[0] != os.getpid():
                self._own_client = (os.getpid(), open_client())
            return self._own_client[1]

    def _result(self, known: _Answer | None, question: _Question | None) -> Introspected:
        outcome = known if question is None else question.outcome
        if isinstance(outcome, DiscoveryError):
            raise self._unavailable(outcome.message) from outcome
        if outcome is None:  # joined in the moment in which the others gave up
            raise self._unavailable("It did not answer in time.")
        if outcome.claims is None:
            raise InactiveToken("The provider says that the token is not valid, or no longer.")
        claims = deepcopy(outcome.claims)  # what the caller does to a list in it must not be remembered
        return Introspected(claims, self._require_audience, from_cache=question is None)

    def _given_up(self, token: str | bytes) -> IntrospectionUnavailable:
        with self._lock:
            self._questions.pop(fingerprint(token), None)  # the next request asks anew
        return self._unavailable(f"It did not answer within {self._timeout:g} s.")

    def _unavailable(self, why: str) -> IntrospectionUnavailable:
        return IntrospectionUnavailable(
            f"{self._endpoint or self._issuer} can't be asked about the token. {why}",
            hint="Status 401 or 403: it refuses this service's own client_id and client_secret."
            if "status 40" in why
            else None,
        )


class _Question:
    """One question about one token, and what came of it."""

    def __init__(self, ask: Callable[[], _Answer]) -> None:
        self._ask = ask
        self.outcome: _Answer | DiscoveryError | None = None
        self.flight: SingleFlight[None] = SingleFlight(self._run)

    def _run(self) -> None:
        try:
            self.outcome = self._ask()
        except DiscoveryError as error:
            self.outcome = error


def _checked(token: object) -> str:
    """RFC 6750 §2.1: what a token may consist of."""
    if isinstance(token, bytes):
        token = token.decode("latin-1")
    if not isinstance(token, str):
        raise MalformedToken(f"A token is text, not {type(token).__name__}.")
    if len(token) > _MAX_TOKEN_BYTES:
        raise TokenTooLarge(f"The token is longer than {_MAX_TOKEN_BYTES} bytes.")
    if not _TOKEN.fullmatch(token):
        raise MalformedToken("The token holds characters that no token has.")
    return token
