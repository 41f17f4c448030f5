"""Which claims are acceptable: the rules, apart from keys, networks and single routes.

RFC 7519 §4.1, RFC 8725 §3, RFC 9068 §4 (access tokens), OIDC Core §3.1.3.7 (ID tokens).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Literal

from oidc_widget.errors import (
    ExpiredToken,
    InvalidClaim,
    MissingClaim,
    TokenNotYetValid,
    WrongAudience,
    WrongAuthorizedParty,
    WrongNonce,
    WrongTokenType,
)
from oidc_widget.verify.signed import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ClaimPolicy", "TokenType"]

TokenType = Literal["access", "id"]

_ID_CLAIMS: Final = ("sub", "aud", "exp", "iat")  # OIDC Core §2
_RFC9068_CLAIMS: Final = ("exp", "aud", "sub", "client_id", "iat", "jti")  # RFC 9068 §2.2
#: OIDC Core §2 and §3.3.2.11: what binds an ID token to its request; no access token has them.
_ONLY_ID_TOKENS_HAVE: Final = ("nonce", "at_hash", "c_hash", "s_hash")
#: Keycloak says in the payload what a token is, and until version 24 put `nonce` into all of them.
_KEYCLOAKS_ACCESS_TOKENS: Final = frozenset({"bearer", "dpop"})
_ID: Final = frozenset({"id"})
_NO_TOKENS_FOR_SERVICES: Final = frozenset({"refresh", "offline", "logout"})
#: RFC 9068 §2.2, and who says it by another name: Entra (v1) and Okta.
_CLIENTS: Final = ("azp", "client_id", "appid", "cid")
_STRINGS: Final = ("sub", "jti", *_CLIENTS)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimPolicy:
    """What a service demands of a token's claims. The parameters are those of ``TokenVerifier``.

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
    authorized_parties: frozenset[str] | None
    leeway: float
    now: Callable[[], float]

    def check(self, claims: Mapping[str, Any], *, typ: str | None = None, nonce: str | None = None) -> None:
        """Check the claims of a token whose signature and issuer are right.

        Parameters
        ----------
        claims : mapping
            The claims.
        typ : str or None
            The header's ``typ``.
        nonce : str or None
            What was sent with the authentication request.

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

    def check_introspected(self, claims: Mapping[str, Any], *, require_audience: bool) -> None:
        """Check what the provider says about an opaque token (RFC 7662 §2.2: all of it is optional).

        Parameters
        ----------
        claims : mapping
            The answer.
        require_audience : bool
            Whether it must tell whom the token is for; if it does, that is checked anyway.

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

    def _check_type(self, claims: Mapping[str, Any], typ: str | None) -> None:
        kind = "" if typ is None else typ.lower().removeprefix("application/")
        named = claims.get("typ")
        own = named.lower() if isinstance(named, str) else ""
        plain = kind in {"", "jwt"}
        if self.purpose == "id":
            wanted, fits, others = "ID", plain, _KEYCLOAKS_ACCESS_TOKENS
        else:
            wanted, fits, others = "access", kind == "at+jwt" or (plain and not self.rfc9068), _ID
        if not fits:
            got = "" if plain else f" (its type is {quote(typ)})"
            raise WrongTokenType(f"The token is no {wanted} token{got}.")
        if own in others or own in _NO_TOKENS_FOR_SERVICES:
            raise WrongTokenType(
                f"The token is no {wanted} token: its claim 'typ' says {quote(named)}.", claim="typ"
            )
        if self.purpose == "access" and plain and own not in _KEYCLOAKS_ACCESS_TOKENS:
            # Most providers don't follow RFC 9068 yet, so an access token may be a plain JWT; then what it
            # holds must tell. The audience, which differs, is checked in any case.
            for name in _ONLY_ID_TOKENS_HAVE:
                if name in claims:
                    raise WrongTokenType(
                        f"The token is no access token: it has the claim {name!r}, as only ID tokens have.",
                        claim=name,
                        hint="A service that takes ID tokens says token_type='id'.",
                    )
        if "events" in claims:  # OIDC Back-Channel Logout §2.4, RFC 8417 §2.2
            raise WrongTokenType("The token reports an event; it grants nothing.", claim="events")

    def _check_required(self, claims: Mapping[str, Any]) -> None:
        profile = _ID_CLAIMS if self.purpose == "id" else _RFC9068_CLAIMS if self.rfc9068 else ()
        for name in (*self.required_claims, *profile):
            if claims.get(name) is None and (name != "aud" or self.check_audience):
                referred = claims.get("_claim_names")
                raise MissingClaim(
                    f"The token lacks the claim {name!r}.",
                    claim=name,
                    hint="It says where that is kept (a distributed claim, OIDC Core §5.6.2): not supported."
                    if isinstance(referred, dict) and name in referred
                    else None,
                )

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        audiences = _audiences(claims)
        if not audiences:
            raise MissingClaim(
                "The token lacks the claim 'aud'.",
                claim="aud",
                hint="It says for whom a token is; have the provider put this service's name into it.",
            )
        if self.audience.isdisjoint(audiences):
            raise WrongAudience(
                f"The token is for {', '.join(map(quote, audiences[:5]))}, not for this service.",
                claim="aud",
                hint=f"Ask the provider for a token for {' or '.join(map(quote, sorted(self.audience)))}.",
            )

    def _check_authorized_party(self, claims: Mapping[str, Any]) -> None:
        accepted = self.authorized_parties
        if accepted is None:
            # OIDC Core §3.1.3.7 (3) to (5): an ID token is for the client that asked for it. An access
            # token is always asked for by someone else, so there `azp` says nothing against it.
            if self.purpose != "id" or not self.check_audience:
                return
            accepted = self.audience
        party = self._authorized_party(claims)
        if party not in accepted:
            raise WrongAuthorizedParty(
                f"The token was issued to the client {quote(party)}, which is not accepted here.",
                claim="azp",
                hint="If it should be, name it in authorized_parties.",
            )

    def _authorized_party(self, claims: Mapping[str, Any]) -> str:
        """Whom the token was issued to."""
        if self.purpose == "id":
            party = claims.get("azp")
            audiences = _audiences(claims)
            if party is None and len(audiences) == 1:
                return audiences[0]  # OIDC Core §2: only with several is `azp` needed to tell
            missing = (
                "The token has several audiences and no 'azp'." if audiences else "The token has no 'aud'."
            )
        else:
            party = next((claims[name] for name in _CLIENTS if claims.get(name) is not None), None)
            missing = "The token does not say which client it was issued to ('azp' or 'client_id')."
        if party is None:
            raise MissingClaim(missing, claim="azp")
        if not isinstance(party, str):
            raise InvalidClaim("The token's 'azp' is no string.", claim="azp")
        return party

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
