"""Errors: what happened, why, and what to do.

Every error carries a stable :attr:`OIDCError.code`; what goes wrong in a sign-in has the
same one on the browser's side (``frontend/oauth/errors.ts``). A message never holds a token, a code,
a verifier or a secret, so it may be logged and shown.

The tree::

    OIDCError
    ├── ConfigurationError      what the caller or the administrator wrote (also a ValueError)
    ├── DiscoveryError          the provider can't be reached, or its metadata is unusable
    │   ├── KeysUnavailable           its keys can't be had now
    │   └── IntrospectionUnavailable  it can't be asked about an opaque token now
    ├── MissingExtra            what this needs is not installed (also an ImportError)
    ├── SignInError             the sign-in ended without a token
    │   └── SignInTimeout       nobody signed in within the time given (also a TimeoutError)
    ├── TokenError              there is no token to be had now (signed out, expired, refused)
    └── VerificationError       a presented token is not acceptable (see ``oidc_widget.verify``)
        ├── MissingToken               no token was presented
        ├── MalformedToken             it is no JWT in compact form
        │   ├── TokenTooLarge          it is longer than accepted
        │   └── EncryptedToken         it is a JWE where a signed token is expected
        ├── AlgorithmNotAllowed        its ``alg`` is not accepted here
        ├── CriticalHeader             it demands an extension that is not understood
        ├── WrongTokenType             a token made for another purpose (an ID token, a logout token …);
        │                              with ``claim``, if one tells
        ├── UnknownKey                 no key of the issuer has its ``kid``
        ├── BadSignature               altered, or signed by someone else
        ├── ExpiredToken               with ``expired_at``
        ├── TokenNotYetValid           with ``valid_from``
        ├── MissingClaim               with ``claim``
        ├── InvalidClaim               with ``claim``: of the wrong kind
        │   ├── WrongIssuer
        │   ├── WrongAudience
        │   ├── WrongAuthorizedParty
        │   ├── WrongNonce
        │   └── WrongAccessTokenHash
        ├── InactiveToken              the provider says it is not, or no longer, valid (RFC 7662)
        ├── InvalidDPoPProof           whoever sends it does not prove to be the one whom it was issued to
        ├── UnknownIdentity            it is valid, and the application knows nobody of that name
        ├── InsufficientScope          it is valid, and lacks ``scopes``
        ├── InsufficientRole           … ``roles``
        ├── InsufficientPermission     … ``permissions``
        └── InsufficientAuthentication … a sign-in as strong or as recent as is asked for here (RFC 9470)

This module imports nothing of the package, so every part may import it.
"""
# ruff: noqa: N818  (an error's name says what happened; that it is an error, its base says)

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AlgorithmNotAllowed",
    "BadSignature",
    "ConfigurationError",
    "CriticalHeader",
    "DiscoveryError",
    "EncryptedToken",
    "ExpiredToken",
    "InactiveToken",
    "InsufficientAuthentication",
    "InsufficientPermission",
    "InsufficientRole",
    "InsufficientScope",
    "IntrospectionUnavailable",
    "InvalidClaim",
    "InvalidDPoPProof",
    "KeysUnavailable",
    "MalformedToken",
    "MissingClaim",
    "MissingExtra",
    "MissingToken",
    "OIDCError",
    "SignInError",
    "SignInTimeout",
    "TokenError",
    "TokenNotYetValid",
    "TokenTooLarge",
    "UnknownIdentity",
    "UnknownKey",
    "VerificationError",
    "WrongAccessTokenHash",
    "WrongAudience",
    "WrongAuthorizedParty",
    "WrongIssuer",
    "WrongNonce",
    "WrongTokenType",
]


#: Each code has its paragraph there.
_TROUBLESHOOTING = "https://oidc-widget.readthedocs.io/en/stable/troubleshooting/"


