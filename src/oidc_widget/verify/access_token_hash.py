"""Check that an access token was issued together with an ID token (OIDC Core §3.1.3.6 and §3.1.3.8)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from oidc_widget.errors import AlgorithmNotAllowed, MissingClaim, WrongAccessTokenHash

if TYPE_CHECKING:
    from oidc_widget.verify.claims import Claims

__all__ = ["verify_access_token_hash"]

_ED448_BYTES = 114  # RFC 8032 §5.2: SHAKE256 with this much output


def verify_access_token_hash(access_token: str, claims: Claims) -> None:
    """Check an access token against the ID token's ``at_hash``.

    Parameters
    ----------
    access_token : str
        The access token from the same response.
    claims : Claims
        The verified claims of the ID token.

    Raises
    ------
    MissingClaim
        If the ID token has no ``at_hash``.
    WrongAccessTokenHash
        If it belongs to another access token.
    AlgorithmNotAllowed
        If it isn't known which hash goes with the ID token's algorithm.
    """
    expected = claims.get("at_hash")
    if expected is None:
        raise MissingClaim("The ID token lacks the claim 'at_hash'.", claim="at_hash")
    digest = _digest(access_token.encode(), str(claims.header.get("alg")))
    actual = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if not isinstance(expected, str) or not hmac.compare_digest(
        actual.encode(), expected.encode("utf-8", "replace")
    ):
        raise WrongAccessTokenHash(
            "The access token is not the one that was issued with the ID token.", claim="at_hash"
        )


def _digest(data: bytes, algorithm: str) -> bytes:
    if algorithm in {
        "EdDSA",
        "Ed25519",
    }:  # RFC 8032 §5.1; `EdDSA` doesn't tell the curve, Ed25519 is what is in use
        return hashlib.sha512(data).digest()
    if algorithm == "Ed448":
        return hashlib.shake_256(data).digest(_ED448_BYTES)
    if algorithm[-3:] in {"256", "384", "512"}:
        return hashlib.new(f"sha{algorithm[-3:]}", data).digest()
    raise AlgorithmNotAllowed("No hash is known that goes with the ID token's algorithm.")
