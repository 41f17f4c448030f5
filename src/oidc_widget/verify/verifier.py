"""Decide whether a token is acceptable."""

from __future__ import annotations

import time
from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import AlgorithmNotAllowed, BadSignature, ConfigurationError
from oidc_widget.oauth.http import open_client
from oidc_widget.verify.access_token_hash import verify_access_token_hash
from oidc_widget.verify.claims import Claims
from oidc_widget.verify.dpop import DPoP
from oidc_widget.verify.issuers import Issuers, is_key_of
from oidc_widget.verify.keyring import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from oidc_widget.verify.keys import RemoteKeys
from oidc_widget.verify.policy import ClaimPolicy
from oidc_widget.verify.requirements import AllOf, Requirements
from oidc_widget.verify.settings import checked_algorithms, flag, names, seconds, whole
from oidc_widget.verify.signed import looks_signed, parse, quote, verify_signature
from oidc_widget.verify.token_cache import TokenCache
from oidc_widget.verify.userinfo import fetch_userinfo

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from oidc_widget.oauth.http import Client
    from oidc_widget.verify.dpop import DPoPRequest
    from oidc_widget.verify.introspection import Introspected, Introspection
    from oidc_widget.verify.issuers import IssuerNames
    from oidc_widget.verify.keyring import OfflineKeys
    from oidc_widget.verify.keys import IssuerKeys, KeySource
    from oidc_widget.verify.policy import TokenType
    from oidc_widget.verify.settings import Names, Seconds
    from oidc_widget.verify.signed import SignedToken

__all__ = ["TokenVerifier"]

_VERIFIABLE = frozenset({"nbf", "iat"})


