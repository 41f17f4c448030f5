"""Tokens that the environment gives, or tells how to get."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from oidc_widget import OIDCLogin
from oidc_widget.errors import ConfigurationError, OIDCError, SignInError, TokenError
from oidc_widget.signin.unattended import from_environment
from shown import changes_to

API = "https://api.example.com/"
SECRET = "a secret of robots: 20 % more"


def a_jwt(lives=3600, **claims):
    key = OctKey.import_key("k" * 32)
    return jwt.encode({"alg": "HS256"}, {"exp": int(time.time()) + lives, **claims}, key)


def replace(file, text):
    """Write it as those who renew tokens do."""
    new = file.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(file)


# ---- a token -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", ["auto", "device", "popup"])
def test_a_token_of_the_environment_is_there_at_once(environ, login, flow):
    environ(TOKEN="the-token\n")
    w = login(flow=flow)
    assert w.access_token == w.wait(1) == w.token() == "the-token"
    assert (w.status, w.claims, w.expires_in) == ("signed_in", None, None)

    async def await_it():
        return await w, await w.token_async()

    assert asyncio.run(await_it()) == ("the-token", "the-token")
    request = next(w.auth.sync_auth_flow(httpx.Request("GET", API)))
    assert request.headers["Authorization"] == "Bearer the-token"


def test_after_a_sign_out_there_is_none_until_somebody_asks(environ, login):
    environ(TOKEN="the-token")
    w = login()
    w.sign_out()
    assert (w.access_token, w.status) == (None, "signed_out")
    assert w.wait(5) == "the-token"


def test_a_token_that_tells_its_end_is_believed(environ, login):
    environ(TOKEN=a_jwt(lives=600))
    assert 590 < login().expires_in <= 600


def test_a_token_that_has_expired_is_not_used_and_the_reason_told(environ, login):
    environ(TOKEN=a_jwt(lives=-60))
    w = login()
    assert w.access_token is None
    with pytest.raises(TokenError, match="OIDC_WIDGET_TOKEN has expired"):
        w.wait(5)


def test_one_token_is_for_one_api(environ, login):
    environ(TOKEN="the-token")
    with pytest.raises(TokenError, match="OIDC_WIDGET_TOKEN holds the token for one API"):
        login().token(resource="https://other.example/")


def test_another_providers_token_is_not_taken(environ, login, provider):
    environ(TOKEN="the-token", AUTHORITY="https://idp.example.com")
    assert login().access_token is None
    environ(AUTHORITY=f"{provider.issuer}/.well-known/openid-configuration")
    assert login().access_token == "the-token"


def test_a_provider_of_the_servers_configuration_is_served_too(environ):
    environ(TOKEN="the-token")
    assert OIDCLogin(provider="corp").access_token == "the-token"


@pytest.mark.parametrize("token", ["two words", "tökn", "a\x00b"], ids=repr)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(ConfigurationError, match="holds no access token") as caught:
        from_environment({}, {"OIDC_WIDGET_TOKEN": token})
    assert token not in str(caught.value)


# ---- a file ------------------------------------------------------------------------------------------


def test_a_file_is_read_again_when_it_changes(environ, login, tmp_path, monkeypatch):
    monkeypatch.setattr("oidc_widget.signin.unattended._LOOK", 0.05)
    file = tmp_path / "token"
    file.write_text("the-first\n", "utf-8")
    environ(TOKEN_FILE=file)
    w = login()
    assert w.access_token == "the-first"
    replace(file, "the-second\n")
    assert changes_to(w, lambda: w.access_token == "the-second")


def test_a_token_that_was_refused_is_read_anew(environ, login, tmp_path):
    file = tmp_path / "token"
    file.write_text("the-first", "utf-8")
    environ(TOKEN_FILE=file)
    w = login()
    replace(file, "the-second")
    flow = w.auth.sync_auth_flow(httpx.Request("GET", API))
    request = next(flow)
    assert request.headers["Authorization"] == "Bearer the-first"
    refused = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    again = flow.send(httpx.Response(401, headers=refused, request=request))
    assert again.headers["Authorization"] == "Bearer the-second"


@pytest.mark.parametrize(
    "torn",
    ["", a_jwt()[:20], a_jwt().rpartition(".")[0] + ".", "{", "a b"],
    ids=["nothing", "a piece", "no signature", "a brace", "two words"],  # the same in each process
)
def test_a_file_that_is_half_written_takes_no_token_away(environ, login, tmp_path, monkeypatch, torn):
    monkeypatch.setattr("oidc_widget.signin.unattended._LOOK", 0.05)
    file, whole = tmp_path / "token", a_jwt()
    file.write_text("the-first", "utf-8")
    environ(TOKEN_FILE=file)
    w = login()
    file.write_text(torn, "utf-8")
    assert changes_to(w, lambda: w.error is not None)
    assert "no whole token" in w.error.message
    assert w.access_token == "the-first"
    assert w.status == "signed_in"
    file.write_text(whole, "utf-8")
    assert changes_to(w, lambda: w.access_token == whole)
    assert w.error is None


def test_a_file_that_is_not_there_yet_is_waited_for(environ, login, tmp_path, monkeypatch):
    monkeypatch.setattr("oidc_widget.signin.unattended._LOOK", 0.05)
    file = tmp_path / "token"
    environ(TOKEN_FILE=file)
    w = login()
    with pytest.raises(TokenError, match=r"can't be read \(No such file"):
        w.wait(5)
    replace(file, "the-token")
    assert changes_to(w, lambda: w.access_token == "the-token")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="nothing takes root's rights away")
def test_a_file_that_others_may_read_only_is_named(tmp_path):
    file = tmp_path / "token"
    file.write_text("the-token", "utf-8")
    file.chmod(0)
    script = (
        "from oidc_widget import OIDCLogin\n"
        "w = OIDCLogin('https://idp.example', 'notebooks')\n"
        "print(w.access_token, w.error)"
    )
    as_nobody_special = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    run = subprocess.run(  # noqa: S603  # ours
        [*as_nobody_special, sys.executable, "-c", script],
        env={**os.environ, "OIDC_WIDGET_TOKEN_FILE": str(file)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith(f"None The file {file} can't be read (Permission denied). Check OIDC_WIDGET")


def test_after_close_nothing_is_read(environ, login, tmp_path, monkeypatch):
    monkeypatch.setattr("oidc_widget.signin.unattended._LOOK", 0.01)
    file = tmp_path / "token"
    file.write_text("the-first", "utf-8")
    environ(TOKEN_FILE=file)
    w = login()
    w.close()
    other = login()
    replace(file, "the-second")
    assert changes_to(other, lambda: other.access_token == "the-second")
    assert w.access_token is None


# ---- client credentials --------------------------------------------------------------------------------


def granted(provider):
    return provider.requests("token", grant_type="client_credentials")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_of_a_file_brings_tokens(  # noqa: PLR0913, PLR0917  # fixtures
    environ, login, provider, robot, tmp_path, method
):
    (tmp_path / "secret").write_text(f"{SECRET}\n", "utf-8")
    provider.discovery_response(set={"token_endpoint_auth_methods_supported": [method]})
    environ(CLIENT_ID=robot(method, client_secret=SECRET), CLIENT_SECRET_FILE=tmp_path / "secret")
    w = login(scopes=["openid", "email", "read"], resource=API)
    token = w.wait(20)
    (asked,) = granted(provider)
    assert (asked.params["scope"], asked.params["resource"]) == ("read", API)
    assert token == w.access_token
    assert w.claims is None
    assert w.status == "signed_in"


def test_another_api_is_another_question(environ, login, provider, robot, tmp_path):
    (tmp_path / "secret").write_text(SECRET, "utf-8")
    environ(
        CLIENT_ID=robot("client_secret_basic", client_secret=SECRET), CLIENT_SECRET_FILE=tmp_path / "secret"
    )
    w = login(scopes=["read"], resource=API, audience="the-audience")
    own = w.wait(20)
    other = w.token(resource="https://data.example.com/", scopes=["read"])
    assert own != other
    assert [request.params["resource"] for request in granted(provider)] == [API, "https://data.example.com/"]
    assert {request.params["audience"] for request in granted(provider)} == {"the-audience"}


def test_tokens_are_renewed_before_they_end(environ, login, provider, robot, tmp_path):
    (tmp_path / "secret").write_text(SECRET, "utf-8")
    provider.token_response(set={"expires_in": 1})
    environ(
        CLIENT_ID=robot("client_secret_basic", client_secret=SECRET), CLIENT_SECRET_FILE=tmp_path / "secret"
    )
    w = login()
    first = w.wait(20)
    assert changes_to(w, lambda: w.access_token not in {None, first})


@pytest.mark.parametrize("kind", ["rsa-pem", "ec-jwk"])
def test_a_private_key_of_a_file_brings_tokens(  # noqa: PLR0913, PLR0917  # fixtures
    environ, login, provider, robot, tmp_path, kind
):
    key = RSAKey.generate_key(2048) if kind == "rsa-pem" else ECKey.generate_key("P-256")
    file = tmp_path / "key"
    file.write_text(
        key.as_pem(private=True).decode() if kind == "rsa-pem" else json.dumps(key.as_dict(private=True)),
        "utf-8",
    )
    public = {**key.as_dict(private=False), "kid": "k1"}
    client_id = robot(
        "private_key_jwt",
        jwks={"keys": [public]},
        token_endpoint_auth_signing_alg="RS256" if kind == "rsa-pem" else "ES256",
    )
    environ(CLIENT_ID=client_id, CLIENT_KEY_FILE=file, CLIENT_KEY_ID="k1")
    assert login().wait(20)
    (asked,) = granted(provider)
    assert asked.params["client_assertion_type"].endswith("jwt-bearer")


@pytest.fixture
def federated(environ, provider, robot, tmp_path):
    """Return what writes a federated token to the file that the environment names."""
    key = RSAKey.generate_key(2048)
    public = {**key.as_dict(private=False), "kid": "cluster"}
    robot("private_key_jwt", jwks={"keys": [public]}, token_endpoint_auth_signing_alg="RS256")
    file = tmp_path / "federated"
    environ(CLIENT_ID="robot", FEDERATED_TOKEN_FILE=file)

    def write(lives=600):
        now = int(time.time())
        claims = {"iss": "robot", "sub": "robot", "aud": provider.issuer, "iat": now, "exp": now + lives}
        header = {"alg": "RS256", "kid": "cluster"}
        replace(file, jwt.encode(header, {**claims, "jti": os.urandom(8).hex()}, key))

    return write


def test_a_federated_token_is_read_anew_for_each_request(login, provider, federated):
    federated()
    w = login()
    first = w.wait(20)
    federated()
    w.refresh()
    assert changes_to(w, lambda: w.access_token != first)
    assert {request.status for request in granted(provider)} == {200}
    assert len({request.params["client_assertion"] for request in granted(provider)}) == 2


def test_an_expired_federated_token_is_not_sent(login, provider, federated):
    federated(lives=-10)
    with pytest.raises(TokenError, match=r"federated token in the file .* has expired"):
        login().wait(20)
    assert granted(provider) == []


@pytest.mark.parametrize(
    "variables",
    [{}, {"CLIENT_SECRET_FILE": "/a", "CLIENT_KEY_FILE": "/b"}],
    ids=["no proof", "two proofs"],
)
def test_a_client_needs_one_proof(environ, login, variables):
    environ(CLIENT_ID="robot", **variables)
    with pytest.raises(ConfigurationError, match="OIDC_WIDGET_CLIENT_ID is set, but"):
        login()


def test_a_secret_that_can_not_be_read_is_named(environ, login, tmp_path):
    environ(CLIENT_ID="robot", CLIENT_SECRET_FILE=tmp_path / "secret")
    with pytest.raises(
        OIDCError, match=r"OIDC_WIDGET_CLIENT_SECRET_FILE is of no use: the file .* can't be read"
    ):
        login().wait(20)


def test_a_wrong_secret_ends_the_wait_with_the_reason_and_no_secret(environ, login, robot, tmp_path):
    (tmp_path / "secret").write_text("wrong-secret", "utf-8")
    environ(
        CLIENT_ID=robot("client_secret_basic", client_secret=SECRET), CLIENT_SECRET_FILE=tmp_path / "secret"
    )
    with pytest.raises(SignInError, match="does not accept the client 'robot'") as caught:
        login().wait(20)
    frame, seen = caught.value.__traceback__, ""
    while frame is not None:
        seen += repr(frame.tb_frame.f_locals)
        frame = frame.tb_next
    assert "wrong-secret" not in seen


def test_where_a_server_knows_the_provider_the_environment_says_where_it_is(
    environ, provider, robot, tmp_path
):
    (tmp_path / "secret").write_text(SECRET, "utf-8")
    environ(
        CLIENT_ID=robot("client_secret_basic", client_secret=SECRET), CLIENT_SECRET_FILE=tmp_path / "secret"
    )
    with pytest.raises(ConfigurationError, match="Only the Jupyter server knows"):
        OIDCLogin(provider="corp").wait(20)
    environ(AUTHORITY=provider.issuer)
    assert OIDCLogin(provider="corp").wait(20)
