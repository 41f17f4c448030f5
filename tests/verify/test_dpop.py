"""Proof of possession (RFC 9449): a token bound to a key is of no use to whoever else has it."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

import httpx
import pytest
from fastapi import FastAPI
from flask import Flask
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from oidc_widget import errors
from oidc_widget.verify import DPoP, DPoPRequest, Introspection, TokenVerifier, fastapi, flask
from oidc_widget.verify.dpop import _Memory
from oidc_widget.verify.http_uri import same_uri

URI = "https://api.example.com/jobs"
KEY = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")


@pytest.fixture
def bound(issuer):
    return lambda key=KEY, **changes: issuer.token(**{"cnf": {"jkt": key.thumbprint()}, **changes})


@pytest.fixture
def verifier(settings):
    return TokenVerifier(**settings)


def request(proof, method="GET", uri=URI, scheme="DPoP"):
    proofs = proof if isinstance(proof, tuple) else (proof,)
    return DPoPRequest(method, (uri,), proofs, scheme)


@pytest.mark.parametrize(
    "key", [KEY, ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519"), RSAKey.generate_key(2048)]
)
async def test_who_holds_the_key_is_let_in(key, verifier, issuer, bound):
    token = bound(key)
    assert verifier.verify(token, request=request(issuer.proof(token, "GET", URI, key=key)))
    assert await verifier.verify_async(token, request=request(issuer.proof(token, "GET", URI, key=key)))


def proof_with(issuer, token, *, header=None, key=KEY, alg="ES256", **claims):
    good = {
        "jti": "1",
        "htm": "GET",
        "htu": URI,
        "iat": issuer.now,
        "ath": urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode(),
        **claims,
    }
    jwk = KEY.as_dict(private=False)
    headers = {"typ": "dpop+jwt", "jwk": jwk, "kid": ..., **(header or {})}
    return issuer.sign(
        {name: value for name, value in good.items() if value is not ...}, alg=alg, key=key, header=headers
    )


PROOFS = {
    "another method": {"htm": "POST"},
    "the method in small letters": {"htm": "get"},
    "no method": {"htm": ...},
    "another path": {"htu": f"{URI}/1"},
    "another host": {"htu": "https://evil.example/jobs"},
    "another scheme": {"htu": URI.replace("https", "http")},
    "another port": {"htu": "https://api.example.com:8443/jobs"},
    "a user in the address": {"htu": "https://api.example.com@evil.example/jobs"},
    "no address": {"htu": ...},
    "no string as address": {"htu": [URI]},
    "another token": {"ath": urlsafe_b64encode(hashlib.sha256(b"x").digest()).rstrip(b"=").decode()},
    "no token": {"ath": ...},
    "too old": {"iat": 1_800_000_000 - 71},
    "of the future": {"iat": 1_800_000_000 + 11},
    "no time": {"iat": ...},
    "no number as time": {"iat": "1800000000"},
    "true as time": {"iat": True},
    "no identifier": {"jti": ...},
    "an empty identifier": {"jti": ""},
    "no string as identifier": {"jti": 1},
    "an endless identifier": {"jti": "x" * 1000},
    "another type": {"header": {"typ": "JWT"}},
    "no type": {"header": {"typ": ...}},
    "no key": {"header": {"jwk": ...}},
    "a key that is none": {"header": {"jwk": "key"}},
    "another's key, as it says itself": {"key": OTHER, "header": {"jwk": OTHER.as_dict(private=False)}},
    "the right key, signed with another": {"key": OTHER},
    "the private key": {"header": {"jwk": KEY.as_dict(private=True)}},
    "a shared secret": {
        "alg": "HS256",
        "key": OctKey.import_key("s" * 32),
        "header": {"jwk": OctKey.import_key("s" * 32).as_dict()},
    },
    "an extension that must be understood": {"header": {"crit": ["exp"], "exp": 1}},
}


@pytest.mark.parametrize("name", PROOFS)
def test_a_proof_that_proves_something_else_is_refused(name, verifier, issuer, bound):
    token = bound()
    proof = proof_with(issuer, token, **PROOFS[name])
    with pytest.raises(errors.InvalidDPoPProof) as caught:
        verifier.verify(token, request=request(proof))
    assert caught.value.code == "invalid_dpop_proof"
    assert token not in str(caught.value)
    assert verifier.verify(token, request=request(proof_with(issuer, token)))


@pytest.mark.parametrize("proof", ["", "x", "a.b.c", "é", "x" * 10_000])
def test_what_is_no_proof_is_refused(proof, verifier, bound):
    with pytest.raises(errors.InvalidDPoPProof):
        verifier.verify(bound(), request=request(proof))


def test_an_unsigned_proof_is_refused(verifier, issuer, bound):
    token = bound()
    unsigned = proof_with(issuer, token).rpartition(".")[0] + "."
    with pytest.raises(errors.InvalidDPoPProof, match="bad_signature"):
        verifier.verify(token, request=request(unsigned))


def test_a_bound_token_is_none_for_its_bearer(verifier, issuer, bound):
    token = bound()
    proof = issuer.proof(token, "GET", URI, key=KEY)
    for asked in (
        None,
        request(()),
        request(proof, scheme="Bearer"),
        request((proof, issuer.proof(token, "GET", URI, key=KEY))),
    ):
        with pytest.raises(errors.InvalidDPoPProof):
            verifier.verify(token, request=asked)


def test_a_bearer_token_is_none_for_the_scheme_dpop(verifier, issuer):
    token = issuer.token()
    with pytest.raises(errors.InvalidDPoPProof, match="not bound"):
        verifier.verify(token, request=request(issuer.proof(token, "GET", URI, key=KEY)))
    assert verifier.verify(token, request=request("whatever", scheme="Bearer"))


def test_a_proof_serves_once(settings, issuer, bound, clock):
    now = [issuer.now]
    settings["now"] = lambda: now[0]
    verifier = TokenVerifier(**settings, dpop=DPoP(window=60, clock=clock))
    token = bound()
    proof = issuer.proof(token, "GET", URI, key=KEY, iat=issuer.now + 9)  # as far ahead as may be

    def again():
        with pytest.raises(errors.InvalidDPoPProof) as caught:
            verifier.verify(token, request=request(proof))
        return str(caught.value)

    assert verifier.verify(token, request=request(proof))
    for _ in range(79):
        assert "used before" in again()
        now[0] += 1
        clock.time += 1
    now[0] += 1  # now it is too old to need remembering
    clock.time += 1
    assert "not of now" in again()


def test_the_same_identifier_of_another_key_is_another_proof(verifier, issuer, bound):
    for key in (KEY, OTHER):
        token = bound(key)
        assert verifier.verify(token, request=request(issuer.proof(token, "GET", URI, key=key, jti="1")))


def test_a_refused_proof_uses_nothing_up(verifier, issuer, bound):
    token = bound()
    proof = issuer.proof(token, "GET", URI, key=KEY)
    with pytest.raises(errors.InvalidDPoPProof):
        verifier.verify(token, request=request(proof, method="POST"))
    assert verifier.verify(token, request=request(proof))


def test_what_was_seen_is_forgotten_in_time(clock):
    memory = _Memory(clock)
    for n in range(1000):
        assert memory.add(f"early {n}", 60)
    clock.time += 61
    assert memory.add("late", 60)
    assert not memory.add("late", 60)
    assert len(memory._until) == 1


def test_more_than_can_be_remembered_is_refused_and_not_forgotten(clock, monkeypatch):
    monkeypatch.setattr("oidc_widget.verify.dpop._MOST_PROOFS", 3)
    memory = _Memory(clock)
    assert [memory.add(key, 60) for key in "abc"] == [True, True, True]
    with pytest.raises(errors.InvalidDPoPProof):
        memory.add("d", 60)
    clock.time += 61
    assert memory.add("d", 60)


def test_several_processes_may_share_what_they_have_seen(settings, issuer, bound):
    class Store:
        def __init__(self):
            self.keys = {}

        def add(self, key, seconds):
            return self.keys.setdefault(key, seconds) is seconds

    store = Store()
    one, two = (TokenVerifier(**settings, dpop=DPoP(replay=store)) for _ in range(2))
    token = bound()
    proof = issuer.proof(token, "GET", URI, key=KEY)
    assert one.verify(token, request=request(proof))
    with pytest.raises(errors.InvalidDPoPProof, match="used before"):
        two.verify(token, request=request(proof))
    assert token not in str(store.keys)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (URI, "HTTPS://API.EXAMPLE.COM:443/jobs", True),
        (URI, f"{URI}?x=1#y", True),
        ("https://h", "https://h/", True),
        ("https://h/%7ea%2fb", "https://h/~a%2Fb", True),
        ("https://h/é", "https://h/%C3%A9", True),
        ("http://h:80/", "http://h", True),
        ("https://h/a%2Fb", "https://h/a/b", False),
        ("https://h/a", "https://h/A", False),
        ("https://h:444/", "https://h/", False),
        ("https://h/", "https://u@h/", False),
        ("ftp://h/", "ftp://h/", False),
        ("x", "x", False),
        ("https://[", "https://[", False),
    ],
)
def test_addresses_are_compared_as_what_they_mean(one, other, same):
    assert same_uri(one, other) is same
    assert same_uri(other, one) is same


def test_an_opaque_token_may_be_bound_too(key_server, issuer, http_client):
    told = {"active": True, "aud": "api", "cnf": {"jkt": KEY.thumbprint()}}
    key_server.responses["/introspect"] = (200, {}, told)
    introspection = Introspection(
        endpoint=f"{key_server.issuer}/introspect", client_id="a", client_secret="b", http_client=http_client
    )
    verifier = TokenVerifier(issuer.url, "api", introspection=introspection, now=lambda: issuer.now)
    with pytest.raises(errors.InvalidDPoPProof):
        verifier.verify("opaque")
    assert verifier.verify("opaque", request=request(issuer.proof("opaque", "GET", URI, key=KEY)))


# --- in the web frameworks ---


def make_flask(settings, **differing):
    app = Flask(__name__)
    protect = flask.OIDCProtect(app, **settings, **differing)
    app.route("/jobs", methods=["GET", "POST"])(protect.token_required(lambda: "in"))

    async def ask(method, headers, url="http://api.test/jobs?x=1"):
        return app.test_client().open(url, method=method, headers=headers)

    return ask


def make_fastapi(settings, **differing):
    app = FastAPI()
    protect = fastapi.OIDCProtect(app, **settings, **differing)

    @app.api_route("/jobs", methods=["GET", "POST"], dependencies=[fastapi.Depends(protect)])
    async def view():
        return "in"

    async def ask(method, headers, url="http://api.test/jobs?x=1"):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.request(method, url, headers=headers)

    return ask


@pytest.mark.parametrize("make", [make_flask, make_fastapi])
async def test_a_request_with_a_proof_is_let_in_once(make, settings, issuer, bound):
    ask = make(settings)
    token = bound()
    headers = {
        "Authorization": f"DPoP {token}",
        "DPoP": issuer.proof(token, "GET", "http://api.test/jobs", key=KEY),
    }
    assert (await ask("POST", headers)).status_code == 401
    assert (await ask("GET", headers)).status_code == 200
    replayed = await ask("GET", headers)
    assert replayed.status_code == 401
    challenge = replayed.headers["WWW-Authenticate"]
    assert challenge.startswith('DPoP realm="Login Required", error="invalid_dpop_proof"')
    assert "ES256" in challenge.partition('algs="')[2]


@pytest.mark.parametrize("make", [make_flask, make_fastapi])
async def test_a_request_without_a_proof_is_told_what_is_missing(make, settings, issuer, bound):
    ask = make(settings)
    stolen = await ask("GET", {"Authorization": f"Bearer {bound()}"})
    assert stolen.status_code == 401
    assert stolen.headers["WWW-Authenticate"].startswith("DPoP ")
    assert (await ask("GET", {})).headers["WWW-Authenticate"] == 'Bearer realm="Login Required"'
    assert (await ask("GET", {"Authorization": f"Bearer {issuer.token()}"})).status_code == 200


@pytest.mark.parametrize("make", [make_flask, make_fastapi])
async def test_a_service_may_insist_on_it(make, settings, issuer, bound):
    ask = make(settings, dpop=DPoP(required=True))
    missing = await ask("GET", {})
    assert missing.headers["WWW-Authenticate"].startswith('DPoP realm="Login Required", algs="')
    assert (await ask("GET", {"Authorization": f"Bearer {issuer.token()}"})).status_code == 401
    token = bound()
    proof = issuer.proof(token, "GET", "http://api.test/jobs", key=KEY)
    assert (await ask("GET", {"Authorization": f"DPoP {token}", "DPoP": proof})).status_code == 200


@pytest.mark.parametrize("make", [make_flask, make_fastapi])
async def test_behind_a_proxy_the_address_is_the_resource_s(make, settings, issuer, bound):
    """A `Host` header is the sender's word, so a proof for another host must not do."""
    ask = make(settings, resource="https://api.example.com/")
    for uri, status in ((URI, 200), ("http://api.test/jobs", 401)):
        token = bound()
        headers = {"Authorization": f"DPoP {token}", "DPoP": issuer.proof(token, "GET", uri, key=KEY)}
        assert (await ask("GET", headers)).status_code == status
