"""Access tokens that an API verifies in a second.

One process, one thread, and processor time; every contestant has its key parsed and at hand. *joserfc*
stands for the bare library with its own check of `iss`, `aud`, `exp`, `nbf` and `iat`; the keys of
*oidc_widget* came from a key set over HTTP. *Repeated* means with `cache_size`: the signature was verified
before.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import jwt as pyjwt
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from benchmarks.figure import Figure
from benchmarks.key_server import KeyServer
from benchmarks.rounds import rates
from oidc_widget.verify import TokenVerifier

with warnings.catch_warnings(record=True):  # authlib.jose is deprecated, and is what applications have
    from authlib.jose import JsonWebKey, JsonWebToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AUDIENCE = "https://api.example.com"
SHARE = 0.9
KEYS = {
    "RS256": RSAKey.generate_key(2048, {"kid": "RS256"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ES256"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "EdDSA"}),
}


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield two rows for each algorithm."""
    with KeyServer(*KEYS.values()) as issuer, warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # the name EdDSA, which is what providers use
        for algorithm in KEYS:
            found = rates(contestants(issuer, algorithm), 0.3 if quick else 3)
            first, repeated = found.pop("first"), found.pop("repeated")
            yield Figure(
                f"{algorithm}, first",
                first,
                "a second",
                found,
                f"≥ {SHARE} × joserfc",
                first >= SHARE * found["joserfc"],
            )
            yield Figure(f"{algorithm}, repeated", repeated, "a second")


def contestants(issuer: str, algorithm: str) -> dict[str, Callable[[], object]]:
    """Make one function for each, which verifies the same token once."""
    key, now = KEYS[algorithm], int(time.time())
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "248289761001",
        "client_id": "notebooks",
        "scope": "openid profile email read write",
        "jti": "d5c1e8a4f0b24c5fa0b1",
        "iat": now,
        "exp": now + 3600,
    }
    token = jwt.encode(
        {"alg": algorithm, "kid": key.kid, "typ": "at+jwt"}, claims, key, algorithms=[algorithm]
    )
    jwk = key.as_dict(private=False)
    public = type(key).import_key(jwk)
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer}, aud={"essential": True, "value": AUDIENCE}
    )
    first, caching = TokenVerifier(issuer, AUDIENCE), TokenVerifier(issuer, AUDIENCE, cache_size=100)
    authlib, authlib_key = JsonWebToken([algorithm]), JsonWebKey.import_key(jwk)
    expected = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": AUDIENCE}}
    native = public.public_key
    return {
        "first": lambda: first.verify(token),
        "repeated": lambda: caching.verify(token),
        "joserfc": lambda: registry.validate(jwt.decode(token, public, algorithms=[algorithm]).claims),
        "PyJWT": lambda: pyjwt.decode(
            token, native, algorithms=[algorithm], audience=AUDIENCE, issuer=issuer
        ),
        "Authlib": lambda: authlib.decode(token, authlib_key, claims_options=expected).validate(),
    }