class TokenVerifier:
    """Verify tokens of one issuer, or of several, for one service.

    It may be shared by threads and event loops, and should be: it holds the keys.

    Where a parameter takes several names, one string is one name. Where names can't hold spaces
    (``algorithms``, ``required_claims``, ``verify_claims``, ``scopes``), a string may hold several, separated
    by them. Numbers and truth values may also be text, as the environment has them.

    Parameters
    ----------
    issuer : str, collection of str, or callable
        Who may have issued a token, exactly as ``iss`` says it. Each one's keys count for its own tokens. A
        template such as ``https://login.microsoftonline.com/{tenantid}/v2.0`` stands for all that fit it; a
        function is given ``iss`` and returns True if it is accepted.
    audience : str or collection of str or None
        This service's own name: what ``aud`` must hold (one of several). For ID tokens, the client id.
    algorithms : str or collection of str, optional
        Accepted ``alg``. Unless given: what discovery advertises, or, where it doesn't say and for offline
        keys, every asymmetric one that the key is for. ``none`` never is; HMAC only if named here, with
        offline keys, and with nothing else.
    leeway : float or timedelta
        Seconds by which clocks may differ.
    required_claims : str or collection of str
        What must be there besides ``iss`` and ``aud``.
    verify_claims : str or collection of str
        Which of ``nbf`` and ``iat`` are compared with the clock. ``exp`` always is.
    scopes : str or collection of str
        What each token must allow.
    token_type : {"access", "id"}
        What the token must have been made for. The one kind is refused as the other.
    rfc9068 : bool
        For access tokens: insist on RFC 9068 (``typ: at+jwt``, and its required claims). Off, because most
        providers' access tokens are not marked.
    authorized_parties : str or collection of str, optional
        The clients (``azp``, else ``client_id``, ``appid`` or ``cid``) whose tokens are accepted. Unless
        given: any, for access tokens; the audience itself, for ID tokens (OIDC Core §3.1.3.7).
    keys : JWK Set, JWK, PEM, or a sequence of the latter, optional
        Offline keys: nothing is fetched. With several issuers, a mapping from each issuer to its keys. A JWK
        or a set may be JSON text. A shared secret needs the length of its hash (RFC 7518 §3.2).
    jwks_uri : str, or mapping from issuers to str, optional
        Where the keys are: for an issuer without discovery, or one that this service reaches by another name
        than people do.
    skip_audience_check : bool
        Accept tokens that are for somebody else. Then any service that gets a token can use it here.
    introspection : Introspection, optional
        How to ask about opaque tokens, and about JWTs if it says so. Without it opaque ones are malformed.
    dpop : DPoP, optional
        How proofs of possession are judged; without it, by the defaults.
    cache_size : int
        How many verified tokens to remember until they expire; 0 for none. What was remembered says so:
        :attr:`Claims.from_cache`.
    max_token_bytes : int
        The longest token that is looked at.
    timeout, max_age, cooldown : float or timedelta
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
        issuer: IssuerNames,
        audience: Names | None = None,
        *,
        algorithms: Names | None = None,
        leeway: Seconds = 10.0,
        required_claims: Names = ("exp", "iat"),
        verify_claims: Names = ("nbf", "iat"),
        scopes: Names = (),
        token_type: TokenType = "access",  # noqa: S107  (no password)
        rfc9068: bool = False,
        authorized_parties: Names | None = None,
        keys: OfflineKeys | Mapping[str, OfflineKeys] | None = None,
        jwks_uri: str | Mapping[str, str] | None = None,
        skip_audience_check: bool = False,
        introspection: Introspection | None = None,
        dpop: DPoP | None = None,
        cache_size: int = 0,
        max_token_bytes: int = 65_536,
        timeout: Seconds = 5.0,
        max_age: Seconds = 600.0,
        cooldown: Seconds = 30.0,
        allow_insecure_http: bool = False,
        http_client: Client | None = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        audiences = names(audience, "audience") if audience is not None else ()
        skip = flag(skip_audience_check, "skip_audience_check")
        if skip == bool(audiences):
            raise ConfigurationError(
                "An audience is given, and skip_audience_check says not to look at it."
                if skip
                else "A verifier needs an audience, else it accepts tokens that are for any other service.",
                code="invalid_configuration" if skip else "missing_audience",
                hint="Give this service's name at the provider, or, knowing that, skip_audience_check=True.",
            )
        if token_type not in {"access", "id"}:
            raise ConfigurationError(f"token_type is 'access' or 'id', not {token_type!r}.")
        compared = frozenset(names(verify_claims, "verify_claims"))
        if unknown := compared - _VERIFIABLE:
            raise ConfigurationError(
                f"verify_claims may hold 'nbf' and 'iat', not {min(unknown)!r}.",
                hint="The signature, iss and exp are always verified; aud too, but for skip_audience_check.",
            )
        parties = None if authorized_parties is None else names(authorized_parties, "authorized_parties")
        if parties == ():
            raise ConfigurationError("authorized_parties is empty, so that no token could be accepted.")
        self._algorithms = checked_algorithms(algorithms, offline=keys is not None)
        self._policy = ClaimPolicy(
            audience=frozenset(audiences),
            check_audience=not skip,
            required_claims=names(required_claims, "required_claims"),
            verify_claims=compared,
            purpose=token_type,
            rfc9068=flag(rfc9068, "rfc9068"),
            authorized_parties=None if parties is None else frozenset(parties),
            leeway=seconds(leeway, "leeway"),
            now=now,
        )
        self._scopes = Requirements.read(scopes=scopes).scopes
        self._timeout = seconds(timeout, "timeout")
        self._allow_insecure_http = flag(allow_insecure_http, "allow_insecure_http")
        self._http_client = http_client
        age, pause = seconds(max_age, "max_age"), seconds(cooldown, "cooldown")
        self._issuers = Issuers(
            issuer,
            keys=keys,
            jwks_uri=jwks_uri,
            algorithms=self._algorithms,
            symmetric=self._algorithms is not None and self._algorithms <= set(HMAC_ALGORITHMS),
            remote=lambda name, uri: RemoteKeys(
                name,
                jwks_uri=uri,
                timeout=self._timeout,
                max_age=age,
                cooldown=pause,
                allow_insecure_http=self._allow_insecure_http,
                http_client=http_client,
                clock=clock,
            ),
        )
        self._introspection = introspection
        self._dpop = dpop if dpop is not None else DPoP()
        self._max_token_bytes = whole(max_token_bytes, "max_token_bytes")
        remembered = whole(cache_size, "cache_size")
        self._cache = TokenCache(remembered) if remembered else None

    @property
    def audience(self) -> frozenset[str]:
        """What this service is called."""
        return self._policy.audience

    @property
    def issuers(self) -> tuple[str, ...]:
        """The issuers that are known by name, as addresses."""
        return self._issuers.urls

    @property
    def dpop(self) -> DPoP:
        """How proofs of possession are judged."""
        return self._dpop

    def trusting(self, issuer: str, keys: OfflineKeys) -> TokenVerifier:
        """Return a verifier with the same policy that trusts one other issuer, and asks nobody: for tests.

        Parameters
        ----------
        issuer : str
            The issuer.
        keys : offline keys
            Its keys.

        Returns
        -------
        TokenVerifier
            Another one.
        """
        other = copy(self)
        vars(other).update(
            _algorithms=None,
            _introspection=None,
            _cache=None,
            _issuers=Issuers(issuer, keys=keys),
        )
        return other

    def fetch_keys(self) -> None:
        """Fetch the keys now, at the start of a service, so that a wrong issuer is noticed then.

        Raises
        ------
        DiscoveryError
            If those of one issuer can't be had; its ``code`` says why.
        """
        for source in self._issuers.sources:
            source.fetch()

    def verify(
        self,
        token: str | bytes,
        *,
        nonce: str | None = None,
        scopes: Names = (),
        request: DPoPRequest | None = None,
    ) -> Claims:
        """Verify a token.

        Parameters
        ----------
        token : str or bytes
            The token, without ``Bearer``.
        nonce : str, optional
            For an ID token: what was sent with the authentication request.
        scopes : str or collection of str
            What the token must allow, in addition to the verifier's own.
        request : DPoPRequest, optional
            What the token came with. A token that is bound to a key is refused without.

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
            return self._accept_introspected(token, self._introspection.ask(token), scopes, request)
        parsed, source = self._read(token)
        keys = source.get(parsed.algorithm, parsed.kid)
        newer = None
        try:
            claims = self._judge(token, parsed, keys, nonce)
        except BadSignature:
            newer = source.get(parsed.algorithm, parsed.kid, rejected=keys)
            if newer is keys:
                raise
        if newer is not None:  # not within: the first failure's frames hold the token
            claims = self._judge(token, parsed, newer, nonce)
        if self._introspection is not None and self._introspection.jwts:
            self._introspection.ask(token)
        return self._allow(token, claims, scopes, request)

    async def verify_async(
        self,
        token: str | bytes,
        *,
        nonce: str | None = None,
        scopes: Names = (),
        request: DPoPRequest | None = None,
    ) -> Claims:
        """Do the same as :meth:`verify`, without blocking the event loop while the provider is asked."""
        if self._introspection is not None and not looks_signed(token):
            answer = await self._introspection.ask_async(token)
            return self._accept_introspected(token, answer, scopes, request)
        parsed, source = self._read(token)
        keys = await source.get_async(parsed.algorithm, parsed.kid)
        newer = None
        try:
            claims = self._judge(token, parsed, keys, nonce)
        except BadSignature:
            newer = await source.get_async(parsed.algorithm, parsed.kid, rejected=keys)
            if newer is keys:
                raise
        if newer is not None:  # not within: the first failure's frames hold the token
            claims = self._judge(token, parsed, newer, nonce)
        if self._introspection is not None and self._introspection.jwts:
            await self._introspection.ask_async(token)
        return self._allow(token, claims, scopes, request)

    def require(
        self,
        claims: Mapping[str, Any],
        *,
        roles: Names | None = None,
        permissions: Names | None = None,
        acr: Names | None = None,
        max_age: Seconds | None = None,
    ) -> None:
        """Check what else one action demands of verified claims.

        Parameters
        ----------
        claims : mapping
            The claims.
        roles, permissions : str or collection of str, optional
            What its subject must have: one of them, unless it is an :class:`AllOf`. Roles are looked for in
            ``roles``, in Keycloak's ``realm_access``, and in its ``resource_access`` under this one's name.
        acr : str or collection of str, optional
            The authentication contexts of which the sign-in must have had one (RFC 9470).
        max_age : float or timedelta, optional
            Seconds that the sign-in may be old (``auth_time``).

        Raises
        ------
        InsufficientAuthentication, InsufficientRole, InsufficientPermission
            The first thing that is missing.
        """
        needs = Requirements.read(roles=roles, permissions=permissions, acr=acr, max_age=max_age)
        self.check_requirements(claims, needs)

    def check_requirements(self, claims: Mapping[str, Any], needs: Requirements) -> None:
        """Do the same with what was read before."""
        policy = self._policy
        needs.check(claims, clients=policy.audience, now=policy.now(), leeway=policy.leeway)

    def userinfo(self, token: str) -> Mapping[str, Any]:
        """Verify an access token, and ask its issuer for what it leaves out (OIDC Core §5.3).

        Parameters
        ----------
        token : str
            An access token that has the scope ``openid``.

        Returns
        -------
        mapping
            The claims about its subject, read-only. Remember them yourself: each call is a request.

        Raises
        ------
        VerificationError
            If the token is not acceptable, or the answer is about somebody else.
        DiscoveryError
            If the provider can't be asked.
        """
        claims = self.verify(token)
        client = self._http_client or open_client()
        try:
            return fetch_userinfo(
                client,
                token,
                claims,
                timeout=self._timeout,
                allow_insecure_http=self._allow_insecure_http,
            )
        finally:
            if client is not self._http_client:
                client.close()

    verify_access_token_hash = staticmethod(verify_access_token_hash)

    def _read(self, token: str | bytes) -> tuple[SignedToken, KeySource]:
        """Read the token, and refuse early what no key could make acceptable."""
        known = self._cache.get(token) if self._cache else None
        if known is not None:
            return known.token, self._issuers.source(known.token.claims)
        parsed = parse(token, max_bytes=self._max_token_bytes)
        # Before any key is fetched: tokens that can't be accepted must not cause requests.
        self._check_algorithm(parsed.algorithm, self._algorithms or ASYMMETRIC_ALGORITHMS)
        return parsed, self._issuers.source(parsed.claims)

    def _judge(self, token: str | bytes, parsed: SignedToken, keys: IssuerKeys, nonce: str | None) -> Claims:
        # What was verified is only remembered together with the keys: a withdrawn key takes its tokens along.
        known = self._cache.get(token) if self._cache else None
        from_cache = known is not None and known.ring is keys.ring
        if not from_cache:
            if self._algorithms is None and keys.algorithms is not None:
                self._check_algorithm(parsed.algorithm, keys.algorithms)
            found = keys.ring.find(parsed.algorithm, parsed.kid)
            if keys.ring.has_issuers:
                found = tuple(key for key in found if is_key_of(key, parsed.claims["iss"]))
            verify_signature(parsed, found)
        self._policy.check(parsed.claims, typ=parsed.typ, nonce=nonce)
        claims = parsed.claims
        if self._cache:
            if not from_cache:
                self._cache.put(token, parsed, keys.ring)
            claims = deepcopy(claims)  # what the caller does to a list in it must not be remembered
        return Claims(claims, parsed.header, from_cache=from_cache)

    def _accept_introspected(
        self, token: str | bytes, answer: Introspected, scopes: Names, request: DPoPRequest | None
    ) -> Claims:
        if answer.claims.get("iss") is not None:
            self._issuers.check(answer.claims)
        self._policy.check_introspected(answer.claims, require_audience=answer.require_audience)
        return self._allow(token, Claims(answer.claims, from_cache=answer.from_cache), scopes, request)

    def _allow(
        self, token: str | bytes, claims: Claims, scopes: Names, request: DPoPRequest | None
    ) -> Claims:
        """Check what a good token may be used for, and by whom."""
        if request is not None or self._dpop.required or "cnf" in claims:
            text = token.decode() if isinstance(token, bytes) else token
            self._dpop.check(claims, text, request, now=self._policy.now(), leeway=self._policy.leeway)
        if self._scopes or scopes:
            asked = Requirements.read(scopes=scopes).scopes
            demands = (
                [AllOf(*dict.fromkeys((*self._scopes, *asked)))]
                if isinstance(self._scopes, AllOf) and isinstance(asked, AllOf)
                else [self._scopes, asked]
            )
            for demand in demands:
                Requirements(scopes=demand).check_scopes(claims)
        return claims

    def _check_algorithm(self, algorithm: str, allowed: Collection[str]) -> None:
        if algorithm not in allowed:
            raise AlgorithmNotAllowed(
                f"The token is signed with {quote(algorithm)}; accepted: {', '.join(sorted(allowed))}.",
                hint="If that is right for this issuer, name it in algorithms."
                if algorithm in ASYMMETRIC_ALGORITHMS
                else None,
            )
