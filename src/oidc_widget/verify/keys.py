"""Where an issuer's keys come from, and when they are fetched anew."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from oidc_widget.errors import DiscoveryError, KeysUnavailable
from oidc_widget.oauth.http import fetch_json, open_client, require_secure_url
from oidc_widget.oauth.provider import discover
from oidc_widget.oauth.single_flight import SingleFlight
from oidc_widget.verify.keyring import KeyRing

if TYPE_CHECKING:
    from collections.abc import Callable

    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider

__all__ = ["IssuerKeys", "KeySource", "OfflineSource", "RemoteKeys"]

#: Seconds, at most, between two fetches while there are no keys: nobody is served then, so it is short.
_FIRST_COOLDOWN: Final = 5.0
#: Seconds that good tokens wait for keys to be renewed, so that a withdrawn key is refused at once where the
#: provider answers as usual. After that the known keys serve while the renewal goes on behind.
_GRACE: Final = 0.25


class IssuerKeys(NamedTuple):
    """What is known of an issuer at one moment."""

    ring: KeyRing
    #: ``id_token_signing_alg_values_supported``; None if the issuer doesn't say.
    algorithms: frozenset[str] | None = None
    #: On the source's own clock.
    fetched_at: float = 0.0


class KeySource(Protocol):
    """Where the keys of one issuer come from."""

    def get(self, algorithm: str, kid: str | None, *, rejected: IssuerKeys | None = None) -> IssuerKeys:
        """Return the keys, fetched anew if need be: for want of that ``kid``, or because they are old.

        Or because a signature fits none of those that are given as rejected.
        """

    async def get_async(
        self, algorithm: str, kid: str | None, *, rejected: IssuerKeys | None = None
    ) -> IssuerKeys:
        """Do the same without blocking the event loop."""

    def fetch(self) -> None:
        """Fetch the keys now, or say why that fails."""


class OfflineSource:
    """Keys that were given, and stay."""

    def __init__(self, ring: KeyRing) -> None:
        self._keys = IssuerKeys(ring)

    def get(self, algorithm: str, kid: str | None, *, rejected: IssuerKeys | None = None) -> IssuerKeys:  # noqa: ARG002  (the protocol's)
        """Return the keys."""
        return self._keys

    async def get_async(
        self,
        algorithm: str,  # noqa: ARG002  (the protocol's)
        kid: str | None,  # noqa: ARG002  (the same)
        *,
        rejected: IssuerKeys | None = None,  # noqa: ARG002  (the same)
    ) -> IssuerKeys:
        """Return the keys."""
        return self._keys

    def fetch(self) -> None:
        """Do nothing: they are here."""


class _Need(NamedTuple):
    """Why keys are fetched: because a token can't be judged without, or because they are old."""

    patience: float
    urgent: bool


