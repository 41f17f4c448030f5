"""Providers that are slow, and OAuth 2 providers without OpenID Connect, which have their own ways."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from oidc_widget.oauth.answer import Answer
from oidc_widget.oauth.provider import Provider
from oidc_widget.relay import Refusal
from oidc_widget.relay.providers import parse_provider
from oidc_widget.relay.token_response import account, token_response
from oidc_widget.relay.upstream import Upstream
from providers.oauth2_only import OAuth2Only

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Dripping(BaseHTTPRequestHandler):
    """Sends a byte now and then, so that no single read ever takes long."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            while not self.server.ending.wait(0.05):
                self.wfile.write(b" ")

    def log_message(self, *_args):
        pass


@pytest.fixture
def dripping():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    server.daemon_threads = True
    server.ending = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.ending.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def git():
    with OAuth2Only() as provider:
        yield provider


@pytest.fixture(scope="module")
def relaying(start_server, git):
    providers = {
        "git": {**git.entry, "client_secret_env": "GIT_SECRET"},
        "wrong": {**git.entry, "client_secret_env": "WRONG_SECRET"},
        "nameless": {
            **git.entry,
            "client_secret_env": "GIT_SECRET",
            "userinfo_endpoint": "http://127.0.0.1:9/user",
        },
    }
    return start_server(
        config={"OIDCWidget": {"providers": providers}},
        env={"GIT_SECRET": git.client_secret, "WRONG_SECRET": "wrong"},
    )


@pytest.fixture(params=[False, True], ids=["json", "form"])
def ask(request, git, relaying):
    """Ask the relay for tokens; the code "good" is one that the provider gave out."""
    git.always_form = request.param
    git.codes["good"] = CHALLENGE

    def ask(name, code):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "http://localhost/some/base/oidc-widget/callback",
            "code_verifier": VERIFIER,
        }
        with relaying.client() as client:
            return client.post(f"api/providers/{name}/token", data=form)

    return ask


def test_a_provider_without_openid_connect_gives_a_token_and_a_name(ask, git):
    answer = ask("git", "good")
    assert answer.status_code == 200
    document = answer.json()
    assert document.pop("access_token") in git.tokens
    assert document == {
        "scope": "read:user gist",
        "token_type": "bearer",
        "userinfo": {"sub": "583231", "name": "Octo Cat", "preferred_username": "octo"},
    }


def test_an_error_with_status_200_is_an_error_all_the_same(ask):
    answer = ask("git", "bad")
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant"}


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
    await Upstream(configured).provider()  # that it answers at all may take longer on a busy machine
    provider.fault("token", "hang")
    with pytest.raises(Refusal) as caught:
        await Upstream(configured, timeout=0.3).post(
            f"{provider.issuer}/token", {"grant_type": "refresh_token"}
        )
    assert (caught.value.status, caught.value.code) == (504, "token_endpoint_unreachable")


async def test_a_provider_that_drips_is_given_up_on(dripping):
    configured = parse_provider("corp", {"authority": dripping, "client_id": "x", "relay": True})
    start = time.monotonic()
    with pytest.raises(Refusal) as caught:
        await Upstream(configured, timeout=0.3).provider()
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
    answer = Answer.read(200, {"content-type": "application/json"}, content)
    assert answer.document == {}
    with pytest.raises(Refusal):
        token_response(answer, name="corp", oidc=True)
    assert account(answer) is None


def test_an_account_has_a_stable_name():
    assert account(Answer.read(200, {}, b'{"sub": "a", "name": "A"}')) == {"sub": "a", "name": "A"}
    assert account(Answer.read(200, {}, b'{"id": true}')) is None
    assert account(Answer.read(401, {}, b'{"sub": "a"}')) is None


@pytest.mark.parametrize(
    ("authority", "refused"), [("https://idp.example.com", True), ("http://127.0.0.1:9000", False)]
)
async def test_a_provider_elsewhere_can_not_send_the_server_to_its_own_ports(authority, refused):
    upstream = Upstream(parse_provider("corp", {"authority": authority, "client_id": "c"}))
    upstream._provider = Provider(authority, {"token_endpoint": "http://127.0.0.1:8888/api/kernels"})
    upstream._provider_until = float("inf")
    if refused:
        with pytest.raises(Refusal, match="not https"):
            await upstream.endpoint("token_endpoint")
    else:
        assert await upstream.endpoint("token_endpoint") == "http://127.0.0.1:8888/api/kernels"
