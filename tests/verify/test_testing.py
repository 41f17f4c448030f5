"""Tokens for the tests of people's APIs, without a provider: what one may ask for, and that nothing stays."""

import subprocess
import sys
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from flask import Flask
from starlette.testclient import TestClient

from oidc_widget import errors
from oidc_widget.verify import Introspection, TokenVerifier, fastapi, flask
from oidc_widget.verify.testing import Issuer, oidc_issuer  # noqa: F401  (a fixture)

API = "https://api.example.com"


def create_app(config):
    """An application as people write them."""
    app = Flask(__name__)
    app.config.update(config)
    flask.OIDCProtect(app)
    app.get("/me")(flask.token_required(lambda: {"you": str(flask.current_identity)}))
    return app


def test_an_application_made_for_a_test_trusts_the_issuer(oidc_issuer):  # noqa: F811
    client = create_app(oidc_issuer.config).test_client()
    assert client.get("/me", headers=oidc_issuer.headers(sub="bob")).json == {"you": "bob"}
    assert client.get("/me").status_code == 401
    assert client.get("/me", headers=oidc_issuer.headers(exp=1)).json["code"] == "token_expired"
    assert client.get("/me", headers=Issuer().headers()).json["code"] == "bad_signature"


def test_a_module_s_protection_trusts_it_for_a_while_and_keeps_its_policy():
    app = Flask(__name__)
    protect = flask.OIDCProtect(app, issuer="https://idp.example.com", audience=API, scopes=["read"])
    app.get("/")(protect.token_required(lambda: str(flask.current_identity)))
    issuer = Issuer(audience=API)
    get = app.test_client().get
    with issuer.trusted_by(protect):
        assert get("/", headers=issuer.headers(scope="read")).text == "alice"
        assert get("/", headers=issuer.headers()).status_code == 403
        assert get("/", headers=issuer.headers(aud="x", scope="read")).json["code"] == "wrong_audience"
        with pytest.raises(errors.ConfigurationError, match="already"), Issuer().trusted_by(protect):
            pass
        assert get("/", headers=issuer.headers(scope="read")).status_code == 200
    assert get("/", headers=issuer.headers(scope="read")).json["code"] == "wrong_issuer"


def test_the_same_in_fastapi_and_with_a_verifier_that_would_ask():
    app = FastAPI()
    introspection = Introspection(
        endpoint="https://idp.example.com/i", client_id="a", client_secret="b", jwts=True
    )
    verifier = TokenVerifier("https://idp.example.com", API, introspection=introspection)
    protect = fastapi.OIDCProtect(app, verifier=verifier)

    @app.get("/")
    async def me(claims: Annotated[dict, Depends(protect)]):
        return claims["sub"]

    issuer = Issuer(audience=API)
    client = TestClient(app)
    with issuer.trusted_by(protect):
        assert client.get("/", headers=issuer.headers()).json() == "alice"
    assert client.get("/", headers=issuer.headers()).json()["code"] == "wrong_issuer"


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "RS256", "PS384", "Ed25519", "EdDSA"])
def test_it_signs_with_any_algorithm(alg):
    issuer = Issuer()
    token = issuer.token(alg=alg)
    assert TokenVerifier(**issuer.settings).verify(token).header["alg"] == alg


def test_it_issues_id_tokens():
    issuer = Issuer()
    verifier = TokenVerifier(**{**issuer.settings, "audience": "notebooks"}, token_type="id")
    assert verifier.verify(issuer.id_token("notebooks", nonce="n"), nonce="n")["sub"] == "alice"
    with pytest.raises(errors.WrongTokenType):
        verifier.verify(issuer.token(aud="notebooks"))


def test_its_access_tokens_are_such_by_rfc_9068():
    issuer = Issuer()
    assert TokenVerifier(**issuer.settings, rfc9068=True).verify(issuer.token())
    with pytest.raises(errors.MissingClaim):
        TokenVerifier(**issuer.settings, rfc9068=True).verify(issuer.token(jti=...))


def test_no_private_key_leaves_it():
    issuer = Issuer()
    issuer.key("RS256")
    assert len(issuer.jwks["keys"]) == 2
    assert not any({"d", "p", "q"} & key.keys() for key in issuer.jwks["keys"])


def test_its_clock_may_be_set():
    issuer = Issuer(now=lambda: 1_000_000_000)
    assert TokenVerifier(**issuer.settings).verify(issuer.token())["iat"] == 1_000_000_000


def test_it_needs_no_pytest():
    script = """
import sys
sys.modules["pytest"] = None
from oidc_widget.verify.testing import Issuer
Issuer().token()
"""
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603


def test_the_plugin_gives_the_fixture(tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["oidc_widget.verify.testing"]\n')
    (tmp_path / "test_it.py").write_text("def test_it(oidc_issuer):\n    assert oidc_issuer.token()\n")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "1 passed" in done.stdout
