"""What is accepted: good tokens of every kind that honest issuers make."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys

import pytest
from joserfc import jws
from joserfc.jwk import OctKey

import oidc_widget.verify
from oidc_widget import errors
from oidc_widget.verify import Claims, TokenVerifier, verify_access_token_hash

ID = {"token_type": "id", "audience": "notebooks"}


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS512", "ES256", "ES384", "EdDSA"])
async def test_every_kind_of_key_verifies(alg, issuer, settings):
    verifier = TokenVerifier(**settings)
    token = issuer.token(alg=alg)
    claims = verifier.verify(token)
    assert claims == issuer.claims()
    assert claims.header["alg"] == alg
    assert (claims.subject, claims.issuer, claims.from_cache) == ("alice", issuer.url, False)
    assert claims.scopes == {"read", "write"}
    assert await verifier.verify_async(token) == claims
    assert verifier.verify(token.encode()) == claims


# name: (how the token is made, settings of the verifier that differ)
CASES = {
    "without kid": (lambda i: i.token(header={"kid": ...}), {}),
    "without typ": (lambda i: i.token(header={"typ": ...}), {}),
    "typ JWT": (lambda i: i.token(header={"typ": "JWT"}), {}),
    "typ as a media type": (lambda i: i.token(header={"typ": "application/AT+JWT"}), {}),
    "unknown header members": (lambda i: i.token(header={"acme": {"x": 1}, "nonce": "n"}), {}),
    "a certificate chain in the header": (lambda i: i.token(header={"x5c": ["MIIB" * 1000]}), {}),
    "several audiences": (lambda i: i.token(aud=["other", i.audience]), {}),
    "any of this service's names": (lambda i: i.token(aud="second"), {"audience": ["first", "second"]}),
    "no audience, if that is not checked": (
        lambda i: i.token(aud=...),
        {"audience": None, "skip_audience_check": True},
    ),
    "another's audience, if that is not checked": (
        lambda i: i.token(aud="x"),
        {"audience": None, "skip_audience_check": True},
    ),
    "expired within the leeway": (lambda i: i.token(exp=i.now - 9), {}),
    "not yet valid within the leeway": (lambda i: i.token(nbf=i.now + 10, iat=i.now + 10), {}),
    "a fraction of a second": (lambda i: i.token(exp=i.now + 0.5), {"leeway": 0}),
    "nbf in the future, if that is not compared": (
        lambda i: i.token(nbf=i.now + 999),
        {"verify_claims": ["iat"]},
    ),
    "without exp, if that is not required": (lambda i: i.token(exp=...), {"required_claims": []}),
    "azp of any client": (lambda i: i.token(azp="anybody", client_id="anybody"), {}),
    "client_id of an accepted client": (
        lambda i: i.token(client_id="notebooks"),
        {"authorized_parties": ["notebooks"]},
    ),
    "RFC 9068": (lambda i: i.token(client_id="c", jti="j"), {"rfc9068": True}),
    "scopes as a list": (lambda i: i.token(scope=["read", "write"]), {"scopes": ["read"]}),
    "scp as a list": (lambda i: i.token(scope=..., scp=["read"]), {"scopes": "read"}),
    "scp as a string": (lambda i: i.token(scope=..., scp="read all"), {"scopes": ["read", "all"]}),
    "an ID token": (lambda i: i.token(header={"typ": "JWT"}, aud="notebooks", nonce="n", at_hash="h"), ID),
    "an ID token with azp": (lambda i: i.token(header={"typ": ...}, aud="notebooks", azp="notebooks"), ID),
    "an ID token from another client, as Kubernetes takes it": (
        lambda i: i.token(header={"typ": "JWT"}, aud=["notebooks", "dashboard"], azp="dashboard"),
        {**ID, "authorized_parties": ["dashboard"]},
    ),
    "an empty scope beside scp": (lambda i: i.token(scope="", scp="read"), {"scopes": ["read"]}),
    "scope null beside scp": (lambda i: i.token(scope=None, scp=["read"]), {"scopes": ["read"]}),
    "an ID token of one audience and no azp, whose client is accepted by name": (
        lambda i: i.token(header={"typ": "JWT"}, aud="notebooks"),
        {**ID, "authorized_parties": ["notebooks", "dashboard"]},
    ),
    "Keycloak's access token with a nonce": (
        lambda i: i.token(header={"typ": "JWT"}, typ="Bearer", nonce="n", azp="notebooks"),
        {},
    ),
    "Keycloak's ID token": (
        lambda i: i.token(header={"typ": "JWT"}, aud="notebooks", typ="ID", nonce="n", at_hash="h"),
        ID,
    ),
    "the client as Entra names it": (
        lambda i: i.token(appid="notebooks"),
        {"authorized_parties": ["notebooks"]},
    ),
    "the client as Okta names it": (lambda i: i.token(cid="notebooks"), {"authorized_parties": "notebooks"}),
    "groups of any size": (lambda i: i.token(groups=[f"group-{n}" for n in range(2000)]), {}),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_good_token_is_accepted(name, issuer, settings):
    make, differing = CASES[name]
    verifier = TokenVerifier(**{**settings, **differing})
    token = make(issuer)
    assert verifier.verify(token)["sub"] == "alice"
    assert (await verifier.verify_async(token))["sub"] == "alice"


def test_offline_keys_may_be_a_set_a_key_several_or_pem(issuer, settings):
    token = issuer.token()
    one = issuer.rsa.as_dict(private=False)
    for keys in (
        issuer.jwks,
        one,
        [one, issuer.ec.as_dict(private=False)],
        issuer.rsa.as_pem(private=False),
        issuer.rsa.as_pem(private=False).decode(),
        issuer.rsa.as_dict(private=True),
        {issuer.url: issuer.jwks},
    ):
        assert TokenVerifier(**{**settings, "keys": keys}).verify(token)["sub"] == "alice"
    ec_pem = issuer.ec.as_pem(private=False)
    verifier = TokenVerifier(**{**settings, "keys": [issuer.rsa.as_pem(), ec_pem]})
    assert verifier.verify(issuer.token(alg="ES256"))["sub"] == "alice"


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"keys": []},
        [],
        "no key",
        {"kty": "RSA"},
        {"kty": "oct", "k": "YS1zaGFyZWQtc2VjcmV0LWZvci10ZXN0cw"},
    ],
)
def test_useless_offline_keys_are_an_error_at_once(keys, settings):
    with pytest.raises(errors.ConfigurationError) as caught:
        TokenVerifier(**{**settings, "keys": keys})
    assert caught.value.code == "unusable_keys"


def test_a_shared_secret_verifies_only_where_it_is_named(issuer, settings):
    secret = OctKey.import_key("a-shared-secret-of-some-length-for-tests")
    token = jws.serialize_compact({"alg": "HS256"}, json.dumps(issuer.claims()), secret, algorithms=["HS256"])
    verifier = TokenVerifier(**{**settings, "keys": secret.as_dict(), "algorithms": ["HS256"]})
    assert verifier.verify(token)["sub"] == "alice"
    with pytest.raises(errors.AlgorithmNotAllowed):
        verifier.verify(issuer.token())


@pytest.mark.parametrize(
    ("differing", "code"),
    [
        ({"audience": None}, "missing_audience"),
        ({"audience": []}, "missing_audience"),
        ({"audience": [""]}, "invalid_configuration"),
        ({"issuer": []}, "invalid_configuration"),
        ({"algorithms": ["none"]}, "invalid_algorithms"),
        ({"algorithms": ["RS256", "None"]}, "invalid_algorithms"),
        ({"algorithms": []}, "invalid_algorithms"),
        ({"algorithms": ["RS256", "HS256"]}, "invalid_algorithms"),
        ({"algorithms": ["HS256"], "keys": None}, "invalid_algorithms"),
        ({"token_type": "refresh"}, "invalid_configuration"),
        ({"leeway": -1}, "invalid_configuration"),
        ({"verify_claims": ["exp"]}, "invalid_configuration"),
        ({"issuer": "http://idp.example.com", "keys": None}, "insecure_url"),
        ({"issuer": "ftp://idp.example.com", "keys": None}, "invalid_url"),
        ({"issuer": "idp.example.com", "keys": None}, "invalid_url"),
        ({"issuer": "https://user:password@idp.example.com", "keys": None}, "invalid_url"),
        ({"issuer": "http://127.0.0.1.evil.example", "keys": None}, "insecure_url"),
        ({"keys": None, "jwks_uri": "http://idp.example.com/jwks"}, "insecure_url"),
        ({"issuer": ["https://a.example", "https://b.example"]}, "invalid_configuration"),
    ],
)
def test_a_wrong_setting_is_an_error_at_once(differing, code, settings):
    with pytest.raises(errors.ConfigurationError) as caught:
        TokenVerifier(**{**settings, **differing})
    assert caught.value.code == code


@pytest.mark.parametrize(
    "issuer_url",
    ["http://localhost:8000", "http://127.0.0.1:8000/realm", "http://[::1]:8000", "http://a.localhost"],
)
def test_plain_http_is_accepted_on_this_machine(issuer_url):
    TokenVerifier(issuer_url, "api")


def test_plain_http_elsewhere_must_be_asked_for():
    TokenVerifier("http://idp.example.com", "api", allow_insecure_http=True)


def test_each_issuers_keys_count_for_its_own_tokens_only(issuer, settings):
    other = "https://other.example.com"
    both = {issuer.url: issuer.rsa.as_dict(private=False), other: issuer.stranger.as_dict(private=False)}
    verifier = TokenVerifier(**{**settings, "issuer": [issuer.url, other], "keys": both})
    assert verifier.verify(issuer.token())["iss"] == issuer.url
    assert verifier.verify(issuer.token(iss=other, key=issuer.stranger))["iss"] == other
    for token in (issuer.token(iss=other), issuer.token(key=issuer.stranger)):
        with pytest.raises(errors.BadSignature):
            verifier.verify(token)


def test_the_nonce_is_compared_where_it_is_given(issuer, settings):
    verifier = TokenVerifier(**{**settings, **ID})
    token = issuer.token(header={"typ": "JWT"}, aud="notebooks", nonce="n-1")
    assert verifier.verify(token, nonce="n-1")["nonce"] == "n-1"
    assert verifier.verify(token)["nonce"] == "n-1"
    with pytest.raises(errors.WrongNonce):
        verifier.verify(token, nonce="n-2")
    with pytest.raises(errors.MissingClaim):
        verifier.verify(issuer.token(header={"typ": "JWT"}, aud="notebooks"), nonce="n-1")
    with pytest.raises(errors.WrongNonce):
        verifier.verify(issuer.token(header={"typ": "JWT"}, aud="notebooks", nonce=1), nonce="1")


def test_a_call_may_ask_for_more_scopes(issuer, settings):
    verifier = TokenVerifier(**settings, scopes=["read"])
    assert verifier.verify(issuer.token(), scopes=["write"])
    with pytest.raises(errors.InsufficientScope) as caught:
        verifier.verify(issuer.token(), scopes="admin")
    assert caught.value.scopes == ("read", "admin")


@pytest.mark.parametrize(
    ("alg", "digest"), [("RS256", "sha256"), ("ES384", "sha384"), ("PS512", "sha512"), ("EdDSA", "sha512")]
)
def test_the_access_token_hash_is_checked(alg, digest, issuer, settings):
    whole = hashlib.new(digest, b"access-token").digest()
    at_hash = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    verifier = TokenVerifier(**{**settings, **ID})
    claims = verifier.verify(issuer.token(alg=alg, header={"typ": "JWT"}, aud="notebooks", at_hash=at_hash))
    verify_access_token_hash("access-token", claims)
    verifier.verify_access_token_hash("access-token", claims)
    with pytest.raises(errors.WrongAccessTokenHash):
        verify_access_token_hash("another", claims)
    with pytest.raises(errors.WrongAccessTokenHash):
        verify_access_token_hash("access-token", Claims({"at_hash": 1}, {"alg": alg}))
    with pytest.raises(errors.MissingClaim):
        verify_access_token_hash("access-token", Claims({}, {"alg": alg}))
    with pytest.raises(errors.AlgorithmNotAllowed):
        verify_access_token_hash("access-token", Claims({"at_hash": at_hash}, {"alg": "none"}))


def test_the_example_of_openid_connect_core():
    # OIDC Core, appendix A.4: the ID token's header says RS256.
    claims = Claims({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}, {"alg": "RS256"})
    verify_access_token_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", claims)


def test_a_repeated_token_may_be_remembered_and_says_so(issuer, settings):
    now = [issuer.now]
    verifier = TokenVerifier(**{**settings, "cache_size": 2, "now": lambda: now[0]})
    token = issuer.token(groups=["staff"])
    first = verifier.verify(token)
    again = verifier.verify(token)
    assert (first.from_cache, again.from_cache) == (False, True)
    assert again == first

    again["groups"].append("admins")
    assert verifier.verify(token)["groups"] == ["staff"]
    with pytest.raises(errors.InsufficientScope):
        verifier.verify(token, scopes=["admin"])
    now[0] += 311
    with pytest.raises(errors.ExpiredToken):
        verifier.verify(token)


def test_only_so_many_tokens_are_remembered(issuer, settings):
    verifier = TokenVerifier(**settings, cache_size=2)
    tokens = [issuer.token(jti=str(n)) for n in range(3)]
    for token in tokens:
        verifier.verify(token)
    assert [verifier.verify(token).from_cache for token in reversed(tokens)] == [True, True, False]


def test_a_bad_token_is_not_remembered(issuer, settings):
    verifier = TokenVerifier(**settings, cache_size=2)
    token = issuer.token(key=issuer.stranger)
    for _ in range(2):
        with pytest.raises(errors.BadSignature):
            verifier.verify(token)


def test_claims_are_read_only_and_show_no_values(issuer, settings):
    claims = TokenVerifier(**settings).verify(issuer.token())
    assert "alice" not in repr(claims)
    with pytest.raises(TypeError):
        claims["sub"] = "eve"
    with pytest.raises(TypeError):
        claims.header["alg"] = "none"


def test_importing_it_loads_nothing_of_jupyter_and_no_web_framework():
    script = (
        "import sys, oidc_widget.verify; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)  # noqa: S603
    assert not {"traitlets", "ipywidgets", "anywidget", "IPython", "jupyter_server", "tornado"} & set(
        loaded.stdout.split()
    )
    assert not {"flask", "fastapi", "starlette", "httpx", "httpx2"} & set(loaded.stdout.split())
    assert "joserfc" in loaded.stdout.split()


def test_the_public_names_are_what_they_are_said_to_be():
    names = oidc_widget.verify.__all__
    assert names == sorted(names)
    assert all(hasattr(oidc_widget.verify, name) for name in names)
    assert errors.__all__ == sorted(
        name for name, value in vars(errors).items() if isinstance(value, type) and name[0] != "_"
    )
