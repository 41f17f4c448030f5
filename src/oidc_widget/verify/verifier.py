"""Decide whether a token is acceptable."""

from __future__ import annotations

import time
from copy import deepcopy
from typing import TYPE_CHECKING

from oidc_widget.errors import (
    AlgorithmNotAllowed,
    ConfigurationError,
    InvalidClaim,
    MissingClaim,
    WrongIssuer,
)
from oidc_widget.verify.access_token_hash import verify_access_token_hash
from oidc_widget.verify.claims import Claims
from oidc_widget.verify.keyring import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from oidc_widget.verify.keys import RemoteKeys
from oidc_widget.verify.policy import ClaimPolicy
from oidc_widget.verify.settings import checked_algorithms, names, offline_sources
from oidc_widget.verify.signed import looks_signed, parse, quote, verify_signature
from oidc_widget.verify.token_cache import TokenCache

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from oidc_widget.oauth.http import Client
    from oidc_widget.verify.introspection import Introspected, Introspection
    from oidc_widget.verify.keyring import OfflineKeys
    from oidc_widget.verify.keys import IssuerKeys, KeySource
    from oidc_widget.verify.policy import TokenType
    from oidc_widget.verify.settings import Names
    from oidc_widget.verify.signed import SignedToken

__all__ = ["TokenVerifier"]

_VERIFIABLE = frozenset({"nbf", "iat"})


