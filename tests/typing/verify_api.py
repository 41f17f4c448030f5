"""What type checkers know of ``oidc_widget.verify``; `mypy --strict` reads this file, nothing runs it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask
from typing_extensions import assert_type

from oidc_widget.verify import (
    AllOf,
    AnyOf,
    Claims,
    DPoP,
    DPoPRequest,
    Introspection,
    TokenVerifier,
    fastapi,
    verify_access_token_hash,
)
from oidc_widget.verify.flask import OIDCProtect, current_claims, current_identity, token_required
from oidc_widget.verify.testing import Issuer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.verify import ReplayStore

verifier = TokenVerifier("https://idp.example.com", "api")
TokenVerifier(["https://a.example", "https://b.example"], ["api", "other"], scopes=["read"], token_type="id")
TokenVerifier("https://idp.example.com", "api", keys={"keys": []}, leeway=0, required_claims=("exp",))
TokenVerifier("https://idp.example.com", "api", keys=["-----BEGIN PUBLIC KEY-----", {"kty": "RSA"}])
TokenVerifier("https://idp.example.com", "api", introspection=Introspection(client_id="a", client_secret="b"))
TokenVerifier("https://idp.example.com", "api", token_type="refresh")  # type: ignore[arg-type]
TokenVerifier("https://idp.example.com", "api", ["RS256"])  # type: ignore[call-arg]

TokenVerifier(
    "https://idp.example.com", "api", algorithms="RS256", leeway=timedelta(minutes=1), scopes="read"
)
TokenVerifier("https://login.example.com/{tenant}", "api", jwks_uri="https://login.example.com/keys")
TokenVerifier(lambda iss: iss.startswith("https://"), "api")
TokenVerifier(["https://a.example", "b"], "api", jwks_uri={"b": "https://b.example/jwks"})
TokenVerifier("https://idp.example.com", "api", dpop=DPoP(required=True, window=30))
Introspection(
    "https://idp.example.com", client_id="a", client_secret="b", auth_method="client_secret_post", jwts=True
)
Introspection(client_id="a", client_secret="b", auth_method="none")  # type: ignore[arg-type]

claims = verifier.verify("token", nonce=None, scopes=["read"])
verifier.verify("token", scopes="read", request=DPoPRequest("GET", ("https://api.example.com/",), ("proof",)))
verifier.require(
    claims, roles=["admin"], permissions=AllOf("a", "b"), acr="gold", max_age=timedelta(minutes=5)
)
assert_type(verifier.userinfo("token"), "Mapping[str, Any]")
assert_type(claims, Claims)
assert_type(claims["sub"], Any)
assert_type(claims.scopes, frozenset[str])
assert_type(claims.roles, frozenset[str])
assert_type(claims.from_cache, bool)
claims["sub"] = "eve"  # type: ignore[index]
verify_access_token_hash("access token", claims)


async def asynchronously() -> None:
    """Do the same."""
    assert_type(await verifier.verify_async("token"), Claims)


app = Flask(__name__)
protect = OIDCProtect(app, issuer="https://idp.example.com", audience="api")


@token_required
def bare(number: int) -> str:
    """Keep its type."""
    return f"{current_identity} {current_claims['sub']} {number}"


@protect.token_required(scopes=["read"], optional=True)
def called(number: int) -> str:
    """Keep its type."""
    return str(number)


@token_required(scopes=AnyOf("read", "admin"), roles="admin", max_age=300)
def demanding(number: int) -> str:
    """Keep its type."""
    return str(number)


@protect.identity_handler
def identity(claims: Mapping[str, Any]) -> str:
    """Keep its type."""
    return str(claims["sub"])


view: Callable[[int], str] = bare
view = called
view = demanding

other = fastapi.OIDCProtect(
    issuer="https://idp.example.com", audience="api", resource="https://api.example.com"
)
other.requires(roles=["admin"], acr=["gold", "platinum"])
issuer = Issuer(audience="api")
assert_type(issuer.token(sub="alice", exp=...), str)
with issuer.trusted_by(protect, other):
    pass


class Store:
    """Remember elsewhere."""

    def add(self, key: str, seconds: float) -> bool:
        """Fit the protocol."""
        return bool(key and seconds)


store: ReplayStore = Store()
DPoP(replay=store)
