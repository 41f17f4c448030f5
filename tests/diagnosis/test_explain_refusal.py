"""Find out why a provider shows its own error page: asked of two real, independent providers."""

from __future__ import annotations

import http.server
import json
import threading

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
        return self.answer(*self.server.page)

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
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
