"""Each way in which a token can be bad, and the code of the error that says so.

RFC 8725 §2 is the list of attacks; RFC 7515, RFC 7519, RFC 9068 and OIDC Core §3.1.3.7 are the rules.
"""

from __future__ import annotations

import hmac
import json
import pickle
import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from oidc_widget import errors
from oidc_widget.verify import DPoP, TokenVerifier

ID = {"token_type": "id", "audience": "notebooks"}


def b64(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(token):
    return token.split(".")


def hmac_with(secret, header, claims, algorithm="sha256"):
    signed = f"{b64(header)}.{b64(claims)}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), algorithm).digest())}"


def with_header(issuer, **header):
    """The header changed after signing."""
    head, body, signature = parts(issuer.token())
    return f"{b64({**json.loads(urlsafe_b64decode(head + '==')), **header})}.{body}.{signature}"


def with_claims(issuer, **claims):
    """The claims changed after signing."""
    head, _, signature = parts(issuer.token())
    return f"{head}.{b64(issuer.claims(**claims))}.{signature}"


def unsigned(issuer, alg):
    return f"{b64({'alg': alg})}.{b64(issuer.claims())}."


def with_embedded_key(issuer):
    """RFC 8725 §2.1: the token brings the key to verify it with."""
    return issuer.token(key=issuer.stranger, header={"jwk": issuer.stranger.as_dict(private=False)})


def encrypted(issuer):
    key = RSAKey.generate_key(2048)
    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "typ": "JWT"}
    return jwe.encrypt_compact(
        header, json.dumps(issuer.claims()), key, algorithms=["RSA-OAEP-256", "A256GCM"]
    )


