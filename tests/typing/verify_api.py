"""What type checkers know of ``oidc_widget.verify``; `mypy --strict` reads this file, nothing runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask
from typing_extensions import assert_type

from oidc_widget.verify import Claims, Introspection, TokenVerifier, verify_access_token_hash
from oidc_widget.verify.flask import OIDCProtect, current_claims, current_identity, token_required

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

verifier = TokenVerifier("https://idp.example.com", "api")
TokenVerifier(["https://a.example", "https://b.example"], ["api", "other"], scopes=["read"], token_type="id")
TokenVerifier("https://idp.example.com", "api", keys={"keys": []}, leeway=0, required_claims=("exp",))
TokenVerifier("https://idp.example.com", "api", keys=["-----BEGIN PUBLIC KEY-----", {"kty": "RSA"}])
TokenVerifier("https://idp.example.com", "api", introspection=Introspection(client_id="a", client_secret="b"))
TokenVerifier("https://idp.example.com", "api", token_type="refresh")  # type: ignore[arg-type]
TokenVerifier("https://idp.example.com", "api", ["RS256"])  # type: ignore[call-arg]

claims = verifier.verify("token", nonce=None, scopes=["read"])
assert_type(claims, Claims)
assert_type(claims["sub"], Any)
assert_type(claims.scopes, frozenset[str])
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


@protect.identity_handler
def identity(claims: Mapping[str, Any]) -> str:
    """Keep its type."""
    return str(claims["sub"])


view: Callable[[int], str] = bare
view = called
