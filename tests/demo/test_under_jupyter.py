"""What the provider does below a path of a server behind a proxy, without the server."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from oidc_widget.demo.client import is_registered_redirect_uri
from oidc_widget.demo.provider import create_provider

ISSUER = "https://hub.example.com/user/alice/oidc-widget-demo"
CALLBACK = "https://hub.example.com/user/alice/oidc-widget/callback"


@pytest.fixture(scope="module")
def client():
    provider = create_provider(ISSUER, resources=["http://127.0.0.1:9"], callback=CALLBACK)
    return Client(DispatcherMiddleware(NotFound(), {urlsplit(ISSUER).path: provider}))


def test_the_one_callback_that_it_was_told_of_is_registered_too():
    assert is_registered_redirect_uri(CALLBACK, CALLBACK)
    assert is_registered_redirect_uri(f"{CALLBACK}/idp.example.com.6e2977ae82314db3", CALLBACK)
    for address in (
        f"{CALLBACK}/more",
        f"{CALLBACK}.evil.example",
        f"{CALLBACK}?x",
        CALLBACK.replace("alice", "bob"),
        CALLBACK.replace("hub.", "x.hub."),
    ):
        assert not is_registered_redirect_uri(address, CALLBACK)
    assert not is_registered_redirect_uri(CALLBACK)


def test_its_pages_and_cookies_stay_below_its_own_path(client):
    answer = client.get(
        f"{ISSUER}/authorize",
        query_string={
            "client_id": "demo",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": 43 * "a",
            "code_challenge_method": "S256",
            "nonce": "n",
        },
    )
    assert answer.status_code == 200
    assert 'action="/user/alice/oidc-widget-demo/authorize?' in answer.text
    assert 'href="/user/alice/oidc-widget-demo/static/pages.css"' in answer.text
    [cookie] = answer.headers.get_all("Set-Cookie")
    assert {"Path=/user/alice/oidc-widget-demo", "Secure", "HttpOnly"} <= set(cookie.split("; "))