def flipped(token, index):
    """One bit of one segment changed."""
    pieces = parts(token)
    raw = bytearray(urlsafe_b64decode(pieces[index] + "=="))
    raw[len(raw) // 2] ^= 1
    pieces[index] = b64(bytes(raw))
    return ".".join(pieces)


def loose_bits(token):
    """The same signature, spelled with bits set that no byte uses (RFC 4648 §3.5)."""
    last = token[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(last) + 1]


def deep(depth):
    return b"[" * depth + b"]" * depth


def asn1_ecdsa(issuer):
    """RFC 7518 §3.4 wants 64 bytes; ASN.1 is what other libraries make."""
    head, body, _ = parts(issuer.token(alg="ES256"))
    der = issuer.ec.private_key.sign(f"{head}.{body}".encode(), ECDSA(hashes.SHA256()))
    return f"{head}.{body}.{b64(der)}"


def zero_ecdsa(issuer):
    """CVE-2022-21449, "psychic signatures"."""
    head, body, _ = parts(issuer.token(alg="ES256"))
    return f"{head}.{body}.{b64(bytes(64))}"


def hs256_with_public_pem(issuer):
    return hmac_with(issuer.rsa.as_pem(private=False), {"alg": "HS256", "kid": "rsa"}, issuer.claims())


def hs256_with_modulus(issuer):
    secret = issuer.rsa.as_dict(private=False)["n"].encode()
    return hmac_with(secret, {"alg": "HS256", "kid": "rsa"}, issuer.claims())


def es256_with_other_curve(issuer):
    """A true ES384 signature under the name ES256."""
    signed = f"{b64({'alg': 'ES256', 'kid': 'ec384'})}.{b64(issuer.claims())}"
    return f"{signed}.{b64(jws.JWSRegistry.algorithms['ES384'].sign(signed.encode(), issuer.ec384))}"


# name: (expected code, how the token is made, settings of the verifier that differ)
CASES = {
    # --- no JWT at all (RFC 7519 §7.2) ---
    "empty": ("malformed_token", lambda _: "", {}),
    "blank": ("malformed_token", lambda _: " ", {}),
    "a word": ("malformed_token", lambda _: "token", {}),
    "no text": ("malformed_token", lambda _: 12345, {}),
    "None": ("malformed_token", lambda _: None, {}),
    "a list": ("malformed_token", lambda i: [i.token()], {}),
    "not ASCII": ("malformed_token", lambda i: i.token() + "é", {}),
    "not UTF-8": ("malformed_token", lambda i: b"\xff\xfe." + i.token().encode(), {}),
    "two parts": ("malformed_token", lambda i: ".".join(parts(i.token())[:2]), {}),
    "four parts": ("malformed_token", lambda i: i.token() + ".x", {}),
    "two dots only": ("malformed_token", lambda _: "..", {}),
    "with its scheme": ("malformed_token", lambda i: f"Bearer {i.token()}", {}),
    "newline at the end": ("malformed_token", lambda i: i.token() + "\n", {}),
    "space within": ("malformed_token", lambda i: i.token().replace(".", ". ", 1), {}),
    "NUL within": ("malformed_token", lambda i: i.token() + "\0", {}),
    "two tokens": ("malformed_token", lambda i: f"{i.token()}, {i.token()}", {}),
    "the alphabet of plain base64": ("malformed_token", lambda i: i.token()[:-4] + "+/+/", {}),
    "junk within the signature": (
        "malformed_token",
        lambda i: i.token()[:-12] + "!!!!" + i.token()[-12:],
        {},
    ),
    "padding": ("malformed_token", lambda i: i.token() + "==", {}),
    "loose bits in the signature": ("malformed_token", lambda i: loose_bits(i.token()), {}),
    "JSON serialization": (
        "malformed_token",
        lambda i: json.dumps(dict(zip(("protected", "payload", "signature"), parts(i.token()), strict=True))),
        {},
    ),
    "huge": ("token_too_large", lambda i: i.token(filler="x" * 70_000), {}),
    "huge and no token": ("token_too_large", lambda _: "." * 10_000_000, {}),
    "over a limit of one's own": ("token_too_large", lambda i: i.token(), {"max_token_bytes": 100}),
    "a JWE": ("encrypted_token", encrypted, {}),
    "five parts of nothing": ("encrypted_token", lambda _: "ey.a.b.c.d", {}),
    # --- header (RFC 7515 §4) ---
    "header no JSON": ("malformed_token", lambda i: i.raw(header=b"{alg:RS256}"), {}),
    "header a list": ("malformed_token", lambda i: i.raw(header=["alg"]), {}),
    "header a string": ("malformed_token", lambda i: i.raw(header="alg"), {}),
    "header null": ("malformed_token", lambda i: i.raw(header=b"null"), {}),
    "header not UTF-8": ("malformed_token", lambda i: i.raw(header=b'{"alg":"RS256\xff"}'), {}),
    "header nested deeply": ("malformed_token", lambda i: i.raw(header=b'{"alg":' + deep(20_000) + b"}"), {}),
    "header of a length that base64 can't have": ("malformed_token", lambda i: "e" + i.token(), {}),
    "kid a number": ("malformed_token", lambda i: i.raw(header={"alg": "RS256", "kid": 1}), {}),
    "kid a list": ("malformed_token", lambda i: i.raw(header={"alg": "RS256", "kid": ["rsa"]}), {}),
    "kid an object": ("malformed_token", lambda i: i.raw(header={"alg": "RS256", "kid": {"$ne": ""}}), {}),
    "typ a number": ("malformed_token", lambda i: i.raw(header={"alg": "RS256", "kid": "rsa", "typ": 1}), {}),
    # --- algorithm (RFC 8725 §2.1, §3.1, §3.2) ---
    "alg missing": ("algorithm_not_allowed", lambda i: i.raw(header={"kid": "rsa"}), {}),
    "alg null": ("algorithm_not_allowed", lambda i: i.raw(header={"alg": None}), {}),
    "alg a list": ("algorithm_not_allowed", lambda i: i.raw(header={"alg": ["RS256"]}), {}),
    "alg empty": ("algorithm_not_allowed", lambda i: i.raw(header={"alg": ""}), {}),
    "alg unknown": ("algorithm_not_allowed", lambda i: i.raw(header={"alg": "XX256"}), {}),
    "alg in small letters": ("algorithm_not_allowed", lambda i: i.raw(header={"alg": "rs256"}), {}),
    "alg with a space": ("algorithm_not_allowed", lambda i: i.raw(header={"alg": "RS256 "}), {}),
    "none": ("algorithm_not_allowed", lambda i: unsigned(i, "none"), {}),
    "None with a capital": ("algorithm_not_allowed", lambda i: unsigned(i, "None"), {}),
    "nOnE": ("algorithm_not_allowed", lambda i: unsigned(i, "nOnE"), {}),
    "none with a signature": ("algorithm_not_allowed", lambda i: with_header(i, alg="none"), {}),
    "HMAC with the public key's PEM": ("algorithm_not_allowed", hs256_with_public_pem, {}),
    "HMAC with the public key's modulus": ("algorithm_not_allowed", hs256_with_modulus, {}),
    "HMAC with nothing": (
        "algorithm_not_allowed",
        lambda i: hmac_with(b"", {"alg": "HS256"}, i.claims()),
        {},
    ),
    "HS512": (
        "algorithm_not_allowed",
        lambda i: hmac_with(b"x", {"alg": "HS512", "kid": "rsa"}, i.claims(), "sha512"),
        {},
    ),
    "an algorithm of JWE": ("algorithm_not_allowed", lambda i: with_header(i, alg="RSA-OAEP"), {}),
    "RS384 where RS256 is accepted": (
        "algorithm_not_allowed",
        lambda i: i.token(alg="RS384"),
        {"algorithms": ["RS256"]},
    ),
    "RS256 where ES256 is accepted": (
        "algorithm_not_allowed",
        lambda i: i.token(),
        {"algorithms": ["ES256"]},
    ),
    "ES256K": ("algorithm_not_allowed", lambda i: i.raw(header={"alg": "ES256K", "kid": "ec"}), {}),
    # --- critical extensions (RFC 7515 §4.1.11) ---
    "crit with an extension": (
        "unsupported_critical_header",
        lambda i: i.raw(header={"alg": "RS256", "kid": "rsa", "crit": ["exp"], "exp": 1}),
        {},
    ),
    "crit with b64": (
        "unsupported_critical_header",
        lambda i: i.raw(header={"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": False}),
        {},
    ),
    "crit empty": ("unsupported_critical_header", lambda i: i.raw(header={"alg": "RS256", "crit": []}), {}),
    "crit no list": (
        "unsupported_critical_header",
        lambda i: i.raw(header={"alg": "RS256", "crit": "alg"}),
        {},
    ),
    "crit null": ("unsupported_critical_header", lambda i: i.raw(header={"alg": "RS256", "crit": None}), {}),
    # --- keys (RFC 8725 §3.10) ---
    "kid unknown": ("unknown_key", lambda i: i.token(header={"kid": "other"}), {}),
    "kid empty": ("unknown_key", lambda i: i.token(header={"kid": ""}), {}),
    "kid a path": ("unknown_key", lambda i: i.token(header={"kid": "../../../dev/null"}), {}),
    "kid SQL": ("unknown_key", lambda i: i.token(header={"kid": "x' UNION SELECT 'secret"}), {}),
    "kid a URL": ("unknown_key", lambda i: i.token(header={"kid": "https://evil.example/jwks"}), {}),
    "kid in capitals": ("unknown_key", lambda i: i.token(header={"kid": "RSA"}), {}),
    "kid of a key of another type": ("unknown_key", lambda i: i.token(header={"kid": "ec"}), {}),
    "PS256 with a key that is for RS256": (
        "unknown_key",
        lambda i: i.token(alg="PS256"),
        {"only": lambda i: {**i.rsa.as_dict(private=False), "alg": "RS256"}},
    ),
    "signed with a key for encryption": (
        "unknown_key",
        lambda i: i.token(),
        {"only": lambda i: [{**i.rsa.as_dict(private=False), "use": "enc"}, i.ec.as_dict(private=False)]},
    ),
    "signed with a key that may not verify": (
        "unknown_key",
        lambda i: i.token(),
        {
            "only": lambda i: [
                {**i.rsa.as_dict(private=False), "key_ops": ["encrypt"]},
                i.ec.as_dict(private=False),
            ]
        },
    ),
    "the name of one curve, the key of another": ("unknown_key", es256_with_other_curve, {}),
    "key in the header": ("bad_signature", with_embedded_key, {}),
    "certificate in the header": (
        "bad_signature",
        lambda i: i.token(key=i.stranger, header={"x5c": ["MIIB"], "x5t": "AAAA"}),
        {},
    ),
    # --- signature ---
    "signed by a stranger": ("bad_signature", lambda i: i.token(key=i.stranger), {}),
    "signed by a stranger, without kid": (
        "bad_signature",
        lambda i: i.token(key=i.stranger, header={"kid": ...}),
        {},
    ),
    "signed by a stranger's curve": ("bad_signature", lambda i: i.token(alg="ES256", key=i.stranger_ec), {}),
    "no signature": ("bad_signature", lambda i: i.token().rpartition(".")[0] + ".", {}),
    "a signature cut short": ("bad_signature", lambda i: i.token()[:-8] + "AAAA", {}),
    "a signature too long": ("bad_signature", lambda i: i.token()[:-2] + "AAAA" * 5, {}),
    "a bit of the signature": ("bad_signature", lambda i: flipped(i.token(), 2), {}),
    "a bit of an Ed25519 signature": ("bad_signature", lambda i: flipped(i.token(alg="EdDSA"), 2), {}),
    "another token's signature": (
        "bad_signature",
        lambda i: ".".join([*parts(i.token())[:2], parts(i.token(sub="eve"))[2]]),
        {},
    ),
    "claims changed": ("bad_signature", lambda i: with_claims(i, sub="admin"), {}),
    "header changed": ("bad_signature", lambda i: with_header(i, x="y"), {}),
    "alg changed to its sibling": ("bad_signature", lambda i: with_header(i, alg="RS512"), {}),
    "ECDSA of zeros": ("bad_signature", zero_ecdsa, {}),
    "ECDSA in ASN.1": ("bad_signature", asn1_ecdsa, {}),
    "b64=false without crit": (
        "bad_signature",
        lambda i: with_header(i, b64=False),
        {},
    ),
    # --- payload (RFC 7519 §7.2) ---
    "payload empty": ("malformed_token", lambda i: i.raw(payload=b""), {}),
    "payload no JSON": ("malformed_token", lambda i: i.raw(payload=b"iss=idp"), {}),
    "payload a list": ("malformed_token", lambda i: i.raw(payload=[i.claims()]), {}),
    "payload a string": ("malformed_token", lambda i: i.raw(payload=json.dumps("x").encode()), {}),
    "payload not UTF-8": ("malformed_token", lambda i: i.raw(payload=b'{"sub":"\xff"}'), {}),
    "payload nested deeply": ("malformed_token", lambda i: i.raw(payload=b'{"x":' + deep(20_000) + b"}"), {}),
    "payload another token": ("malformed_token", lambda i: i.raw(payload=i.token().encode()), {}),
    "exp NaN": ("malformed_token", lambda i: i.raw(payload=b'{"iss":"x","exp":NaN}'), {}),
    "exp Infinity": ("malformed_token", lambda i: i.raw(payload=b'{"iss":"x","exp":Infinity}'), {}),
    # --- issuer (RFC 8725 §3.8) ---
    "iss missing": ("missing_claim", lambda i: i.token(iss=...), {}),
    "iss null": ("missing_claim", lambda i: i.token(iss=None), {}),
    "iss a list": ("invalid_claim", lambda i: i.token(iss=[i.url]), {}),
    "iss an object": ("invalid_claim", lambda i: i.token(iss={"url": i.url}), {}),
    "iss another": ("wrong_issuer", lambda i: i.token(iss="https://evil.example"), {}),
    "iss empty": ("wrong_issuer", lambda i: i.token(iss=""), {}),
    "iss with a slash more": ("wrong_issuer", lambda i: i.token(iss=f"{i.url}/"), {}),
    "iss in capitals": ("wrong_issuer", lambda i: i.token(iss=i.url.upper()), {}),
    "iss that begins alike": ("wrong_issuer", lambda i: i.token(iss=f"{i.url}.evil.example"), {}),
    # --- audience (RFC 8725 §3.9) ---
    "aud missing": ("missing_claim", lambda i: i.token(aud=...), {}),
    "aud null": ("missing_claim", lambda i: i.token(aud=None), {}),
    "aud an empty list": ("missing_claim", lambda i: i.token(aud=[]), {}),
    "aud a number": ("invalid_claim", lambda i: i.token(aud=1), {}),
    "aud an object": ("invalid_claim", lambda i: i.token(aud={i.audience: True}), {}),
    "aud with a number in it": ("invalid_claim", lambda i: i.token(aud=[i.audience, 1]), {}),
    "aud nested": ("invalid_claim", lambda i: i.token(aud=[[i.audience]]), {}),
    "aud another": ("wrong_audience", lambda i: i.token(aud="https://other.example.com"), {}),
    "aud others": ("wrong_audience", lambda i: i.token(aud=["a", "b"]), {}),
    "aud that begins alike": ("wrong_audience", lambda i: i.token(aud=f"{i.audience}.evil.example"), {}),
    "aud a part": ("wrong_audience", lambda i: i.token(aud="https://api"), {}),
    "aud several in one string": ("wrong_audience", lambda i: i.token(aud=f"x {i.audience}"), {}),
    "aud empty": ("wrong_audience", lambda i: i.token(aud=""), {}),
    # --- time (RFC 7519 §4.1.4 to §4.1.6) ---
    "exp missing": ("missing_claim", lambda i: i.token(exp=...), {}),
    "exp null": ("missing_claim", lambda i: i.token(exp=None), {}),
    "exp a string": ("invalid_claim", lambda i: i.token(exp=str(i.now + 300)), {}),
    "exp true": ("invalid_claim", lambda i: i.token(exp=True), {}),
    "exp a list": ("invalid_claim", lambda i: i.token(exp=[i.now + 300]), {}),
    "exp beyond all numbers": (
        "invalid_claim",
        lambda i: i.raw(payload=json.dumps(i.claims(exp=1)).replace('"exp": 1', '"exp": 1e999').encode()),
        {},
    ),
    "exp an integer beyond all floats": ("invalid_claim", lambda i: i.token(exp=10**400), {}),
    "exp long ago": ("token_expired", lambda i: i.token(exp=i.now - 3600), {}),
    "exp zero": ("token_expired", lambda i: i.token(exp=0), {}),
    "exp negative": ("token_expired", lambda i: i.token(exp=-(10**15)), {}),
    "exp now, without leeway": ("token_expired", lambda i: i.token(exp=i.now), {"leeway": 0}),
    "exp just beyond the leeway": ("token_expired", lambda i: i.token(exp=i.now - 10), {}),
    "nbf in the future": ("token_not_yet_valid", lambda i: i.token(nbf=i.now + 60), {}),
    "nbf just beyond the leeway": ("token_not_yet_valid", lambda i: i.token(nbf=i.now + 11), {}),
    "nbf a string": ("invalid_claim", lambda i: i.token(nbf="0"), {}),
    "nbf false": ("invalid_claim", lambda i: i.token(nbf=False), {}),
    "iat missing": ("missing_claim", lambda i: i.token(iat=...), {}),
    "iat a string": ("invalid_claim", lambda i: i.token(iat="1"), {}),
    "iat in the future": ("token_not_yet_valid", lambda i: i.token(iat=i.now + 3600), {}),
    "iat a string, though it isn't compared": (
        "invalid_claim",
        lambda i: i.token(iat="1"),
        {"verify_claims": []},
    ),
    # --- other claims ---
    "sub a number": ("invalid_claim", lambda i: i.token(sub=1), {}),
    "sub a list": ("invalid_claim", lambda i: i.token(sub=["alice"]), {}),
    "jti a number": ("invalid_claim", lambda i: i.token(jti=7), {}),
    "client_id an object": ("invalid_claim", lambda i: i.token(client_id={}), {}),
    "a required claim missing": (
        "missing_claim",
        lambda i: i.token(),
        {"required_claims": ["exp", "groups"]},
    ),
    # --- scopes (RFC 6750 §3.1) ---
    "scope missing": ("insufficient_scope", lambda i: i.token(scope=...), {"scopes": ["read"]}),
    "scope too small": ("insufficient_scope", lambda i: i.token(scope="read"), {"scopes": ["read", "admin"]}),
    "scope that begins alike": (
        "insufficient_scope",
        lambda i: i.token(scope="readonly"),
        {"scopes": "read"},
    ),
    "scope in capitals": ("insufficient_scope", lambda i: i.token(scope="READ"), {"scopes": "read"}),
    "scope a number": ("insufficient_scope", lambda i: i.token(scope=1), {"scopes": "read"}),
    "scope an object": ("insufficient_scope", lambda i: i.token(scope={"read": 1}), {"scopes": "read"}),
    "scope of the wrong kind, and scp": (
        "insufficient_scope",
        lambda i: i.token(scope=1, scp="read"),
        {"scopes": "read"},
    ),
    "scp too small beside an empty scope": (
        "insufficient_scope",
        lambda i: i.token(scope="", scp="write"),
        {"scopes": "read"},
    ),
    # --- one kind of token used as another (RFC 8725 §2.8, §3.11, §3.12) ---
    "an ID token with at_hash as access token": (
        "wrong_token_type",
        lambda i: i.token(header={"typ": "JWT"}, at_hash="x"),
        {},
    ),
    "an ID token with nonce as access token": (
        "wrong_token_type",
        lambda i: i.token(header={"typ": ...}, nonce="n"),
        {},
    ),
    "a logout token": ("wrong_token_type", lambda i: i.token(header={"typ": "logout+jwt"}), {}),
    "a logout token without typ": (
        "wrong_token_type",
        lambda i: i.token(
            header={"typ": ...}, events={"http://schemas.openid.net/event/backchannel-logout": {}}
        ),
        {},
    ),
    "a DPoP proof": ("wrong_token_type", lambda i: i.token(header={"typ": "dpop+jwt"}), {}),
    "a request object": ("wrong_token_type", lambda i: i.token(header={"typ": "oauth-authz-req+jwt"}), {}),
    "RFC 9068 demanded, typ JWT": (
        "wrong_token_type",
        lambda i: i.token(header={"typ": "JWT"}, client_id="c", jti="j"),
        {"rfc9068": True},
    ),
    "RFC 9068 demanded, no typ": (
        "wrong_token_type",
        lambda i: i.token(header={"typ": ...}, client_id="c", jti="j"),
        {"rfc9068": True},
    ),
    "RFC 9068 demanded, no client_id": ("missing_claim", lambda i: i.token(jti="j"), {"rfc9068": True}),
    "RFC 9068 demanded, no jti": ("missing_claim", lambda i: i.token(client_id="c"), {"rfc9068": True}),
    "an access token as ID token": ("wrong_token_type", lambda i: i.token(aud="notebooks"), ID),
    "Keycloak's ID token as access token": (
        "wrong_token_type",
        lambda i: i.token(header={"typ": "JWT"}, typ="ID"),
        {},
    ),
    "Keycloak's refresh token as access token": (
        "wrong_token_type",
        lambda i: i.token(header={"typ": "JWT"}, typ="Refresh"),
        {},
    ),
    "Keycloak's access token as ID token": (
        "wrong_token_type",
        lambda i: i.token(header={"typ": "JWT"}, aud="notebooks", typ="Bearer", nonce="n"),
        ID,
    ),
    "Keycloak's offline token as ID token": (
        "wrong_token_type",
        lambda i: i.token(header={"typ": "JWT"}, aud="notebooks", typ="Offline"),
        ID,
    ),
    "a payload that says it is a bearer token, in a logout token": (
        "wrong_token_type",
        lambda i: i.token(header={"typ": "logout+jwt"}, typ="Bearer"),
        {},
    ),
    # --- bound to a key (RFC 9449 §7.1) ---
    "bound to a key, without a proof": ("invalid_dpop_proof", lambda i: i.token(cnf={"jkt": "x"}), {}),
    "not bound to a key where that is asked for": (
        "invalid_dpop_proof",
        lambda i: i.token(),
        {"dpop": DPoP(required=True)},
    ),
    # --- ID tokens (OIDC Core §3.1.3.7) ---
    "an ID token without sub": (
        "missing_claim",
        lambda i: i.token(header={"typ": "JWT"}, aud="notebooks", sub=...),
        ID,
    ),
    "an ID token for another client": (
        "wrong_audience",
        lambda i: i.token(header={"typ": "JWT"}, aud="dashboard", azp="dashboard"),
        ID,
    ),
    "an ID token issued to another client": (
        "wrong_authorized_party",
        lambda i: i.token(header={"typ": "JWT"}, aud=["notebooks", "dashboard"], azp="dashboard"),
        ID,
    ),
    "an ID token with several audiences and no azp": (
        "missing_claim",
        lambda i: i.token(header={"typ": "JWT"}, aud=["notebooks", "dashboard"]),
        ID,
    ),
    "an ID token of its own client where only another is accepted": (
        "wrong_authorized_party",
        lambda i: i.token(header={"typ": "JWT"}, aud="notebooks"),
        {**ID, "authorized_parties": ["dashboard"]},
    ),
    "azp a list": (
        "invalid_claim",
        lambda i: i.token(header={"typ": "JWT"}, aud="notebooks", azp=["notebooks"]),
        ID,
    ),
    "an access token issued to a client that isn't accepted": (
        "wrong_authorized_party",
        lambda i: i.token(client_id="other"),
        {"authorized_parties": ["notebooks"]},
    ),
    "an access token issued to nobody": (
        "missing_claim",
        lambda i: i.token(),
        {"authorized_parties": ["notebooks"]},
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_bad_token_is_refused_with_its_code(name, issuer, settings):
    code, make, differing = CASES[name]
    differing = dict(differing)
    if "only" in differing:
        differing["keys"] = differing.pop("only")(issuer)
    verifier = TokenVerifier(**{**settings, **differing})
    token = make(issuer)

    with pytest.raises(errors.VerificationError) as caught:
        verifier.verify(token)

    assert caught.value.code == code
    with pytest.raises(errors.VerificationError) as caught_async:
        await verifier.verify_async(token)
    assert caught_async.value.code == code
    assert str(caught_async.value) == str(caught.value)
    assert_free_of(token, caught.value)


def assert_free_of(token, error):
    """No part of the token in the error, in what caused it, or in what pickling keeps."""
    secrets = [piece for piece in str(token).split(".") if len(piece) > 20]
    while error is not None:
        shown = f"{error!s} {error!r} {error.args!r} {vars(error)!r}"
        assert not [piece for piece in secrets if piece in shown]
        error = error.__cause__ or error.__context__


def test_the_table_is_long_enough_and_covers_each_code():
    assert len(CASES) >= 60
    codes = {code for code, _, _ in CASES.values()}
    others = {
        "inactive_token",
        "insufficient_permission",  # this and its like: test_requirements.py
        "insufficient_role",
        "insufficient_user_authentication",
        "missing_token",
        "unknown_identity",
        "wrong_access_token_hash",
        "wrong_nonce",
    }
    assert codes | others == {
        cls.default_code
        for cls in vars(errors).values()
        if isinstance(cls, type)
        and issubclass(cls, errors.VerificationError)
        and cls is not errors.VerificationError
        and not cls.__name__.startswith("_")
    }


def test_each_reason_has_a_class_of_its_own():
    classes = [
        cls
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, errors.VerificationError) and cls.__name__[0] != "_"
    ]
    assert len({cls.default_code for cls in classes}) == len(classes)


def test_an_expired_token_tells_when_it_expired(issuer, settings):
    with pytest.raises(errors.ExpiredToken, match="2027-01-15T07:00:00") as caught:
        TokenVerifier(**settings).verify(issuer.token(exp=issuer.now - 3600))
    assert caught.value.expired_at == issuer.now - 3600


def test_a_token_that_is_not_yet_valid_tells_from_when(issuer, settings):
    with pytest.raises(errors.TokenNotYetValid) as caught:
        TokenVerifier(**settings).verify(issuer.token(nbf=issuer.now + 60))
    assert caught.value.valid_from == issuer.now + 60


def test_a_missing_claim_is_named(issuer, settings):
    with pytest.raises(errors.MissingClaim, match="'groups'") as caught:
        TokenVerifier(**settings, required_claims=["groups"]).verify(issuer.token())
    assert caught.value.claim == "groups"


def test_errors_survive_pickling_with_what_they_know(issuer, settings):
    with pytest.raises(errors.ExpiredToken) as caught:
        TokenVerifier(**settings).verify(issuer.token(exp=1))
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  (our own pickle)
    assert (copy.code, copy.expired_at, str(copy)) == ("token_expired", 1, str(caught.value))


def test_a_weak_rsa_key_is_not_used(issuer, settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the weak key, from joserfc
        weak = RSAKey.generate_key(1024, {"kid": "weak"})
        token = issuer.token(key=weak)
    keys = {"keys": [weak.as_dict(private=False), *issuer.jwks["keys"]]}
    with pytest.raises(errors.UnknownKey):
        TokenVerifier(**{**settings, "keys": keys}).verify(token)


def test_a_shared_secret_among_published_keys_is_ignored(issuer, settings):
    secret = OctKey.import_key("a-secret-that-was-published-by-mistake", {"kid": "s"})
    keys = {"keys": [secret.as_dict(), *issuer.jwks["keys"]]}
    token = jws.serialize_compact(
        {"alg": "HS256", "kid": "s"}, json.dumps(issuer.claims()), secret, algorithms=["HS256"]
    )
    with pytest.raises(errors.AlgorithmNotAllowed):
        TokenVerifier(**{**settings, "keys": keys}).verify(token)


def test_a_point_off_the_curve_is_no_key(issuer, settings):
    jwk = ECKey.generate_key("P-256", {"kid": "off"}).as_dict(private=False)
    keys = {"keys": [{**jwk, "y": jwk["x"]}, *issuer.jwks["keys"]]}
    verifier = TokenVerifier(**{**settings, "keys": keys})
    assert verifier.verify(issuer.token())["sub"] == "alice"
    with pytest.raises(errors.UnknownKey):
        verifier.verify(issuer.token(alg="ES256", header={"kid": "off"}))


def test_what_a_stranger_wrote_is_shown_cut_short_and_printable(issuer, settings):
    with pytest.raises(errors.WrongIssuer) as caught:
        TokenVerifier(**settings).verify(
            issuer.token(iss="https://evil.example/\r\nSet-Cookie: x\x1b[31m" + "é" * 500)
        )
    text = str(caught.value)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 300