class OIDCError(Exception):
    """The base of all errors raised by this package.

    Parameters
    ----------
    message : str
        What happened and why, in a sentence or two, free of secrets.
    code : str, optional
        A stable identifier of the reason; the class's :attr:`default_code` unless given.
    hint : str, optional
        What to do about it.
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message} {hint}")
        self.message = message
        self.code = code or self.default_code
        self.hint = hint

    @property
    def help_url(self) -> str:
        """Where more is said of this :attr:`code`."""
        return f"{_TROUBLESHOOTING}#{self.code}"

    def __str__(self) -> str:
        return f"{super().__str__()} {self.help_url}"

    def __reduce__(self) -> tuple[object, ...]:
        """Keep all attributes through pickling (workers, process pools)."""
        return _rebuild, (type(self), self.message, self.code, self.hint), self.__dict__


def _rebuild(cls: type[OIDCError], message: str, code: str, hint: str | None) -> OIDCError:
    error = cls.__new__(cls)
    OIDCError.__init__(error, message, code=code, hint=hint)
    return error


class ConfigurationError(OIDCError, ValueError):
    """Something the caller or the administrator wrote is missing or of the wrong kind."""

    default_code = "invalid_configuration"


class DiscoveryError(OIDCError):
    """The provider can't be reached, or its metadata is unusable (OpenID Connect Discovery 1.0)."""

    default_code = "discovery_failed"


class MissingExtra(OIDCError, ImportError):
    """What this needs is not installed: Jupyter beside ``oidc-widget-core``, or an extra."""

    default_code = "missing_extra"


class SignInError(OIDCError):
    """The sign-in ended without a token."""

    default_code = "sign_in_failed"


class SignInTimeout(SignInError, TimeoutError):
    """Nobody signed in within the time given."""

    default_code = "timeout"


class TokenError(OIDCError):
    """There is no token to be had now: signed out, expired, or refused by the provider."""

    default_code = "no_token"


class VerificationError(OIDCError):
    """A presented token is not acceptable."""

    default_code = "invalid_token"


class KeysUnavailable(DiscoveryError):
    """The provider's keys can't be had now (``jwks_uri``, OIDC Discovery 1.0 §3): no token can be judged."""

    default_code = "keys_unavailable"


class IntrospectionUnavailable(DiscoveryError):
    """The provider can't be asked about an opaque token now (RFC 7662)."""

    default_code = "introspection_unavailable"


class MissingToken(VerificationError):
    """No token was presented (RFC 6750 §3.1: answered without an ``error``)."""

    default_code = "missing_token"


class MalformedToken(VerificationError):
    """What was presented is no JWT in compact form (RFC 7519 §7.2)."""

    default_code = "malformed_token"


class TokenTooLarge(MalformedToken):
    """The token is longer than accepted."""

    default_code = "token_too_large"


class EncryptedToken(MalformedToken):
    """A JWE was presented where a signed token is expected (RFC 7516 §9)."""

    default_code = "encrypted_token"


class AlgorithmNotAllowed(VerificationError):
    """The token's ``alg`` is not accepted here (RFC 8725 §3.1)."""

    default_code = "algorithm_not_allowed"


class CriticalHeader(VerificationError):
    """The token demands an extension that is not understood (``crit``, RFC 7515 §4.1.11)."""

    default_code = "unsupported_critical_header"


