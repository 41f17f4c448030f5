"""Which claims are acceptable: the rules, apart from keys and networks.

RFC 7519 §4.1, RFC 8725 §3, RFC 9068 §4 (access tokens), OIDC Core §3.1.3.7 (ID tokens).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Literal

from oidc_widget.errors import (
    ExpiredToken,
    InsufficientScope,
    InvalidClaim,
    MissingClaim,
    TokenNotYetValid,
    WrongAudience,
    WrongAuthorizedParty,
    WrongNonce,
    WrongTokenType,
)
from oidc_widget.verify.claims import scopes_of
from oidc_widget.verify.signed import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["ClaimPolicy", "TokenType"]

TokenType = Literal["access", "id"]

_ID_CLAIMS: Final = ("sub", "aud", "exp", "iat")  # OIDC Core §2
_RFC9068_CLAIMS: Final = ("exp", "aud", "sub", "client_id", "iat", "jti")  # RFC 9068 §2.2
#: OIDC Core §2 and §3.3.2.11: what binds an ID token to its request; no access token has them.
_ONLY_ID_TOKENS_HAVE: Final = ("nonce", "at_hash", "c_hash", "s_hash")
_STRINGS: Final = ("sub", "jti", "client_id", "azp")


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimPolicy:
    """What a service demands of a token's claims.

    Parameters
    ----------
    audience : frozenset of str
        The service's own names: the token's ``aud`` must hold one of them. Ignored with
        ``check_audience=False``.
    check_audience : bool
        Whether the token must be for this service.
    required_claims : tuple of str
        What must be there besides ``iss``.
    verify_claims : frozenset of str
        Which of ``nbf`` and ``iat`` are compared with the clock.
    purpose : {"access", "id"}
        What the token must have been made for.
    rfc9068 : bool
        Insist on the profile for access tokens.
    scopes : tuple of str
        What the token must allow.
    authorized_parties : frozenset of str or None
        The clients whose tokens are accepted; None for the token type's own rule.
    leeway : float
        Seconds by which clocks may differ.
    now : callable
        The time, in seconds since the epoch.
    """

    audience: frozenset[str]
    check_audience: bool
    required_claims: tuple[str, ...]
    verify_claims: frozenset[str]
    purpose: TokenType
    rfc9068: bool
    scopes: tuple[str, ...]
    authorized_parties: frozenset[str] | None
    leeway: float
    now: Callable[[], float]

    def check(
        self,
        claims: Mapping[str, Any],
        *,
        typ: str | None = None,
        nonce: str | None = None,
        scopes: Collection[str] = (),
    ) -> None:
        """Check the claims of a token whose signature and issuer are right.

        Parameters
        ----------
        claims : mapping
            The claims.
        typ : str or None
            The header's ``typ``.
        nonce : str or None
            What was sent with the authentication request.
        scopes : collection of str
            What is needed in addition to the policy's own.

        Raises
        ------
        VerificationError
            The subclass says what is wrong.
        """
        self._check_type(claims, typ)
        self._check_required(claims)
        self.check_time(claims)
        for name in _STRINGS:
            value = claims.get(name)
            if value is not None and not isinstance(value, str):
                raise InvalidClaim(f"The token's {name!r} is no string.", claim=name)
        if self.check_audience:
            self._check_audience(claims)
        self._check_authorized_party(claims)
        if nonce is not None:
            self._check_nonce(claims, nonce)
        self.check_scopes(claims, scopes)

    def check_introspected(
        self, claims: Mapping[str, Any], *, require_audience: bool, scopes: Collection[str] = ()
    ) -> None:
        """Check what the provider says about an opaque token (RFC 7662 §2.2: all of it is optional).

        Parameters
        ----------
        claims : mapping
            The answer.
        require_audience : bool
            Whether it must tell whom the token is for; if it does, that is checked anyway.
        scopes : collection of str
            What is needed in addition to the policy's own.

        Raises
        ------
        VerificationError
            The subclass says what is wrong.
        """
        self.check_time(claims)
        if self.check_audience and (require_audience or claims.get("aud") is not None):
            self._check_audience(claims)
        if self.authorized_parties is not None:
            self._check_authorized_party(claims)
        self.check_scopes(claims, scopes)

    def check_time(self, claims: Mapping[str, Any]) -> None:
        """Check ``exp``, ``nbf`` and ``iat`` (RFC 7519 §4.1.4 to §4.1.6).

        Parameters
        ----------
        claims : mapping
            The claims.

        Raises
        ------
        ExpiredToken
            If ``exp`` has come.
        TokenNotYetValid
            If ``nbf`` or ``iat`` has not.
        InvalidClaim
            If one of them is no number.
        """
        now = self.now()
        expires = _numeric_date(claims, "exp")
        if expires is not None and now - self.leeway >= expires:
            raise ExpiredToken(
                f"The token expired at {_instant(expires)}.", expired_at=expires, hint="Get a fresh one."
            )
        for name, what in (("nbf", "is valid only from"), ("iat", "says that it was issued at")):
            start = _numeric_date(claims, name)
            if start is not None and name in self.verify_claims and now + self.leeway < start:
                raise TokenNotYetValid(
                    f"The token {what} {_instant(start)}.",
                    valid_from=start,
                    hint="Compare this machine's clock with the provider's.",
                )

    def check_scopes(self, claims: Mapping[str, Any], scopes: Collection[str] = ()) -> None:
        """Check what the token allows.

        Parameters
        ----------
        claims : mapping
            The claims.
        scopes : collection of str
            What is needed in addition to the policy's own.

        Raises
        ------
        InsufficientScope
            If a scope is missing.
        """
        if not scopes and not self.scopes:
            return
        needed = tuple(dict.fromkeys((*self.scopes, *scopes)))
        granted = scopes_of(claims)
        missing = [scope for scope in needed if scope not in granted]
        if missing:
            raise InsufficientScope(
                f"The token lacks the scope {' '.join(missing)}.",
                scopes=needed,
                hint="Sign in again and ask for it.",
            )

    def _check_type(self, claims: Mapping[str, Any], typ: str | None) -> None:
        kind = "" if typ is None else typ.lower().removeprefix("application/")
        if self.purpose == "id":
            expected = kind in {"", "jwt"}
        elif self.rfc9068:
            expected = kind == "at+jwt"
        else:
            # Most providers don't follow RFC 9068 yet, so an access token may be a plain JWT; then what it
            # holds must tell. The audience, which differs, is checked in any case.
            expected = kind == "at+jwt" or (
                kind in {"", "jwt"} and not any(name in claims for name in _ONLY_ID_TOKENS_HAVE)
            )
        if not expected:
            wanted = "ID" if self.purpose == "id" else "access"
            got = f" (its type is {quote(typ)})" if kind not in {"", "jwt"} else ""
            raise WrongTokenType(
                f"The token is no {wanted} token{got}.",
                hint=None if kind else "A service that takes ID tokens says token_type='id'.",
            )
        if "events" in claims:  # OIDC Back-Channel Logout §2.4, RFC 8417 §2.2
            raise WrongTokenType("The token reports an event; it grants nothing.")

    def _check_required(self, claims: Mapping[str, Any]) -> None:
        profile = _ID_CLAIMS if self.purpose == "id" else _RFC9068_CLAIMS if self.rfc9068 else ()
        for name in (*self.required_claims, *profile):
            if claims.get(name) is None and (name != "aud" or self.check_audience):
                raise MissingClaim(f"The token lacks the claim {name!r}.", claim=name)

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        audiences = _audiences(claims)
        if not audiences:
            raise MissingClaim("The token lacks the claim 'aud'.", claim="aud")
        if self.audience.isdisjoint(audiences):
            raise WrongAudience(
                f"The token is for {', '.join(map(quote, audiences[:5]))}, not for this service.",
                claim="aud",
                hint=f"Ask the provider for a token for {' or '.join(map(quote, sorted(self.audience)))}.",
            )

    def _check_authorized_party(self, claims: Mapping[str, Any]) -> None:
        party = claims.get("azp")
        accepted = self.authorized_parties
        if accepted is None:
            # OIDC Core §3.1.3.7 (3) to (5): an ID token is for the client that asked for it. An access
            # token is always asked for by someone else, so there `azp` says nothing against it.
            if self.purpose != "id" or not self.check_audience:
                return
            accepted = self.audience
            if party is None and len(_audiences(claims)) < 2:  # noqa: PLR2004  (several, says the sentence above)
                return
        elif party is None:
            party = claims.get("client_id")  # RFC 9068 §2.2
        if party is None:
            raise MissingClaim("The token has several audiences and no 'azp'.", claim="azp")
        if party not in accepted:
            raise WrongAuthorizedParty(
                f"The token was issued to the client {quote(party)}, which is not accepted here.",
                claim="azp",
                hint="If it should be, name it in authorized_parties.",
            )

    def _check_nonce(self, claims: Mapping[str, Any], nonce: str) -> None:
        value = claims.get("nonce")
        if value is None:
            raise MissingClaim("The token lacks the claim 'nonce'.", claim="nonce")
        if value != nonce:
            raise WrongNonce("The token answers another authentication request.", claim="nonce")


def _audiences(claims: Mapping[str, Any]) -> list[str]:
    value = claims.get("aud")
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise InvalidClaim("The token's 'aud' is neither a string nor a list of strings.", claim="aud")


def _numeric_date(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    # A bool is an int in Python; 1e999 is read as infinity, which would never expire.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
        raise InvalidClaim(f"The token's {name!r} is no time (RFC 7519 §2, NumericDate).", claim=name)
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond any float
        return False


def _instant(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} seconds after 1970"
