"""Bearer tokens in HTTP: how they come in, and how a refusal goes out (RFC 6750). Knows no framework."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from oidc_widget.errors import DiscoveryError, InsufficientScope, MissingToken, OIDCError, VerificationError

__all__ = ["Refusal", "bearer_token", "refuse"]

_RETRY_AFTER: Final = 10
_UNQUOTABLE: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # RFC 6750 §3: what a description may hold


class Refusal(NamedTuple):
    """What to answer when a request is refused."""

    status: int
    headers: dict[str, str]
    body: dict[str, str]


def bearer_token(authorization: str | None, *, prefix: str = "Bearer") -> str:
    """Take the token out of an ``Authorization`` header (RFC 6750 §2.1).

    Parameters
    ----------
    authorization : str or None
        The header's value.
    prefix : str
        The scheme; compared without regard to case (RFC 9110 §11.1).

    Returns
    -------
    str
        The token, perhaps an empty one.

    Raises
    ------
    MissingToken
        If there is no header, or one of another scheme.
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    if not scheme or scheme.lower() != prefix.lower():
        raise MissingToken(
            "The request carries no token.", hint=f"Send it in the header Authorization, after '{prefix} '."
        )
    return token.strip()


def refuse(error: OIDCError, *, realm: str, prefix: str = "Bearer") -> Refusal:
    """Say no, in the terms of RFC 6750 §3.

    Parameters
    ----------
    error : OIDCError
        Why.
    realm : str
        What is protected.
    prefix : str
        The scheme.

    Returns
    -------
    Refusal
        401 with a challenge; 403 if scopes are missing; 503 if the provider can't be reached, since then the
        token may well be good, and a new one would not help.
    """
    body = {"error": "invalid_token", "error_description": error.message, "code": error.code}
    if isinstance(error, DiscoveryError):
        # The reasons are the operator's, not the caller's: they name internal addresses.
        body["error"] = "temporarily_unavailable"
        body["error_description"] = (
            "The identity provider can't be reached, so the token can't be checked now."
        )
        return Refusal(503, {"Retry-After": str(_RETRY_AFTER)}, body)
    parameters = {"realm": realm}
    status = 401
    if isinstance(error, MissingToken):
        body["error"] = "missing_token"  # in the body only: RFC 6750 §3.1 wants no error code in the header
    else:
        parameters["error"] = body["error"]
        parameters["error_description"] = body["error_description"]
        if isinstance(error, InsufficientScope):
            status = 403
            parameters["error"] = body["error"] = "insufficient_scope"
            parameters["scope"] = body["scope"] = " ".join(error.scopes)
    challenge = ", ".join(f'{name}="{_UNQUOTABLE.sub("?", value)}"' for name, value in parameters.items())
    return Refusal(status, {"WWW-Authenticate": f"{prefix} {challenge}"}, body)


#: What a guarded request may be refused for.
REFUSALS: Final = (VerificationError, DiscoveryError)
