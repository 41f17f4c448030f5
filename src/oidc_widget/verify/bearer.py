"""Tokens in HTTP: how they come in, and how a refusal goes out. Knows no framework.

RFC 6750 (bearer tokens), RFC 9449 §7.1 (DPoP), RFC 9470 §3 (step-up), RFC 9728 §5.1 (metadata).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from oidc_widget.errors import (
    DiscoveryError,
    InsufficientAuthentication,
    InsufficientPermission,
    InsufficientRole,
    InsufficientScope,
    InvalidDPoPProof,
    MissingToken,
    OIDCError,
    VerificationError,
)

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["DPOP", "REFUSALS", "Credentials", "Refusal", "credentials", "missing", "refuse"]

#: What a guarded request may be refused for.
REFUSALS: Final = (VerificationError, DiscoveryError)
#: The scheme of tokens that are bound to a key (RFC 9449 §7.1).
DPOP: Final = "DPoP"

_RETRY_AFTER: Final = 10
_UNQUOTABLE: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # RFC 6750 §3: what a description may hold
_FORBIDDEN: Final = (InsufficientScope, InsufficientRole, InsufficientPermission)


class Credentials(NamedTuple):
    """What an ``Authorization`` header holds."""

    scheme: str
    token: str


class Refusal(NamedTuple):
    """What to answer when a request is refused."""

    status: int
    headers: dict[str, str]
    body: dict[str, str]


def credentials(authorization: str | None, *, prefix: str = "Bearer") -> Credentials | None:
    """Take the token out of an ``Authorization`` header (RFC 6750 §2.1, RFC 9449 §7.1).

    Parameters
    ----------
    authorization : str or None
        The header's value.
    prefix : str
        The scheme; compared without regard to case (RFC 9110 §11.1). ``DPoP`` is understood too.

    Returns
    -------
    Credentials or None
        The scheme and the token, perhaps an empty one; None if there is no header, or one of another scheme.
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    known = {prefix.lower(): prefix, DPOP.lower(): DPOP}.get(scheme.lower())
    return None if known is None else Credentials(known, token.strip())


def missing(prefix: str = "Bearer") -> MissingToken:
    """Return the error of a request without a token."""
    return MissingToken(
        "The request carries no token.", hint=f"Send it in the header Authorization, after '{prefix} '."
    )


def refuse(
    error: OIDCError,
    *,
    realm: str,
    scheme: str = "Bearer",
    resource_metadata: str | None = None,
    proof_algorithms: Collection[str] = (),
) -> Refusal:
    """Say no, in the terms of RFC 6750 §3.

    Parameters
    ----------
    error : OIDCError
        Why.
    realm : str
        What is protected.
    scheme : str
        The scheme that the challenge is for.
    resource_metadata : str, optional
        Where the metadata of what is protected are (RFC 9728 §5.1).
    proof_algorithms : collection of str
        For the scheme ``DPoP``: what a proof may be signed with.

    Returns
    -------
    Refusal
        401 with a challenge; 403 if a scope, a role or a permission is missing; 503 if the provider can't be
        reached, since then the token may well be good, and a new one would not help.
    """
    body = {"error": "invalid_token", "error_description": error.message, "code": error.code}
    if isinstance(error, DiscoveryError):
        # The reasons are the operator's, not the caller's: they name internal addresses.
        body["error"] = "temporarily_unavailable"
        body["code"] = error.default_code
        body["error_description"] = (
            "The identity provider can't be reached, so the token can't be checked now."
        )
        return Refusal(503, {"Retry-After": str(_RETRY_AFTER)}, body)
    parameters = {"realm": realm}
    if isinstance(error, MissingToken):
        body["error"] = "missing_token"  # in the body only: RFC 6750 §3.1 wants no error code in the header
    else:
        if isinstance(error, _FORBIDDEN):
            body["error"] = "insufficient_scope"
        elif isinstance(error, InsufficientAuthentication):
            body["error"] = "insufficient_user_authentication"
        elif isinstance(error, InvalidDPoPProof):
            body["error"] = "invalid_dpop_proof"
        parameters["error"] = body["error"]
        parameters["error_description"] = body["error_description"]
        needed = _needed(error)
        parameters |= needed
        body |= needed
    if resource_metadata is not None:
        parameters["resource_metadata"] = resource_metadata
    if scheme == DPOP:
        parameters["algs"] = " ".join(proof_algorithms)
    challenge = ", ".join(f'{name}="{_UNQUOTABLE.sub("?", value)}"' for name, value in parameters.items())
    status = 403 if isinstance(error, _FORBIDDEN) else 401
    return Refusal(status, {"WWW-Authenticate": f"{scheme} {challenge}"}, body)


def _needed(error: OIDCError) -> dict[str, str]:
    """Say what to ask the provider for, as far as the standards have a name for it."""
    needed = {}
    if isinstance(error, InsufficientScope):
        needed["scope"] = " ".join(error.scopes)
    elif isinstance(error, InsufficientAuthentication):
        if error.acr:
            needed["acr_values"] = " ".join(error.acr)
        if error.max_age is not None:
            needed["max_age"] = f"{error.max_age:.0f}"
    return needed
