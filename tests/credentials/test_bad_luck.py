"""What SDKs do with a credential besides asking for it now and then."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import grpc
import httpx
import httpx2
import pytest
import requests
from azure.core import PipelineClient
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest
from google.auth.transport.requests import AuthorizedSession
from kubernetes.client import ApiClient, CoreV1Api

from oidc_widget.credentials import aws, google, kubernetes, obstore, tokens_of
from oidc_widget.credentials.aiohttp import bearer
from oidc_widget.credentials.azure import AsyncOIDCCredential, OIDCCredential
from oidc_widget.credentials.psycopg import connection_class, encrypted
from oidc_widget.credentials.pyiceberg import OIDCAuthManager
from oidc_widget.credentials.trino import OIDCAuthentication
from oidc_widget.errors import ConfigurationError, TokenError, VerificationError
from shown import changes_to

SCOPE = "https://api.example.com/.default"


class Api:
    """A service that verifies each token, and says what it is told to before that."""

    def __init__(self, verifier):
        self.verifier = verifier
        self.seen = []
        self.challenge = None  # once
        self.on_request = lambda: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/data"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _handler(api):  # noqa: N805  # the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                api.on_request()
                challenge, api.challenge = api.challenge, None
                try:
                    api.verifier.verify(token)
                except VerificationError:
                    challenge = challenge or 'Bearer error="invalid_token"'
                api.seen.append(token)
                self.send_response(401 if challenge else 200)
                if challenge:
                    self.send_header("WWW-Authenticate", challenge)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def api(verifier):
    api = Api(verifier)
    yield api
    api.close()


def expire(w, provider):
    """Let the token at hand end; the next ones live long."""
    assert changes_to(w, lambda: w.status == "expired")
    provider.configure(access_token_ttl=3600)


# ---- who asks --------------------------------------------------------------------------------------------


def ways(w):
    """One function for each kind of credential that returns the token that it gives out."""
    return {
        "auth": lambda: (
            requests.Request("GET", "https://x/", auth=w.auth).prepare().headers["Authorization"][7:]
        ),
        "azure": lambda: OIDCCredential(w, resource="https://api.example.com/").get_token(SCOPE).token,
        "azure, async": lambda: (
            asyncio.run(AsyncOIDCCredential(w, resource="https://api.example.com/").get_token(SCOPE)).token
        ),
        "obstore": lambda: obstore.credential_provider(w)()["token"],
        "pyiceberg": lambda: OIDCAuthManager(w).auth_header()[7:],
        "w.token_async": lambda: asyncio.run(w.token_async()),
    }


def test_fifty_threads_and_as_many_event_loops_cost_one_renewal(provider, sign_in, refreshes):
    w = sign_in(lifetime=2, auto_refresh=False)
    expire(w, provider)
    asks = [ask for ask in ways(w).values() for _ in range(10)]
    gate = threading.Barrier(len(asks))

    def ask(way):
        gate.wait(20)
        return way()

    with ThreadPoolExecutor(len(asks)) as pool:
        assert set(pool.map(ask, asks)) == {w.access_token}
    assert refreshes() == 1


def test_one_credential_serves_one_event_loop_after_the_other(provider, sign_in):
    w = sign_in(lifetime=2, auto_refresh=False)
    credential = AsyncOIDCCredential(w, resource="https://api.example.com/")
    first = asyncio.run(credential.get_token(SCOPE)).token
    expire(w, provider)
    assert asyncio.run(credential.get_token(SCOPE)).token not in {first, None}


FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked here")


def in_a_child(ask):
    """Return what a forked child gets, as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, str(ask()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


@FORKS
def test_a_forked_child_uses_the_token_that_is_there(sign_in, api):
    w = sign_in()
    assert in_a_child(lambda: requests.get(api.url, auth=w.auth, timeout=10).status_code) == "200"
    assert api.seen == [w.access_token]


@FORKS
@pytest.mark.parametrize("way", ["azure", "azure, async", "obstore", "pyiceberg", "w.token_async"])
def test_each_kind_of_credential_works_in_a_forked_child(sign_in, way):
    w = sign_in()
    ask = ways(w)[way]
    assert in_a_child(ask) == w.access_token


@pytest.mark.parametrize("way", ["auth", "azure", "azure, async", "obstore", "pyiceberg"])
def test_after_the_sign_out_a_client_in_use_is_told(sign_in, way):
    w = sign_in()
    ask = ways(w)[way]
    assert ask()
    w.sign_out()
    w._sign_in.source.sign_in = lambda: pytest.fail("a client must not start a sign-in")
    w._sign_in.source.expect = w._sign_in.source.sign_in
    with pytest.raises(TokenError, match="Nobody is signed in"):
        ask()


def test_a_sign_out_between_a_401_and_the_retry_leaves_the_401(sign_in, api):
    w = sign_in()
    api.challenge, api.on_request = "Bearer", w.sign_out
    assert requests.get(api.url, auth=w.auth, timeout=10).status_code == 401
    assert len(api.seen) == 1


# ---- an SDK that keeps the token -------------------------------------------------------------------------


def azure_client(credential, **how):
    return PipelineClient(
        "http://127.0.0.1", policies=[BearerTokenCredentialPolicy(credential, SCOPE, **how)]
    )


def by_azure(client, api):
    return client.send_request(HttpRequest("GET", api.url), enforce_https=False).status_code


def test_what_the_azure_sdk_keeps_ends_with_the_token(provider, sign_in, api):
    w = sign_in(lifetime=2, auto_refresh=False)
    client = azure_client(OIDCCredential(w, resource="https://api.example.com/"))
    assert [by_azure(client, api) for _ in range(2)] == [200, 200]
    expire(w, provider)
    assert by_azure(client, api) == 200
    assert len(set(api.seen)) == 2


def test_a_claims_challenge_brings_a_new_token(sign_in, api):
    w = sign_in()
    claims = base64.urlsafe_b64encode(json.dumps({"access_token": {"nbf": {"value": "1"}}}).encode()).decode()
    api.challenge = f'Bearer realm="", error="insufficient_claims", claims="{claims}"'
    client = azure_client(OIDCCredential(w, resource="https://api.example.com/"))
    first = w.access_token
    assert by_azure(client, api) == 200
    assert api.seen == [first, w.access_token]


def test_a_challenge_that_a_new_token_does_not_meet_says_what_to_do(sign_in):
    w = sign_in()
    credential = OIDCCredential(w, resource="https://api.example.com/")
    assert credential.get_token(SCOPE, claims="{}").token
    with pytest.raises(TokenError, match="Sign in anew"):
        credential.get_token(SCOPE, claims="{}")
    with pytest.raises(TokenError, match="Sign in anew"):
        asyncio.run(AsyncOIDCCredential(w).get_token_info("openid", options={"claims": "{}"}))


def test_what_the_azure_sdk_gets_shows_no_token_and_may_be_asked_for_again_at_once(sign_in):
    w = sign_in()
    with OIDCCredential(w, resource="https://api.example.com/") as credential:
        token, info = credential.get_token(SCOPE), credential.get_token_info(SCOPE)
    assert w.access_token not in repr((token, info, credential))
    assert token.token == info.token == w.access_token
    assert abs(info.expires_on - info.refresh_on - 3600) < 60
    assert info.token_type == "Bearer"


def test_scopes_that_were_signed_in_for_need_no_asking(sign_in, refreshes):
    w = sign_in(scopes=["openid", SCOPE])
    assert OIDCCredential(w).get_token(SCOPE).token == w.access_token
    assert refreshes() == 0


def test_a_token_that_google_auth_has_refused_is_replaced(sign_in, api):
    w = sign_in()
    session = AuthorizedSession(google.OIDCCredentials(w))
    first = w.access_token
    assert session.get(api.url).status_code == 200
    api.challenge = "Bearer"
    assert session.get(api.url).status_code == 200
    assert api.seen == [first, first, w.access_token]


def test_obstore_is_told_to_ask_again_within_minutes(sign_in):
    w = sign_in()
    given = obstore.credential_provider(w)()
    assert (
        given["expires_at"] - __import__("datetime").datetime.now(given["expires_at"].tzinfo)
    ).seconds <= 300


# ---- a 401 in the middle of a stream ---------------------------------------------------------------------


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_401_for_a_stream_is_followed_by_the_stream(sign_in, api, library):
    w = sign_in()
    api.challenge = "Bearer"
    with library.Client(auth=w.auth, trust_env=False) as client, client.stream("GET", api.url) as response:
        assert b"".join(response.iter_bytes()) == b"{}"
    assert len(set(api.seen)) == 2


def test_a_stream_of_requests_is_read_after_a_401(sign_in, api):
    w = sign_in()
    api.challenge = "Bearer"
    with requests.get(api.url, auth=w.auth, stream=True, timeout=10) as response:
        assert b"".join(response.iter_content(1)) == b"{}"
    assert len(set(api.seen)) == 2


def test_a_stream_of_aiohttp_is_read_after_a_401(sign_in, api):
    w = sign_in()
    api.challenge = "Bearer"

    async def main():
        async with (
            aiohttp.ClientSession(middlewares=[bearer(w, api.url)]) as session,
            session.get(api.url) as response,
        ):
            return b"".join([piece async for piece in response.content.iter_chunked(1)])

    assert asyncio.run(main()) == b"{}"
    assert len(set(api.seen)) == 2


# ---- where a token must not go ---------------------------------------------------------------------------


def test_aiohttp_sends_the_token_to_the_named_origins_only(sign_in, api):
    w = sign_in()

    async def main():
        async with (
            aiohttp.ClientSession(middlewares=[bearer(w, "https://other.example")]) as session,
            session.get(api.url) as response,
        ):
            return response.status

    assert asyncio.run(main()) == 401
    assert api.seen == [""]
    with pytest.raises(ConfigurationError, match="No origin"):
        bearer(w)
    with pytest.raises(ConfigurationError, match="not sent to http://"):
        bearer(w, "http://api.example.com")


def test_no_leaf_sends_a_token_over_plain_http_to_another_machine(sign_in):
    w = sign_in()
    with pytest.raises(ConfigurationError, match="not sent"):
        AuthorizedSession(google.OIDCCredentials(w)).get("http://api.example.com/")
    with pytest.raises(ConfigurationError, match="not sent"):
        CoreV1Api(ApiClient(kubernetes.configuration(w, "http://api.example.com"))).list_namespace()
    session = OIDCAuthentication(w).set_http_session(requests.Session())
    with pytest.raises(ConfigurationError, match="not sent"):
        session.get("http://api.example.com/")
    with pytest.raises(ConfigurationError, match="sslmode=prefer"):
        connection_class(w).connect("host=db.example.com sslmode=prefer")


@pytest.mark.parametrize(
    ("parameters", "added"),
    [
        ({}, {}),
        ({"host": "/run/postgresql"}, {}),
        ({"host": "localhost"}, {}),
        ({"host": "db.example.com"}, {"sslmode": "verify-full", "sslrootcert": "system"}),
        ({"host": "db.example.com", "sslrootcert": "ca.pem"}, {"sslmode": "verify-full"}),
        ({"host": "localhost,db.example.com"}, {"sslmode": "verify-full", "sslrootcert": "system"}),
        ({"host": "db.example.com", "sslmode": "require"}, {}),
    ],
)
def test_a_database_on_another_machine_is_reached_by_tls(parameters, added, monkeypatch):
    for name in ("PGHOST", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)
    assert encrypted(parameters) == added
    if added and "sslrootcert" not in parameters:
        monkeypatch.setenv("PGSSLMODE", "allow")
        with pytest.raises(ConfigurationError):
            encrypted(parameters)


def test_a_call_without_a_sign_in_fails_with_the_sentence(sign_in):
    from oidc_widget.credentials.grpc import call_credentials  # noqa: PLC0415  # it is named as the library

    w = sign_in()
    made = grpc.composite_channel_credentials(grpc.local_channel_credentials(), call_credentials(w))
    assert tokens_of(w).get()
    w.sign_out()
    w._sign_in.source.expect = lambda: pytest.fail("a client must not start a sign-in")
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_secure_port("localhost:0", grpc.local_server_credentials())
    server.start()
    with grpc.secure_channel(f"localhost:{port}", made) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/data.Service/Get")(b"", timeout=20)
    server.stop(0)
    assert "Nobody is signed in" in caught.value.details()


def test_an_id_token_is_exchanged_only_where_it_is_shared(sign_in):
    w = sign_in(share_id_token=True)
    supplier = google.workforce(w, "//iam.googleapis.com/x", id_token=True)._subject_token_supplier
    assert supplier.get_subject_token(None, None) == w.id_token
    other = sign_in()
    for make in (
        lambda: google.workforce(other, "//x", id_token=True),
        lambda: aws.session(other, "r", id_token=True),
    ):
        with pytest.raises(ConfigurationError, match="share_id_token=True"):
            make()


def test_what_is_no_sign_in_is_refused():
    with pytest.raises(ConfigurationError, match="but this is str"):
        tokens_of("a token")
