"""Whatever comes over a comm or a socket is taken for what it is, or refused; nothing else happens."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from oidc_widget import OIDCLogin
from oidc_widget.errors import DiscoveryError, SignInError
from oidc_widget.oauth import device_authorization
from oidc_widget.oauth.answer import Answer
from oidc_widget.oauth.authorization_request import AuthorizationRequest
from oidc_widget.oauth.provider import Provider, _provider
from oidc_widget.oauth.token_endpoint import _read
from oidc_widget.relay.handlers import (
    MetadataHandler,
    ProvidersHandler,
    RelayHandler,
    RevocationHandler,
    TokenHandler,
)
from oidc_widget.relay.providers import parse_provider
from oidc_widget.relay.relay import Relay
from oidc_widget.signin.control_channel import deliver
from oidc_widget.signin.messages import Malformed, Message, read_message
from oidc_widget.signin.pasted_redirect import PastedRedirect

ISSUER = "https://idp.example.com"
PROVIDER = Provider(
    ISSUER,
    {
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": "http://127.0.0.1:9/token",  # nothing listens there
        "authorization_response_iss_parameter_supported": True,
    },
)
FORM = "application/x-www-form-urlencoded"
REQUEST = {"client_id": "notebooks", "scopes": ["openid"]}

bounded = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        ["", "Bearer", "https://idp.example.com", "now", "token", "signed_in", 1e300, -1, 10**400]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def objects(*names):
    """Objects with some of these members, each of any kind."""
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=6), values, max_size=len(names))


EVENTS = ["token", "status", "answer", "page", "facts", "explain", "command"]
MEMBERS = [
    *("seq", "vault", "access_token", "expires_in", "lifetime", "claims", "account", "id_token", "session"),
    *(
        "status",
        "error",
        "ended",
        "popup",
        "redirect_uri",
        "id",
        "request",
        "label",
        "attempt",
        "name",
        "address",
    ),
]
payloads = objects(*MEMBERS)
events = st.sampled_from(EVENTS) | values


@bounded
@given(events, payloads | values)
@example("token", {"access_token": "a", "expires_in": float("nan")})
@example("token", {"access_token": "a\r\nX-Injected: 1"})
@example("command", {"name": {}, "address": "x"})
def test_a_message_is_one_of_ours_or_malformed(event, payload):
    try:
        message = read_message(event, payload)
    except Malformed:
        return
    assert isinstance(message, Message)
    assert message.seq >= 0


@pytest.fixture(scope="module")
def w():
    login = OIDCLogin(ISSUER, "notebooks", flow="popup")
    yield login
    login.close()


@bounded
@given(objects("link_id", "event", "payload") | values | st.tuples(events, payloads))
def test_every_delivery_is_answered(w, caplog, content):
    payload = {}
    if isinstance(content, tuple):
        event, payload = content
        content = {"link_id": w._link_id, "event": event, "payload": payload}
    with caplog.at_level(logging.ERROR):
        reply = deliver(content, by_control=True)
    assert reply["status"] in {"ok", "error"}
    assert caplog.records == [], "what was foreseen is no error of ours"
    token = w.access_token
    assert token is None or (isinstance(token, str) and token == payload.get("access_token", token))


@bounded
@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["content-type", "date", "retry-after"]), st.text(max_size=30)),
    st.binary(),
)
def test_an_answer_is_read_whatever_came(status, headers, body):
    answer = Answer.read(status, headers, body)
    assert isinstance(answer.document, dict)
    assert answer.error is None or isinstance(answer.error, str)
    assert answer.retry_after is None or answer.retry_after >= 0
    assert isinstance(answer.passing, bool)
    assert answer.date is None or isinstance(answer.date, float)


@bounded
@given(
    objects("issuer", "token_endpoint", "jwks_uri", "grant_types_supported", "device_authorization_endpoint")
)
@example({"issuer": ISSUER, "token_endpoint": "https://idp.example.com\\@evil.example/"})
@example({"issuer": ISSUER, "token_endpoint": "https://[::1"})
def test_metadata_is_a_providers_or_refused(document):
    try:
        provider = _provider(ISSUER, {"issuer": ISSUER, **document}, exact=False)
        address = provider.endpoint("token_endpoint")
    except DiscoveryError:
        return
    assert address.startswith("https://")


@bounded
@given(objects("access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope"))
def test_a_token_response_is_one_or_none(document):
    read = _read(Answer(200, {"access_token": "a", "token_type": "Bearer", **document}))
    if read is not None:
        assert read.access_token.reveal().isascii()
        assert read.expires_in is None or 0 < read.expires_in < float("inf")


@bounded
@given(
    objects(
        "device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in", "interval"
    )
)
def test_what_is_shown_of_a_device_authorization_can_be_shown(document):
    given_ = {"device_code": "d", "user_code": "ABCD", "verification_uri": f"{ISSUER}/device", **document}
    shown = device_authorization._shown(Answer(200, given_))
    if shown is not None:
        assert shown["user_code"].isprintable()
        assert all(uri is None or uri.startswith(("https://", "http://")) for uri in list(shown.values())[1:])


@bounded
@given(st.text(), st.text(max_size=20), st.sampled_from(["state", "code", "iss", "error", "response"]))
def test_an_address_is_this_sign_ins_or_refused(text, value, name):
    sent = AuthorizationRequest.make(PROVIDER, REQUEST, "http://localhost/back")
    ours = f"state={sent.state}&iss={ISSUER}&"
    for answer in (text, f"state={sent.state}&{text}", ours + text, ours + urlencode({name: value})):
        try:
            parameters = sent.parameters_of(answer)
            code = sent.code_from(parameters)
        except SignInError:
            continue
        assert (parameters["state"], parameters["iss"], parameters["code"]) == (sent.state, ISSUER, code)
        assert "code=" in answer


@bounded
@given(st.text() | st.builds("http://localhost/oidc-widget/callback{}".format, st.text()))
def test_whatever_is_pasted_is_refused_in_words(address):
    with pytest.raises(SignInError):
        PastedRedirect(PROVIDER, {**REQUEST, "redirect_uri": None}).accept(address)


class _Somebody:
    """Somebody else each time, whom no rate limit holds up."""

    count = itertools.count()

    async def user(self):
        return f"user-{next(self.count)}"


def _as_somebody(handler):
    return type(handler.__name__, (_Somebody, handler), {})


@pytest.fixture(scope="module")
def relay():
    """The relay over HTTP, on a loop of its own; its provider can't be reached."""
    entry = {"authority": "http://127.0.0.1:9", "client_id": "notebooks", "relay": True}
    sockets, ready, loop = bind_sockets(0, "127.0.0.1"), threading.Event(), asyncio.new_event_loop()

    async def serve():
        how = {"relay": Relay({"corp": parse_provider("corp", entry)}, logging.getLogger("test"))}
        routes = [
            (r"/api/providers", _as_somebody(ProvidersHandler), how),
            (r"/api/providers/([^/]+)/token", _as_somebody(TokenHandler), how),
            (r"/api/providers/([^/]+)/revoke", _as_somebody(RevocationHandler), how),
            (r"/api/providers/([^/]+)/metadata", _as_somebody(MetadataHandler), how),
        ]
        application = Application(
            routes, default_handler_class=_as_somebody(RelayHandler), default_handler_args=how
        )
        HTTPServer(application).add_sockets(sockets)
        ready.set()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    with httpx.Client(base_url=f"http://127.0.0.1:{sockets[0].getsockname()[1]}", trust_env=False) as client:
        yield client
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


forms = st.dictionaries(
    st.sampled_from(
        ["grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "client_id", "token"]
    )
    | st.text(max_size=5),
    st.sampled_from(["authorization_code", "refresh_token", "notebooks"]) | st.text(max_size=60),
)


@bounded
@given(
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]),
            "url": st.builds(
                "/api/providers/{}/{}".format,
                st.sampled_from(["corp", "nobody", "%00", "..", "corp%2f..", "%ff", "a" * 3000]),
                st.sampled_from(["token", "revoke", "metadata", "elsewhere"]),
            ),
            "headers": st.sampled_from([FORM, "application/json", "multipart/form-data; boundary=x", ""]).map(
                lambda kind: {"Content-Type": kind}
            ),
            "content": st.binary(max_size=200)
            | forms.map(lambda form: str(httpx.QueryParams(form)).encode()),
        }
    )
)
def test_the_relay_answers_each_request_and_never_fails(relay, how):
    answer = relay.request(**how)
    assert answer.status_code in {400, 404, 405, 413, 415, 502}, answer.text
    if how["method"] != "HEAD":
        told = json.loads(answer.text)
        assert isinstance(told["error"], str)
        assert len(told["error_description"]) < 1000
