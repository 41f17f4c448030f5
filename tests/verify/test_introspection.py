"""Opaque tokens: asked about once, remembered for a short while, and judged by the same rules."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest

from oidc_widget import errors
from oidc_widget.verify import Introspection, TokenVerifier

OPAQUE = "2YotnFZFEjr1zCsicMWpAA"


@pytest.fixture
def answer(key_server, issuer):
    """Let the server say this about every token; returns the requests it got."""
    questions = []

    def say(content=None, /, status=200, **claims):
        told = (
            content
            if content is not None
            else {**issuer.claims(iss=key_server.issuer), "active": True, **claims}
        )

        def respond(handler, body):
            questions.append((handler.headers["Authorization"], parse_qs(body.decode())))
            return status, {}, told

        key_server.responses["/introspect"] = respond
        return questions

    return say


@pytest.fixture
def make(key_server, issuer, clock, http_client):
    def make(*, audience=issuer.audience, scopes=(), **differing):
        options = {"client_id": "api", "client_secret": "s:e c", "clock": clock, "http_client": http_client}
        return TokenVerifier(
            key_server.issuer,
            audience,
            scopes=scopes,
            introspection=Introspection(key_server.issuer, **{**options, **differing}),
            now=lambda: issuer.now,
        )

    return make


async def test_an_active_token_is_accepted(make, answer, key_server):
    questions = answer()
    verifier = make()
    claims = verifier.verify(OPAQUE)
    assert (claims["sub"], claims.scopes, claims.from_cache) == ("alice", {"read", "write"}, False)
    assert (await verifier.verify_async(OPAQUE)).from_cache is True
    [(authorization, form)] = questions
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"api:s%3Ae%20c"
    assert form == {"token": [OPAQUE], "token_type_hint": ["access_token"]}
    assert "/jwks" not in key_server.counts


CASES = {
    "inactive": ({"active": False}, "inactive_token"),
    "active a string": ({"active": "true"}, "inactive_token"),
    "active a number": ({"active": 1}, "inactive_token"),
    "active missing": ({"sub": "alice"}, "inactive_token"),
    "expired": ({"active": True, "exp": 1}, "token_expired"),
    "not yet valid": ({"active": True, "nbf": 10**10}, "token_not_yet_valid"),
    "exp a string": ({"active": True, "exp": "never"}, "invalid_claim"),
    "of another issuer": ({"active": True, "iss": "https://evil.example"}, "wrong_issuer"),
    "without audience": ({"active": True}, "missing_claim"),
    "for another service": ({"active": True, "aud": "other"}, "wrong_audience"),
    "without the scope": ({"active": True, "aud": "https://api.example.com"}, "insufficient_scope"),
}


@pytest.mark.parametrize("name", CASES)
async def test_the_answer_is_judged(name, make, answer):
    content, code = CASES[name]
    answer(content)
    verifier = make(scopes=["read"])
    for _ in range(2):
        with pytest.raises(errors.VerificationError) as caught:
            verifier.verify(OPAQUE)
        assert caught.value.code == code
        assert OPAQUE not in str(caught.value)
        with pytest.raises(errors.VerificationError) as caught:
            await verifier.verify_async(OPAQUE)
        assert caught.value.code == code


def test_a_provider_that_names_no_audience_may_be_trusted_all_the_same(make, answer):
    answer({"active": True, "sub": "alice"})
    verifier = make(require_audience=False)
    assert verifier.verify(OPAQUE)["sub"] == "alice"
    answer(aud="other")
    with pytest.raises(errors.WrongAudience):
        verifier.verify("another-token")


def test_an_answer_is_used_for_a_while_and_not_longer(make, answer, clock):
    questions = answer()
    verifier = make(max_age=60)
    verifier.verify(OPAQUE)["aud"]
    clock.time += 59
    assert verifier.verify(OPAQUE).from_cache
    answer({"active": False})  # revoked
    clock.time += 1
    with pytest.raises(errors.InactiveToken):
        verifier.verify(OPAQUE)
    assert len(questions) == 2


def test_nothing_is_remembered_where_that_is_asked_for(make, answer):
    questions = answer()
    verifier = make(max_age=0)
    assert [verifier.verify(OPAQUE).from_cache for _ in range(2)] == [False, False]
    assert len(questions) == 2


def test_only_so_many_answers_are_kept(make, answer):
    answer()
    verifier = make(cache_size=2)
    for token in "abc":
        verifier.verify(token)
    assert [verifier.verify(token).from_cache for token in "cba"] == [True, True, False]


def test_what_is_done_to_claims_is_not_remembered(make, answer):
    answer(groups=["staff"])
    verifier = make()
    verifier.verify(OPAQUE)["groups"].append("admins")
    assert verifier.verify(OPAQUE)["groups"] == ["staff"]


def test_concurrent_requests_with_one_token_cause_one_question(make, answer):
    questions = answer()
    verifier = make()
    together = threading.Barrier(100)

    def verify(_):
        together.wait()
        return verifier.verify(OPAQUE)

    with ThreadPoolExecutor(100) as pool:
        assert {claims["sub"] for claims in pool.map(verify, range(100))} == {"alice"}
    assert len(questions) == 1


async def test_concurrent_requests_with_one_token_cause_one_question_in_an_event_loop(make, answer):
    questions = answer()
    verifier = make()
    results = await asyncio.gather(*(verifier.verify_async(OPAQUE) for _ in range(100)))
    assert {claims["sub"] for claims in results} == {"alice"}
    assert len(questions) == 1


@pytest.mark.parametrize("status", [302, 400, 401, 403, 500])
def test_a_provider_that_refuses_is_no_fault_of_the_token(status, make, answer):
    answer({"error": "x"}, status=status)
    verifier = make()
    with pytest.raises(errors.IntrospectionUnavailable, match=str(status)) as caught:
        verifier.verify(OPAQUE)
    assert "s:e" not in str(caught.value)
    answer()
    assert verifier.verify(OPAQUE)


async def test_a_provider_that_does_not_answer_costs_the_time_out(make, key_server):
    key_server.open.clear()
    verifier = make(timeout=0.2)
    with pytest.raises(errors.IntrospectionUnavailable, match=r"within 0\.2 s"):
        verifier.verify(OPAQUE)
    with pytest.raises(errors.IntrospectionUnavailable, match=r"within 0\.2 s"):
        await verifier.verify_async(OPAQUE)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "malformed_token"),
        (None, "malformed_token"),
        ("two words", "malformed_token"),
        ("line\nbreak", "malformed_token"),
        ("é", "malformed_token"),
        (b"\xff", "malformed_token"),
        ("x" * 70_000, "token_too_large"),
    ],
)
def test_what_can_not_be_a_token_is_not_asked_about(token, code, make, answer):
    questions = answer()
    with pytest.raises(errors.VerificationError) as caught:
        make().verify(token)
    assert caught.value.code == code
    assert not questions


def test_a_jwt_is_verified_here_and_not_asked_about(make, answer, issuer, key_server):
    questions = answer()
    assert make().verify(issuer.token(iss=key_server.issuer))["sub"] == "alice"
    with pytest.raises(errors.BadSignature):
        make().verify(issuer.token(iss=key_server.issuer, key=issuer.stranger))
    assert not questions


def test_the_endpoint_may_be_given(answer, key_server, issuer):
    answer({"active": True, "aud": "api"})
    introspection = Introspection(
        endpoint=f"{key_server.issuer}/introspect", client_id="api", client_secret="secret"
    )
    assert TokenVerifier(issuer.url, "api", introspection=introspection).verify(OPAQUE)["aud"] == "api"
    assert set(key_server.counts) == {"/introspect"}


def test_where_to_ask_must_be_known_and_safe():
    for where in (
        {},
        {"issuer": "http://idp.example.com"},
        {"endpoint": "http://idp.example.com/introspect"},
    ):
        with pytest.raises(errors.ConfigurationError):
            Introspection(**where, client_id="api", client_secret="secret")


def test_no_token_is_kept_in_memory(make, answer):
    answer()
    verifier = make()
    verifier.verify(OPAQUE)
    assert OPAQUE not in json.dumps(repr(vars(verifier._introspection)))


# --- how the service proves who it is (RFC 6749 §2.3.1) ---


@pytest.mark.parametrize(
    ("advertised", "given", "posted"),
    [
        (None, None, False),
        (["client_secret_basic", "client_secret_post"], None, False),
        (["client_secret_post"], None, True),
        (["private_key_jwt"], None, False),
        ("client_secret_post", None, False),  # no list
        (["client_secret_basic"], "client_secret_post", True),
        (["client_secret_post"], "client_secret_basic", False),
    ],
)
def test_the_secret_goes_as_the_provider_wants_it(  # noqa: PLR0913, PLR0917  (what is tried, and fixtures)
    advertised, given, posted, make, answer, key_server
):
    key_server.metadata = {"introspection_endpoint_auth_methods_supported": advertised}
    questions = answer()
    assert make(auth_method=given).verify(OPAQUE)
    [(authorization, form)] = questions
    assert (authorization is None) is posted
    assert form.get("client_secret") == (["s:e c"] if posted else None)
    assert form.get("client_id") == (["api"] if posted else None)


def test_another_method_is_an_error_at_once():
    with pytest.raises(errors.ConfigurationError, match="client_secret_post"):
        Introspection("https://idp.example.com", client_id="a", client_secret="b", auth_method="post")


# --- JWTs too ---


async def test_a_revoked_jwt_is_refused_where_that_is_asked_for(make, answer, issuer, key_server):
    questions = answer()
    token = issuer.token(iss=key_server.issuer)
    verifier = make(jwts=True, max_age=0)
    assert verifier.verify(token)["sub"] == "alice"
    assert (await verifier.verify_async(token))["sub"] == "alice"
    assert [form["token"] for _, form in questions] == [[token], [token]]
    answer({"active": False})
    with pytest.raises(errors.InactiveToken):
        verifier.verify(token)
    with pytest.raises(errors.InactiveToken):
        await verifier.verify_async(token)
    assert make().verify(token)  # nobody asked


def test_a_jwt_that_is_bad_anyway_is_not_asked_about(make, answer, issuer, key_server):
    questions = answer()
    verifier = make(jwts=True)
    for bad in (
        issuer.token(iss=key_server.issuer, key=issuer.stranger),
        issuer.token(iss=key_server.issuer, exp=1),
        issuer.token(iss=key_server.issuer, aud="x"),
    ):
        with pytest.raises(errors.VerificationError):
            verifier.verify(bad)
    assert not questions


def test_an_answer_about_a_jwt_grants_no_more_than_the_jwt(make, answer, issuer, key_server):
    answer(scope="admin", aud="x")
    claims = make(jwts=True).verify(issuer.token(iss=key_server.issuer))
    assert claims.scopes == {"read", "write"}
    with pytest.raises(errors.InsufficientScope):
        make(jwts=True, scopes=["admin"]).verify(issuer.token(iss=key_server.issuer))


def test_a_jwt_is_not_accepted_while_nobody_can_be_asked(make, answer, issuer, key_server):
    answer({"error": "x"}, status=503)
    with pytest.raises(errors.IntrospectionUnavailable):
        make(jwts=True).verify(issuer.token(iss=key_server.issuer))


FORKED = """
import json, os, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from oidc_widget.verify import Introspection

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # which keeps connections

    def setup(self):
        super().setup()
        connections.append(self.client_address)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"active": True}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

connections = []
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
here = f"http://127.0.0.1:{server.server_port}/introspect"
introspection = Introspection("https://idp.example.com", client_id="a", client_secret="b", endpoint=here)
introspection.ask("one")
introspection.ask("two")
before = len(connections)
child = os.fork()
introspection.ask("three" if child else "four")
if not child:
    os._exit(0)
_, status = os.waitpid(child, 0)
print(status, before, len(connections))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_process_that_was_forked_has_connections_of_its_own():
    program = [sys.executable, "-c", FORKED]
    done = subprocess.run(  # noqa: S603  # this very file's program
        program, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["0", "1", "2"]
