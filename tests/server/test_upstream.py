"""Providers that are slow, and OAuth 2 providers without OpenID Connect, which have their own ways."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from oidc_widget.relay import Refusal
from oidc_widget.relay.providers import parse_provider
from oidc_widget.relay.token_response import account, token_response
from oidc_widget.relay.upstream import Answer, Upstream

SECRET = "obvious-test-secret"
VERIFIER = "v" * 43


class Git(BaseHTTPRequestHandler):
    """Answers as GitHub's documentation says that it does."""

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.forms.append(form)
        if form["client_secret"] != [SECRET]:
            body = {"error": "incorrect_client_credentials", "error_description": "The secret is wrong."}
        elif form["code"] != ["good"]:
            body = {"error": "bad_verification_code", "error_description": "The code is incorrect."}
        else:
            body = {"access_token": "gho_obvious", "scope": "repo,gist", "token_type": "bearer"}
        if "json" in self.headers["Accept"] and not self.server.always_form:
            self._answer("application/json; charset=utf-8", json.dumps(body))
        else:
            text = "&".join(f"{key}={value.replace(' ', '+')}" for key, value in body.items())
            self._answer("application/x-www-form-urlencoded; charset=utf-8", text)

    def do_GET(self):
        if self.path == "/slow":
            self._drip()
        elif self.headers["Authorization"] != "Bearer gho_obvious" or not self.headers["User-Agent"]:
            self.send_error(403)
        else:
            user = {"login": "octo", "id": 583231, "name": None, "email": None}
            self._answer("application/json", json.dumps(user))

    def _drip(self):
        """Send a byte now and then, so that no single read ever takes long."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while not self.server.ending.wait(0.05):
            self.wfile.write(b" ")

    def _answer(self, content_type, text):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_args):
        pass


@pytest.fixture(scope="module")
def git():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Git)
    server.daemon_threads = True
    server.forms, server.always_form, server.ending = [], False, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.ending.set()
    server.shutdown()
    server.server_close()


def entry(git, **more):
    base = f"http://127.0.0.1:{git.server_address[1]}"
    return {
        "oidc": False,
        "client_id": "hub",
        "authorization_endpoint": f"{base}/login/oauth/authorize",
        "token_endpoint": f"{base}/login/oauth/access_token",
        "userinfo_endpoint": f"{base}/user",
        "token_endpoint_auth_method": "client_secret_post",
        **more,
    }


@pytest.fixture(scope="module")
def relaying(start_server, git):
    providers = {
        "git": entry(git, client_secret_env="GIT_SECRET"),
        "wrong": entry(git, client_secret_env="WRONG_SECRET"),
        "nameless": entry(git, client_secret_env="GIT_SECRET", userinfo_endpoint="http://127.0.0.1:9/user"),
    }
    return start_server(
        config={"OIDCWidget": {"providers": providers}},
        env={"GIT_SECRET": SECRET, "WRONG_SECRET": "wrong"},
    )


@pytest.fixture(params=[False, True], ids=["json", "form"])
def ask(request, git, relaying):
    git.always_form = request.param

    def ask(name, code):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "http://localhost/oidc-widget/callback",
            "code_verifier": VERIFIER,
        }
        with relaying.client() as client:
            return client.post(f"api/providers/{name}/token", data=form)

    return ask


def test_a_provider_without_openid_connect_gives_a_token_and_a_name(ask, git):
    answer = ask("git", "good")
    assert answer.status_code == 200
    assert answer.json() == {
        "access_token": "gho_obvious",
        "scope": "repo gist",
        "token_type": "bearer",
        "userinfo": {"sub": "583231", "name": "octo", "preferred_username": "octo"},
    }
    assert git.forms[-1]["code_verifier"] == [VERIFIER]


def test_an_error_with_status_200_is_an_error_all_the_same(ask):
    answer = ask("git", "bad")
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "The code is incorrect."}


def test_a_wrong_secret_has_the_standard_s_name(ask):
    answer = ask("wrong", "good")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_the_token_is_good_without_the_name(ask, relaying):
    answer = ask("nameless", "good")
    assert answer.status_code == 200
    assert "userinfo" not in answer.json()
    assert "userinfo of 'nameless'" in relaying.log


def test_there_is_no_metadata_to_be_had(relaying):
    with relaying.client() as client:
        answer = client.get("api/providers/git/metadata")
    assert (answer.status_code, answer.json()["error"]) == (404, "invalid_request")


def test_no_revocation_without_an_endpoint(relaying):
    with relaying.client() as client:
        answer = client.post("api/providers/git/revoke", data={"refresh_token": "gho_obvious"})
    assert (answer.status_code, answer.json()["error"]) == (404, "invalid_request")


async def test_a_provider_that_hangs_is_given_up_on(provider):
    configured = parse_provider("corp", {"authority": provider.issuer, "client_id": "x", "relay": True})
    upstream = Upstream(configured, timeout=0.3)
    await upstream.metadata()
    provider.fault("token", "hang")
    with pytest.raises(Refusal) as caught:
        await upstream.post(f"{provider.issuer}/token", {"grant_type": "refresh_token"})
    assert (caught.value.status, caught.value.code) == (504, "token_endpoint_unreachable")


async def test_a_provider_that_drips_is_given_up_on(git):
    configured = parse_provider("git", entry(git, token_endpoint_auth_method="none"))
    start = time.monotonic()
    with pytest.raises(Refusal) as caught:
        await Upstream(configured, timeout=0.3).request(
            "GET", f"http://127.0.0.1:{git.server_address[1]}/slow"
        )
    assert caught.value.status == 504
    assert time.monotonic() - start < 5


async def test_metadata_is_asked_for_once_an_hour_and_keys_twice_a_minute(provider):
    clock = [1000.0]
    configured = parse_provider("corp", {"authority": provider.issuer, "client_id": "x", "relay": True})
    upstream = Upstream(configured, now=lambda: clock[0])
    for _ in range(3):
        await upstream.keys()
    clock[0] += 31
    await upstream.keys()
    assert len(provider.requests("discovery")) == 1
    assert len(provider.requests("jwks")) == 2
    clock[0] += 3600
    await upstream.keys()
    assert len(provider.requests("discovery")) == 2


async def test_an_endpoint_on_plain_http_elsewhere_is_not_used(provider):
    provider.discovery_response(set={"token_endpoint": "http://idp.example.com/token"})
    configured = parse_provider("corp", {"authority": provider.issuer, "client_id": "x", "relay": True})
    with pytest.raises(Refusal) as caught:
        await Upstream(configured).endpoint("token_endpoint")
    assert caught.value.code == "discovery_failed"


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"3", b'"x"', b"\xff", b"{", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_none(content):
    answer = Answer(200, "application/json", content)
    assert answer.document is None
    with pytest.raises(Refusal):
        token_response(answer, name="corp", oidc=True)
    assert account(answer) is None


def test_an_account_has_a_stable_name():
    assert account(Answer(200, "", b'{"sub": "a", "name": "A"}')) == {"sub": "a", "name": "A"}
    assert account(Answer(200, "", b'{"id": true}')) is None
    assert account(Answer(401, "", b'{"sub": "a"}')) is None
