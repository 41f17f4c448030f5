"""How many tokens a second are verified: this package, the bare library under it, and others, side by side.

    python benchmarks/verify_speed.py [seconds per figure]

Prints, and asserts nothing. All contestants verify the same token in turns, in one process and one
thread, and what counts is processor time; each figure is the median of the rounds. Each has its key parsed
and at hand.

joserfc decode        the library's own decode with the key at hand: signature only, no claim is looked at
joserfc + claims      the same, and the library's validation of iss, aud, exp, nbf and iat
oidc_widget           `TokenVerifier.verify`, keys from a key set that was fetched over HTTP before
  offline keys        the same with keys given
  repeated token      the same with `cache_size`: the signature was verified before (`claims.from_cache`)
Authlib               `authlib.jose.jwt.decode` and `validate`
PyJWT                 `jwt.decode`, where it is installed
"""
# ruff: noqa: INP001, T201  (a script, which prints)

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from oidc_widget.verify import TokenVerifier

warnings.simplefilter("ignore")  # authlib.jose is deprecated, and is what applications have
from authlib.jose import jwt as authlib_jwt  # noqa: E402  (after that)

try:
    import jwt as pyjwt
except ImportError:  # no part of the test environment: `pip install pyjwt` to see it too
    pyjwt = None

if TYPE_CHECKING:
    from collections.abc import Callable

AUDIENCE = "https://api.example.com"
ROUNDS = 15


def main(seconds: float) -> None:
    """Measure each algorithm."""
    keys = {
        "RS256": RSAKey.generate_key(2048, {"kid": "rsa"}),
        "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
    }
    server = serve({"keys": [key.as_dict(private=False) for key in keys.values()]})
    try:
        for algorithm, key in keys.items():
            report(algorithm, measure(contestants(server, algorithm, key), seconds))
    finally:
        server.shutdown()


def serve(jwks: dict[str, Any]) -> ThreadingHTTPServer:
    """Publish the keys on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer = f"http://127.0.0.1:{server.server_port}"
            metadata = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
            body = json.dumps(jwks if self.path == "/jwks" else metadata).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def contestants(server: ThreadingHTTPServer, algorithm: str, key: Any) -> dict[str, Callable[[], object]]:
    """Make one function for each, which verifies the token once."""
    issuer = f"http://127.0.0.1:{server.server_port}"
    now = int(time.time())
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
    header = {"alg": algorithm, "kid": key.kid, "typ": "at+jwt"}
    token = jwt.encode(header, claims, key, algorithms=[algorithm])
    public = type(key).import_key(key.as_dict(private=False))
    native = public.public_key
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer}, aud={"essential": True, "value": AUDIENCE}
    )
    remote = TokenVerifier(issuer, AUDIENCE)
    offline = TokenVerifier(issuer, AUDIENCE, keys=public.as_dict())
    caching = TokenVerifier(issuer, AUDIENCE, cache_size=100)
    expected = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": AUDIENCE}}
    functions: dict[str, Callable[[], object]] = {
        "joserfc decode": lambda: jwt.decode(token, public, algorithms=[algorithm]),
        "joserfc + claims": lambda: registry.validate(
            jwt.decode(token, public, algorithms=[algorithm]).claims
        ),
        "oidc_widget": lambda: remote.verify(token),
        "  offline keys": lambda: offline.verify(token),
        "  repeated token": lambda: caching.verify(token),
        "Authlib": lambda: authlib_jwt.decode(token, native, claims_options=expected).validate(),
    }
    if pyjwt:
        functions["PyJWT"] = lambda: pyjwt.decode(
            token, native, algorithms=[algorithm], audience=AUDIENCE, issuer=issuer
        )
    return functions


def measure(functions: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Return verifications a second, taking turns."""
    for function in functions.values():
        function()
    rates: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            deadline = time.process_time() + seconds / ROUNDS
            started = time.process_time()
            count = 0
            while time.process_time() < deadline:
                for _ in range(20):
                    function()
                count += 20
            rates[name].append(count / (time.process_time() - started))
    return {name: statistics.median(values) for name, values in rates.items()}


def report(algorithm: str, rates: dict[str, float]) -> None:
    """Print the figures, and each one's share of the bare library's."""
    print(f"{algorithm}  (verifications a second; share of joserfc's bare decode)")
    for name, rate in rates.items():
        print(f"  {name:<18} {rate:>9,.0f}   {rate / rates['joserfc decode']:.2f}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
