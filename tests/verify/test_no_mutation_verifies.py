"""Whatever is done to a token, it verifies only as it was issued."""

from __future__ import annotations

import base64
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oidc_widget import errors
from oidc_widget.verify import TokenVerifier

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# The fixtures are the same throughout, and keys of the session.
thorough = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["iss", "aud", "exp", "nbf", "iat", "sub", "azp", "jti", "scope", "nonce", "events", "x"]
)


@pytest.fixture(params=["RS256", "PS256", "ES256", "ES384", "EdDSA"])
def token(request, issuer):
    return issuer.token(alg=request.param)


@pytest.fixture
def verifier(settings):
    return TokenVerifier(**settings)


def refused(verifier, token):
    with pytest.raises(errors.VerificationError):
        verifier.verify(token)


@thorough
@given(data=st.data())
def test_no_other_character_anywhere(data, token, verifier):
    at = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.sampled_from(ALPHABET + ".=+/ \n\0é").filter(lambda c: c != token[at]))
    refused(verifier, token[:at] + character + token[at + 1 :])


@thorough
@given(data=st.data())
def test_nothing_added_or_taken_away(data, token, verifier):
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 40)))
    put = data.draw(st.text(ALPHABET + ".=", max_size=40).filter(lambda text: text != token[start:end]))
    refused(verifier, token[:start] + put + token[end:])


@thorough
@given(data=st.data())
def test_no_bits_changed_in_any_part(data, token, verifier):
    pieces = token.split(".")
    index = data.draw(st.integers(0, 2))
    raw = bytearray(base64.urlsafe_b64decode(pieces[index] + "=="))
    for at in data.draw(st.sets(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[at] ^= data.draw(st.integers(1, 255))
    pieces[index] = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    refused(verifier, ".".join(pieces))


@thorough
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jwk", "crit", "b64", "x5c"]), json_values)
)
def test_no_other_header_before_the_same_signature(header, token, verifier):
    head, body, signature = token.split(".")
    true = json.loads(base64.urlsafe_b64decode(head + "=="))
    if {**true, **header} != true:
        forged = base64.urlsafe_b64encode(json.dumps({**true, **header}).encode()).rstrip(b"=").decode()
        refused(verifier, f"{forged}.{body}.{signature}")


@thorough
@given(claims=st.dictionaries(names, json_values, min_size=1))
def test_no_other_claims_under_the_same_signature(claims, issuer, token, verifier):
    head, _, signature = token.split(".")
    forged = (
        base64.urlsafe_b64encode(json.dumps({**issuer.claims(), **claims}).encode()).rstrip(b"=").decode()
    )
    refused(verifier, f"{head}.{forged}.{signature}")


@thorough
@given(raw=st.binary(max_size=300) | st.text(max_size=300))
def test_anything_else_is_refused_and_breaks_nothing(raw, verifier):
    refused(verifier, raw)


@thorough
@given(header=json_values, payload=json_values)
def test_any_json_truly_signed_breaks_nothing(header, payload, issuer, verifier):
    """Also an issuer's own nonsense leads to an error of ours, or to claims, and to nothing else."""
    head = {"alg": "RS256", "kid": "rsa", **header} if isinstance(header, dict) else header
    body = {**issuer.claims(), **payload} if isinstance(payload, dict) else payload
    try:
        claims = verifier.verify(issuer.raw(json.dumps(head).encode(), json.dumps(body).encode()))
    except errors.VerificationError:
        return
    assert claims["iss"] == issuer.url


@thorough
@given(claims=st.dictionaries(names, json_values))
def test_any_claims_truly_signed_are_judged_by_the_rules(claims, issuer, verifier):
    token = issuer.raw(payload=json.dumps(issuer.claims(**claims)).encode())
    try:
        accepted = verifier.verify(token)
    except errors.VerificationError:
        return
    assert accepted["iss"] == issuer.url
    assert issuer.audience in (accepted["aud"] if isinstance(accepted["aud"], list) else [accepted["aud"]])
    assert accepted["exp"] > issuer.now - 10
    assert accepted.get("nbf") is None or accepted["nbf"] <= issuer.now + 10


@pytest.mark.parametrize(
    "piece", ["a" * 65_536, "a." * 30_000, "." * 65_536, "ey" + "_" * 60_000 + "..", "e" * 60_000 + ".e."]
)
def test_no_shape_takes_long(piece, verifier):
    started = time.perf_counter()
    refused(verifier, piece)
    assert time.perf_counter() - started < 0.5
