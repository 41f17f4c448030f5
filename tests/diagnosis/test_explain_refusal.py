"""Find out why a provider shows its own error page: asked of two real, independent providers."""

from __future__ import annotations

import http.server
import json
import threading
from urllib.parse import urlencode

import pytest

from oidc_widget.demo.loopback import LoopbackServer
from oidc_widget.demo.provider import create_provider
from oidc_widget.diagnosis.refusal_page import explain_refusal
from providers.django_provider import DjangoProvider
from providers.oidc_provider import OidcProvider

REGISTERED = "http://localhost:8888/oidc-widget/callback"
OTHER = "http://127.0.0.1:8888/oidc-widget/callback"


@pytest.fixture(scope="module")
def certified():
    with OidcProvider(redirect_uris=[REGISTERED]) as provider:
        yield provider


@pytest.fixture(scope="module")
def django(tmp_path_factory):
    with DjangoProvider(
        tmp_path_factory.mktemp("django"), redirect_uris=[REGISTERED], origins=[]
    ) as provider:
        yield provider


@pytest.fixture(params=["certified", "django"])
def provider(request):
    return request.getfixturevalue(request.param)


def asked(provider, **changes):
    return {
        "authority": provider.issuer,
        "client_id": provider.client_id,
        "redirect_uri": REGISTERED,
        "scopes": ["openid"],
        **changes,
    }


def test_a_registered_address_is_no_problem(provider):
    assert explain_refusal(asked(provider)) is None


def test_an_unregistered_address_is_named_with_what_to_register(provider):
    problem = explain_refusal(asked(provider, redirect_uri=OTHER), label="Corp")
    assert problem["code"] == "redirect_uri_mismatch"
    assert problem["message"] == f"Corp doesn't know this redirect address: {OTHER}"
    assert problem["copy"] == OTHER


def test_without_a_label_the_provider_goes_by_its_host(provider):
    problem = explain_refusal(asked(provider, redirect_uri=OTHER))
    assert problem["message"].startswith(f"{provider.issuer.split('/')[2]} doesn't know")


def test_an_unknown_client_is_named(provider):
    problem = explain_refusal(asked(provider, client_id="nobody"), label="Corp")
    assert problem["code"] == "unknown_client"
    assert problem["message"] == "Corp doesn't know the client “nobody”."


def test_the_demo_provider_is_understood_too():
    with LoopbackServer() as server:
        server.serve(create_provider(server.url, resources=["http://127.0.0.1:9"], token_lifetime=300))
        given = {
            "authority": server.url,
            "client_id": "demo",
            "redirect_uri": REGISTERED,
            "scopes": ["openid"],
        }
        assert explain_refusal(given) is None
        assert explain_refusal({**given, "client_id": "nobody"})["code"] == "unknown_client"
        elsewhere = {**given, "redirect_uri": "https://elsewhere.example/callback"}
        assert explain_refusal(elsewhere)["code"] == "redirect_uri_mismatch"


def test_a_persons_own_parameters_go_along_but_replace_nothing(provider):
    extra = {"prompt": "login", "redirect_uri": REGISTERED, "login_hint": "alice"}
    problem = explain_refusal(asked(provider, redirect_uri=OTHER, extra_params=extra))
    assert problem["code"] == "redirect_uri_mismatch"


def test_a_provider_that_can_not_be_asked_explains_nothing(certified):
    assert explain_refusal(asked(certified, authority="http://127.0.0.1:9")) is None
    assert explain_refusal(asked(certified, authority="http://elsewhere.example")) is None
    assert explain_refusal(asked(certified, redirect_uri=None)) is None