class WrongTokenType(VerificationError):
    """The token was made for another purpose (RFC 8725 §3.11 and §3.12).

    Parameters
    ----------
    message : str
        See :class:`OIDCError`.
    claim : str, optional
        The claim that tells, if it is one.
    """

    default_code = "wrong_token_type"

    def __init__(
        self, message: str, *, claim: str | None = None, code: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.claim = claim


class UnknownKey(VerificationError):
    """No key of the issuer fits the token's ``kid`` and ``alg``."""

    default_code = "unknown_key"


class BadSignature(VerificationError):
    """The token was altered, or signed by someone else."""

    default_code = "bad_signature"


class ExpiredToken(VerificationError):
    """The token's time is over (``exp``, RFC 7519 §4.1.4).

    Parameters
    ----------
    message : str
        See :class:`OIDCError`.
    expired_at : float
        When it expired, in seconds since the epoch.
    """

    default_code = "token_expired"

    def __init__(
        self, message: str, *, expired_at: float, code: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.expired_at = expired_at


class TokenNotYetValid(VerificationError):
    """The token's time has not come (``nbf`` or ``iat``, RFC 7519 §4.1.5 and §4.1.6).

    Parameters
    ----------
    message : str
        See :class:`OIDCError`.
    valid_from : float
        From when it is valid, in seconds since the epoch.
    """

    default_code = "token_not_yet_valid"

    def __init__(
        self, message: str, *, valid_from: float, code: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.valid_from = valid_from


class _ClaimError(VerificationError):
    """What is wrong is one claim, named by :attr:`claim`."""

    def __init__(self, message: str, *, claim: str, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, code=code, hint=hint)
        self.claim = claim


class MissingClaim(_ClaimError):
    """The token lacks a claim that is required here."""

    default_code = "missing_claim"


class InvalidClaim(_ClaimError):
    """A claim is of the wrong kind."""

    default_code = "invalid_claim"


class WrongIssuer(InvalidClaim):
    """The token comes from somebody else (``iss``, RFC 8725 §3.8)."""

    default_code = "wrong_issuer"


class WrongAudience(InvalidClaim):
    """The token was issued for another service (``aud``, RFC 8725 §3.9)."""

    default_code = "wrong_audience"


class WrongAuthorizedParty(InvalidClaim):
    """The token was issued to a client that is not accepted here (``azp``, OIDC Core §3.1.3.7)."""

    default_code = "wrong_authorized_party"


class WrongNonce(InvalidClaim):
    """The ID token answers another request (``nonce``, OIDC Core §3.1.3.7)."""

    default_code = "wrong_nonce"


class WrongAccessTokenHash(InvalidClaim):
    """The access token is not the one issued with the ID token (``at_hash``, OIDC Core §3.1.3.8)."""

    default_code = "wrong_access_token_hash"


class InactiveToken(VerificationError):
    """The provider says that the token is not, or no longer, valid (``active: false``, RFC 7662 §2.2)."""

    default_code = "inactive_token"


class InvalidDPoPProof(VerificationError):
    """Whoever sends the token does not prove to hold the key that it is bound to (RFC 9449 §4.3 and §7.1)."""

    default_code = "invalid_dpop_proof"


class UnknownIdentity(VerificationError):
    """The token is valid, and the application knows nobody of that name."""

    default_code = "unknown_identity"


class InsufficientScope(VerificationError):
    """The token is valid, and lacks scopes (RFC 6750 §3.1).

    Parameters
    ----------
    message : str
        See :class:`OIDCError`.
    scopes : iterable of str
        What the request needs.
    """

    default_code = "insufficient_scope"

    def __init__(
        self, message: str, *, scopes: Iterable[str], code: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.scopes = tuple(scopes)


class InsufficientRole(VerificationError):
    """The token is valid, and its subject lacks a role.

    Parameters
    ----------
    message : str
        See :class:`OIDCError`.
    roles : iterable of str
        What the request needs.
    """

    default_code = "insufficient_role"

    def __init__(
        self, message: str, *, roles: Iterable[str], code: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.roles = tuple(roles)


class InsufficientPermission(VerificationError):
    """The token is valid, and its subject lacks a permission.

    Parameters
    ----------
    message : str
        See :class:`OIDCError`.
    permissions : iterable of str
        What the request needs.
    """

    default_code = "insufficient_permission"

    def __init__(
        self, message: str, *, permissions: Iterable[str], code: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.permissions = tuple(permissions)


class InsufficientAuthentication(VerificationError):
    """The token is valid, and its sign-in not as strong or as recent as asked for (RFC 9470 §3).

    Parameters
    ----------
    message : str
        See :class:`OIDCError`.
    acr : iterable of str
        The authentication contexts of which one is needed; empty if any will do.
    max_age : float or None
        How many seconds ago the sign-in may have been; None if that does not matter.
    """

    default_code = "insufficient_user_authentication"

    def __init__(
        self,
        message: str,
        *,
        acr: Iterable[str] = (),
        max_age: float | None = None,
        code: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.acr = tuple(acr)
        self.max_age = max_age
