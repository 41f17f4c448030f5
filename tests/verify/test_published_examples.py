"""The examples that the standards print, verified as they stand.

``rfc_examples.json`` holds the keys and signed texts of RFC 7515 (appendix A), RFC 7520 (§4) and RFC 8037
(appendix A); RFC 7519, RFC 9068 and RFC 9449 are below.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc import jws

from oidc_widget import errors
from oidc_widget.verify import DPoP, DPoPRequest, Introspection, TokenVerifier
from oidc_widget.verify.keyring import HMAC_ALGORITHMS, KeyRing
from oidc_widget.verify.signed import SignedToken, verify_signature

EXAMPLES = json.loads(Path(__file__).with_name("rfc_examples.json").read_text("utf-8"))
JOE = {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


def check(text, jwk, alg):
    """Check a signature alone: most payloads are no claims."""
    header, payload, signature = text.encode().split(b".")
    compact = jws.CompactSignature({"alg": alg}, b"")
    compact.segments.update({"header": header, "payload": payload, "signature": signature})
    ring = KeyRing.from_jwks({"keys": [jwk]}, symmetric=alg in HMAC_ALGORITHMS)
    token = SignedToken(alg, None, None, {}, {}, compact)
    verify_signature(token, ring.find(alg, jwk.get("kid")))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["source"])
def test_the_signature_of_an_example_is_right_and_no_other_is(example):
    text, jwk, alg = example["jws"], example["jwk"], example["alg"]
    check(text, jwk, alg)
    head, body, signature = text.split(".")
    for other in (
        f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        f"{head}.{body[:-2]}AA.{signature}",
        f"{head[:-2]}AA.{body}.{signature}",
        f"{head}.{body}.",
    ):
        with pytest.raises(errors.BadSignature):
            check(other, jwk, alg)


@pytest.mark.parametrize(
    "example",
    [e for e in EXAMPLES if e["source"].startswith("RFC 7515") and e["alg"] != "ES512"],
    ids=lambda e: e["alg"],
)
def test_an_example_that_is_a_token_is_one(example):
    settings = {
        "issuer": "joe",
        "skip_audience_check": True,
        "keys": example["jwk"],
        "algorithms": [example["alg"]],
        "required_claims": ["exp"],
    }
    assert TokenVerifier(**settings, now=lambda: 1300819370).verify(example["jws"]) == JOE
    with pytest.raises(errors.ExpiredToken):
        TokenVerifier(**settings).verify(example["jws"])


def test_an_example_that_is_no_token_is_none():
    verifier = TokenVerifier("joe", "api", keys=EXAMPLES[1]["jwk"])
    for example in EXAMPLES:
        if example["source"] in {"RFC 7515, A.4", "RFC 8037, A.4"}:
            with pytest.raises(errors.MalformedToken):
                verifier.verify(example["jws"])


def test_the_unsecured_example_of_rfc_7519_is_refused():
    body = EXAMPLES[0]["jws"].split(".")[1]
    for keys in (EXAMPLES[1]["jwk"], EXAMPLES[2]["jwk"]):
        verifier = TokenVerifier("joe", "api", keys=keys)
        with pytest.raises(errors.AlgorithmNotAllowed):
            verifier.verify(f"eyJhbGciOiJub25lIn0.{body}.")


def test_the_access_token_of_rfc_9068(issuer):
    """Figure 3, signed with a key of ours."""
    claims = {
        "iss": "https://authorization-server.example.com/",
        "sub": "5ba552d67",
        "aud": "https://rs.example.com/",
        "exp": 1639528912,
        "iat": 1618354090,
        "jti": "dbe39bf3a3ba4238a513f51d6e1691c4",
        "client_id": "s6BhdRkqt3",
        "scope": "openid profile reademail",
    }
    token = issuer.sign(claims, alg="RS256", header={"typ": "at+JWT"})
    verifier = TokenVerifier(
        claims["iss"],
        claims["aud"],
        rfc9068=True,
        keys=issuer.jwks,
        authorized_parties=["s6BhdRkqt3"],
        now=lambda: 1639528900,
    )
    verified = verifier.verify(token, scopes="reademail")
    assert verified == claims
    assert verified.scopes == {"openid", "profile", "reademail"}


#: RFC 9449, figure 13, and figure 8 for the key that the token is bound to.
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs"
    "cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2"
    "In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm9"
    "0ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVF"
    "FbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


@pytest.mark.parametrize(
    ("method", "uri", "jkt", "good"),
    [
        ("GET", "https://resource.example.org/protectedresource", JKT, True),
        ("POST", "https://resource.example.org/protectedresource", JKT, False),
        ("GET", "https://resource.example.org/other", JKT, False),
        ("GET", "https://resource.example.org/protectedresource", JKT[::-1], False),
    ],
)
def test_the_request_of_rfc_9449(  # noqa: PLR0913, PLR0917  (what is tried, and fixtures)
    method, uri, jkt, good, key_server, http_client
):
    told = {
        "active": True,
        "sub": "someone@example.com",
        "exp": 1562266218,
        "nbf": 1562262611,
        "cnf": {"jkt": jkt},
    }
    key_server.responses["/introspect"] = (200, {}, told)  # figure 10
    introspection = Introspection(
        endpoint=f"{key_server.issuer}/introspect",
        client_id="a",
        client_secret="b",
        require_audience=False,
        http_client=http_client,
    )
    verifier = TokenVerifier(
        "https://server.example.com", "x", introspection=introspection, dpop=DPoP(), now=lambda: 1562262618
    )
    request = DPoPRequest(method, (uri,), (PROOF,))
    if good:
        assert verifier.verify(TOKEN, request=request)["sub"] == "someone@example.com"
    else:
        with pytest.raises(errors.InvalidDPoPProof):
            verifier.verify(TOKEN, request=request)