class Authorization(http.server.BaseHTTPRequestHandler):
    """A provider whose authorization endpoint says what the test wants."""

    def do_GET(self):
        if "openid-configuration" in self.path:
            issuer = f"http://127.0.0.1:{self.server.server_port}"
            document = {"issuer": issuer, "authorization_endpoint": f"{issuer}/auth"}
            return self.answer(200, json.dumps(document))
        self.server.asked.append(self.path)
        if callable(self.server.page):
            return self.answer(*self.server.page(self.path))
        return self.answer(*self.server.page)

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Authorization) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (400, "<p>Invalid parameter: redirect_uri</p>", "redirect_uri_mismatch"),
        (403, "Callback URL mismatch.", "redirect_uri_mismatch"),
        (400, "Error 400: redirect_uri_mismatch", "redirect_uri_mismatch"),
        (400, "Client not found.", "unknown_client"),
        (400, '{"error":"invalid_request","error_description":"unknown client_id"}', "unknown_client"),
        (400, '<p>Bad request</p><a href="/back?redirect_uri=x">back</a>', None),
        (400, '<p>Bad request</p><input name="redirect_uri" value="x">', None),
        (400, "<p>Bad request: /auth?client_id=a&amp;redirect_uri=b</p>", None),
        (500, "redirect_uri", None),
        (200, "Sign in. redirect_uri", None),
        (302, "redirect_uri", None),
    ],
)
def test_error_pages_are_read_for_their_words(server, status, text, code):
    server.page = (status, text)
    request = {
        "authority": f"http://127.0.0.1:{server.server_port}",
        "client_id": "notebooks",
        "redirect_uri": REGISTERED,
        "scopes": ["openid"],
    }
    problem = explain_refusal(request)
    assert (problem and problem["code"]) == code
    assert all("code_challenge_method=S256" in path for path in server.asked)


def test_a_redirect_back_to_the_client_ends_the_asking(certified):
    before = len(certified.requests("authorization"))
    assert explain_refusal(asked(certified)) is None
    assert len(certified.requests("authorization")) == before + 1


@pytest.fixture
def request_to(server):
    return {
        "authority": f"http://127.0.0.1:{server.server_port}",
        "client_id": "notebooks",
        "redirect_uri": REGISTERED,
        "scopes": ["openid"],
    }


def sent_to(location):
    return 302, "", {"Location": location}


def test_what_a_provider_notices_one_page_later_is_named(server, request_to):
    def page(path):
        return sent_to("/login?step=2") if path.startswith("/auth") else (400, "Unregistered redirect_uri")

    server.page = page
    assert explain_refusal(request_to)["code"] == "redirect_uri_mismatch"


def test_a_connector_that_is_none_is_named(server, request_to):
    server.page = (400, "<h1>Bad Request</h1>Connector ID does not match a valid Connector")
    problem = explain_refusal({**request_to, "extra_params": {"connector_id": "ldpa"}}, label="Corp")
    assert problem["message"] == "Corp doesn't know the connector “ldpa”."
    assert explain_refusal(request_to) is None


@pytest.mark.parametrize(
    ("error", "description", "code"),
    [
        ("login_required", None, None),
        ("interaction_required", None, None),
        ("unauthorized_client", "Standard flow is disabled for the client.", "unknown_client"),
        ("invalid_scope", "Invalid scopes: openid nonsense", "scope_unavailable"),
        ("invalid_request", "Pushed Authorization Request is only allowed.", "authorization_failed"),
    ],
)
def test_an_error_that_comes_back_is_named_unless_it_only_asks_for_the_person(
    server, request_to, error, description, code
):
    def page(path):
        said = urlencode({"error": error, "error_description": description or "", "state": "x"})
        return sent_to(f"{REGISTERED}?{said}") if "prompt=none" in path else (200, "Sign in")

    server.page = page
    problem = explain_refusal(request_to, label="Corp")
    assert (problem and problem["code"]) == code
    if error == "unauthorized_client":
        assert "Standard flow" in problem["message"]
    if error == "invalid_request":
        assert "pushed authorization requests" in problem["message"]


def test_nobody_is_followed_to_another_house(server, request_to):
    server.page = sent_to("http://127.0.0.1:9/login")
    assert explain_refusal(request_to) is None
    assert len(server.asked) == 2


def test_a_chain_of_redirects_has_an_end(server, request_to):
    server.page = sent_to("/again")
    assert explain_refusal(request_to) is None
    assert len(server.asked) <= 10


def test_a_client_of_the_certified_provider_that_may_not_sign_in_so_is_named(start_provider):
    clients = {
        "pushing": {
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
            "require_pushed_authorization_requests": True,
        },
        "device": {
            "token_endpoint_auth_method": "none",
            "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
            "response_types": [],
        },
    }
    provider = start_provider(redirect_uris=[REGISTERED], clients=clients)
    assert "pushed" in explain_refusal(asked(provider, client_id="pushing"))["message"]
    assert explain_refusal(asked(provider, client_id="device"))["code"] == "unknown_client"


@pytest.mark.parametrize("value", [5, [], {"a": 1}, ""])
@pytest.mark.parametrize("name", ["authority", "client_id", "redirect_uri"])
def test_a_page_that_sends_nonsense_is_explained_nothing(certified, name, value):
    assert explain_refusal(asked(certified, **{name: value})) is None