class TokenVerifier:
    """Verify tokens of one issuer, or of several, for one service.

    It may be shared by threads and event loops, and should be: it holds the keys.

    Parameters
    ----------
    issuer : str or collection of str
        Who may have issued a token, exactly as ``iss`` says it. Each one's keys count for its own tokens.
    audience : str or collection of str or None
        This service's own name: what ``aud`` must hold (one of several). For ID tokens, the client id.
    algorithms : collection of str, optional
        Accepted ``alg``. Unless given: what discovery advertises, or, where it doesn't say and for offline
        keys, every asymmetric one that the key is for. ``none`` never is; HMAC only if named here, with
        offline keys, and with nothing else.
    leeway : float
        Seconds by which clocks may differ.
    required_claims : collection of str
        What must be there besides ``iss`` and ``aud``.
    verify_claims : collection of str
        Which of ``nbf`` and ``iat`` are compared with the clock. ``exp`` always is.
    scopes : collection of str
        What each token must allow.
    token_type : {"access", "id"}
        What the token must have been made for. The one kind is refused as the other.
    rfc9068 : bool
        For access tokens: insist on RFC 9068 (``typ: at+jwt``, and its required claims). Off, because most
        providers' access tokens are not marked.
    authorized_parties : collection of str, optional
        The clients (``azp``, else ``client_id``) whose tokens are accepted. Unless given: any, for
        access tokens; the audience itself, for ID tokens (OIDC Core §3.1.3.7).
    keys : JWK Set, JWK, PEM, or a sequence of the latter, optional
        Offline keys: nothing is fetched. With several issuers, a mapping from each issuer to its keys.
    jwks_uri : str, optional
        Where the keys are, for an issuer without discovery.
    skip_audience_check : bool
        Accept tokens that are for somebody else. Then any service that gets a token can use it here.
    introspection : Introspection, optional
        How to ask about opaque tokens. Without it they are malformed.
    cache_size : int
        How many verified tokens to remember until they expire; 0 for none. What was remembered says so:
        :attr:`Claims.from_cache`.
    max_token_bytes : int
        The longest token that is looked at.
    timeout, max_age, cooldown : float
        Seconds; see :class:`~oidc_widget.verify.keys.RemoteKeys`.
    allow_insecure_http : bool
        Accept an issuer over http that is not on this machine: whoever is on the way can then forge tokens.
    http_client : httpx2.Client or httpx.Client, optional
        The way to the network, for proxies and private certificate authorities.
    now : callable
        The time, in seconds since the epoch.
    clock : callable
        Seconds, monotonic: the age of keys.

    Raises
    ------
    ConfigurationError
        If something is missing, contradictory or insecure.
    """

    def __init__(  # noqa: PLR0913  (one place for all that a service decides, each by name)
        self,
        issuer: Names,
        audience: Names | None = None,
        *,
        algorithms: Collection[str] | None = None,
        leeway: float = 10.0,
        required_claims: Collection[str] = ("exp", "iat"),
        verify_claims: Collection[str] = ("nbf", "iat"),
        scopes: Collection[str] = (),
        token_type: TokenType = "access",  # noqa: S107  (no password)
        rfc9068: bool = False,
        authorized_parties: Collection[str] | None = None,
        keys: OfflineKeys | Mapping[str, OfflineKeys] | None = None,
        jwks_uri: str | None = None,
        skip_audience_check: bool = False,
        introspection: Introspection | None = None,
        cache_size: int = 0,
        max_token_bytes: int = 65_536,
        timeout: float = 5.0,
        max_age: float = 600.0,
        cooldown: float = 30.0,
        allow_insecure_http: bool = False,
        http_client: Client | None = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        issuers = names(issuer, "issuer")
        audiences = names(audience, "audience") if audience is not None else ()
        if not issuers:
            raise ConfigurationError("A verifier needs an issuer.")
        if not audiences and not skip_audience_check:
            raise ConfigurationError(
                "A verifier needs an audience, else it accepts tokens that are for any other service.",
                code="missing_audience",
                hint="Give this service's name at the provider, or, knowing that, skip_audience_check=True.",
            )
        if token_type not in {"access", "id"}:
            raise ConfigurationError(f"token_type must be 'access' or 'id', not {token_type!r}.")
        if leeway < 0:
            raise ConfigurationError("leeway must not be negative.")
        if unknown := frozenset(names(verify_claims, "verify_claims")) - _VERIFIABLE:
            raise ConfigurationError(f"verify_claims may hold 'nbf' and 'iat', not {sorted(unknown)}.")
        self._algorithms = checked_algorithms(algorithms, offline=keys is not None)
        self._policy = ClaimPolicy(
            audience=frozenset(audiences),
            check_audience=not skip_audience_check,
            required_claims=names(required_claims, "required_claims"),
            verify_claims=frozenset(verify_claims),
            purpose=token_type,
            rfc9068=rfc9068,
            scopes=names(scopes, "scopes"),
            authorized_parties=None if authorized_parties is None else frozenset(authorized_parties),
            leeway=leeway,
            now=now,
        )
        self._sources: dict[str, KeySource]
        if keys is not None:
            symmetric = self._algorithms is not None and self._algorithms <= set(HMAC_ALGORITHMS)
            self._sources = offline_sources(issuers, keys, symmetric=symmetric)
        else:
            if jwks_uri is not None and len(issuers) > 1:
                raise ConfigurationError("A jwks_uri is one issuer's; there are several.")
            self._sources = {
                name: RemoteKeys(
                    name,
                    jwks_uri=jwks_uri,
                    timeout=timeout,
                    max_age=max_age,
                    cooldown=cooldown,
                    allow_insecure_http=allow_insecure_http,
                    http_client=http_client,
                    clock=clock,
                )
                for name in issuers
            }
        self._introspection = introspection
        self._max_token_bytes = max_token_bytes
        self._cache = TokenCache(cache_size) if cache_size else None

    def verify(self, token: str | bytes, *, nonce: str | None = None, scopes: Collection[str] = ()) -> Claims:
        """Verify a token.

        Parameters
        ----------
        token : str or bytes
            The token, without ``Bearer``.
        nonce : str, optional
            For an ID token: what was sent with the authentication request.
        scopes : collection of str
            What the token must allow, in addition to the verifier's own.

        Returns
        -------
        Claims
            What it says.

        Raises
        ------
        VerificationError
            If it is not acceptable; the subclass and its ``code`` say why.
        DiscoveryError
            If that can't be found out, because the provider can't be reached.
        """
        if self._introspection is not None and not looks_signed(token):
            return self._accept_introspected(self._introspection.ask(token), scopes)
        parsed = self._read(token)
        source = self._sources[parsed.claims["iss"]]
        return self._judge(token, parsed, source.get(parsed.algorithm, parsed.kid), nonce, scopes)

    async def verify_async(
        self, token: str | bytes, *, nonce: str | None = None, scopes: Collection[str] = ()
    ) -> Claims:
        """Do the same as :meth:`verify`, without blocking the event loop while the provider is asked."""
        if self._introspection is not None and not looks_signed(token):
            return self._accept_introspected(await self._introspection.ask_async(token), scopes)
        parsed = self._read(token)
        source = self._sources[parsed.claims["iss"]]
        keys = await source.get_async(parsed.algorithm, parsed.kid)
        return self._judge(token, parsed, keys, nonce, scopes)

    verify_access_token_hash = staticmethod(verify_access_token_hash)

    def _read(self, token: str | bytes) -> SignedToken:
        """Read the token, and refuse early what no key could make acceptable."""
        known = self._cache.get(token) if self._cache else None
        if known is not None:
            return known.token
        parsed = parse(token, max_bytes=self._max_token_bytes)
        # Before any key is fetched: tokens that can't be accepted must not cause requests.
        self._check_algorithm(parsed.algorithm, self._algorithms or ASYMMETRIC_ALGORITHMS)
        issuer = parsed.claims.get("iss")
        if issuer is None:
            raise MissingClaim("The token lacks the claim 'iss'.", claim="iss")
        self._check_issuer(issuer)
        return parsed

    def _judge(
        self,
        token: str | bytes,
        parsed: SignedToken,
        keys: IssuerKeys,
        nonce: str | None,
        scopes: Collection[str],
    ) -> Claims:
        # What was verified is only remembered together with the keys: a withdrawn key takes its tokens along.
        known = self._cache.get(token) if self._cache else None
        from_cache = known is not None and known.ring is keys.ring
        if not from_cache:
            if self._algorithms is None and keys.algorithms is not None:
                self._check_algorithm(parsed.algorithm, keys.algorithms)
            verify_signature(parsed, keys.ring.find(parsed.algorithm, parsed.kid))
        self._policy.check(parsed.claims, typ=parsed.typ, nonce=nonce, scopes=names(scopes, "scopes"))
        claims = parsed.claims
        if self._cache:
            if not from_cache:
                self._cache.put(token, parsed, keys.ring)
            claims = deepcopy(claims)  # what the caller does to a list in it must not be remembered
        return Claims(claims, parsed.header, from_cache=from_cache)

    def _accept_introspected(self, answer: Introspected, scopes: Collection[str]) -> Claims:
        issuer = answer.claims.get("iss")
        if issuer is not None:
            self._check_issuer(issuer)
        self._policy.check_introspected(
            answer.claims, require_audience=answer.require_audience, scopes=names(scopes, "scopes")
        )
        return Claims(answer.claims, from_cache=answer.from_cache)

    def _check_issuer(self, issuer: object) -> None:
        if not isinstance(issuer, str):
            raise InvalidClaim("The token's 'iss' is no string.", claim="iss")
        if issuer not in self._sources:
            raise WrongIssuer(
                f"The token comes from {quote(issuer)}, not from {' or '.join(map(quote, self._sources))}.",
                claim="iss",
            )

    def _check_algorithm(self, algorithm: str, allowed: Collection[str]) -> None:
        if algorithm not in allowed:
            raise AlgorithmNotAllowed(
                f"The token is signed with {quote(algorithm)}; accepted: {', '.join(sorted(allowed))}.",
                hint="If that is right for this issuer, name it in algorithms."
                if algorithm in ASYMMETRIC_ALGORITHMS
                else None,
            )