class RemoteKeys:
    """Keys that the issuer publishes: fetched when first needed, and shared by threads and event loops.

    Good keys are only ever replaced by good keys: while the provider is down, or sends nonsense,
    tokens signed with the keys known so far are accepted. While it hangs, they don't wait for it.

    Parameters
    ----------
    issuer : str
        The issuer, exactly as it stands in the tokens.
    jwks_uri : str, optional
        Where the keys are; else discovery tells.
    timeout : float
        Seconds to wait for discovery and keys.
    max_age : float
        Seconds after which keys are fetched anew, so that one withdrawn is soon refused.
    cooldown : float
        Seconds during which, after a fetch for the sake of an unknown ``kid`` or after a failed one, no other
        is made for the same reason: tokens made up by strangers must not have the provider flooded. 5 s at
        most while there are no keys yet, so that the service is there soon after its provider.
    allow_insecure_http : bool
        Accept http to other machines, where whoever is on the way can replace the keys.
    http_client : httpx2.Client or httpx.Client, optional
        The way to the network (proxies, certificates); else a new one for each fetch.
    clock : callable
        Seconds, monotonic.
    """

    def __init__(  # noqa: PLR0913  (each by name)
        self,
        issuer: str,
        *,
        jwks_uri: str | None = None,
        timeout: float = 5.0,
        max_age: float = 600.0,
        cooldown: float = 30.0,
        allow_insecure_http: bool = False,
        http_client: Client | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        require_secure_url(
            jwks_uri or issuer,  # whichever is asked
            what="The jwks_uri" if jwks_uri else "The issuer",
            allow_insecure_http=allow_insecure_http,
        )
        self._issuer = issuer
        self._jwks_uri = jwks_uri
        self._timeout = timeout
        self._max_age = max_age
        self._cooldown = cooldown
        self._allow_insecure_http = allow_insecure_http
        self._http_client = http_client
        self._clock = clock
        self._keys: IssuerKeys | None = None
        self._provider: Provider | None = None
        self._failure: DiscoveryError | None = None
        self._quiet_until = float("-inf")
        self._flight = SingleFlight(self._fetch)

    def get(self, algorithm: str, kid: str | None, *, rejected: IssuerKeys | None = None) -> IssuerKeys:
        """Return the keys, fetched anew if need be.

        Parameters
        ----------
        algorithm : str
            The token's ``alg``.
        kid : str or None
            The token's ``kid``.
        rejected : IssuerKeys, optional
            Keys that did not make the token's signature: others may have taken their place and name.

        Returns
        -------
        IssuerKeys
            The best there are. The key asked for may be missing all the same.

        Raises
        ------
        KeysUnavailable
            If there are none, and they can't be fetched.
        """
        landed = self._flight.landed
        need = self._need(algorithm, kid, rejected)
        if need is not None:
            try:
                self._flight.wait(need.patience, landed=landed, give_up=need.urgent)
            except TimeoutError as error:
                self._note_timeout(error)
        return self._best()

    async def get_async(
        self, algorithm: str, kid: str | None, *, rejected: IssuerKeys | None = None
    ) -> IssuerKeys:
        """Do the same as :meth:`get`, without blocking the event loop."""
        landed = self._flight.landed
        need = self._need(algorithm, kid, rejected)
        if need is not None:
            try:
                await self._flight.wait_async(need.patience, landed=landed, give_up=need.urgent)
            except TimeoutError as error:
                self._note_timeout(error)
        return self._best()

    def fetch(self) -> None:
        """Fetch the keys now, so that a wrong issuer is noticed before the first token comes.

        Raises
        ------
        DiscoveryError
            If they can't be had; its ``code`` says which step failed.
        """
        try:
            self._flight.wait(2 * self._timeout, landed=self._flight.landed)
        except TimeoutError as error:
            self._note_timeout(error)
        if self._failure is not None:
            raise self._failure

    def _need(self, algorithm: str, kid: str | None, rejected: IssuerKeys | None) -> _Need | None:
        """Tell whether keys must be fetched, and how long that may hold up who asks."""
        keys, now = self._keys, self._clock()
        fits = keys is not None and keys is not rejected and bool(keys.ring.find(algorithm, kid))
        if fits and keys is not None and now - keys.fetched_at < self._max_age:
            return None
        if now < self._quiet_until:
            return None
        if fits:
            return _Need(max(0.0, _GRACE - self._flight.age), urgent=False)
        return _Need(self._timeout, urgent=True)

    def _is_young(self, keys: IssuerKeys) -> bool:
        return self._clock() - keys.fetched_at < self._max_age

    def _best(self) -> IssuerKeys:
        keys = self._keys
        if keys is None:
            failure = self._failure
            raise KeysUnavailable(
                f"The keys of {self._issuer} can't be had now. {failure.message if failure else ''}".rstrip(),
                code=failure.code if failure else None,
                hint=failure.hint if failure else None,
            ) from failure
        return keys

    def _note_timeout(self, cause: TimeoutError) -> None:
        knows_where = (
            bool(self._jwks_uri) or self._provider is not None
        )  # so it is the keys that did not come
        self._failure = DiscoveryError(
            f"{self._issuer} did not answer within {self._timeout:g} s.",
            code="keys_unavailable" if knows_where else "provider_unreachable",
        )
        self._failure.__cause__ = cause
        self._rest()

    def _rest(self) -> None:
        pause = self._cooldown if self._keys is not None else min(self._cooldown, _FIRST_COOLDOWN)
        self._quiet_until = self._clock() + pause

    def _fetch(self) -> None:
        # After a fetch because of age, or the first, an unknown `kid` may still cause another at once: a
        # rotation right after must be picked up. After one because of an unknown `kid`, not.
        quiet = self._keys is not None and self._is_young(self._keys)
        try:
            with contextlib.ExitStack() as stack:
                self._keys = self._fetch_with(self._http_client or stack.enter_context(open_client()))
            self._failure = None
        except DiscoveryError as error:
            self._failure = error
            self._provider = None  # the keys may have moved
            quiet = True
        if quiet:
            self._rest()

    def _fetch_with(self, client: Client) -> IssuerKeys:
        url = self._jwks_uri
        if not url:
            provider = self._provider
            if provider is None or provider.aged:
                provider = discover(client, self._issuer, timeout=self._timeout, exact=True)
            url = provider.endpoint("jwks_uri", allow_insecure_http=self._allow_insecure_http)
            self._provider = provider
        try:
            ring = KeyRing.from_jwks(fetch_json(client, url, timeout=self._timeout))
        except DiscoveryError as error:
            raise KeysUnavailable(error.message, hint=error.hint) from error
        if not ring:
            raise KeysUnavailable(f"{url} holds no key that can verify a signature.")
        return IssuerKeys(ring, _advertised_algorithms(self._provider), self._clock())


def _advertised_algorithms(provider: Provider | None) -> frozenset[str] | None:
    values = None if provider is None else provider.metadata.get("id_token_signing_alg_values_supported")
    return None if values is None else frozenset(values)
