"""A demo provider on a loopback port, a person's browser without JavaScript, and a client.

Nothing here comes from the library that the provider is built on: requests are plain HTTP, tokens are read
with joserfc alone.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from oidc_widget.demo.loopback import LoopbackServer
from oidc_widget.demo.provider import create_provider

API = "http://127.0.0.1:9"
OTHER_API = "http://127.0.0.1:9/other"
REDIRECT_URI = "http://localhost:8888/user/alice/oidc-widget/callback"


@pytest.fixture(scope="session")
def _provider():
    with LoopbackServer() as server:
        app = create_provider(server.url, resources=[API, OTHER_API], token_lifetime=300)
        server.serve(app)
        yield server.url, app.extensions["oidc_demo"].store


@pytest.fixture(scope="session")
def issuer(_provider):
    return _provider[0]


@pytest.fixture
def store(_provider):
    return _provider[1]


@pytest.fixture(scope="session")
def _user_agent(issuer):
    with UserAgent(issuer) as user_agent:
        yield user_agent


@pytest.fixture
def user_agent(_user_agent):
    """Somebody who was never here before. (One object for all: making one takes longer than a test.)"""
    _user_agent.cookies.clear()
    return _user_agent


@pytest.fixture(scope="session")
def client(issuer):
    with Client(issuer) as client:
        yield client


class UserAgent(httpx.Client):
    """Follows no redirect by itself and runs no script; presses the buttons that are there."""

    def __init__(self, issuer):
        super().__init__(base_url=issuer, follow_redirects=False)

    def press(self, page, text):
        """Press the button with this text on a page that was just loaded."""
        forms = _Forms(page.text)
        [(form, name, value)] = [entry for *entry, label in forms.buttons if text in label]
        fields = {**form["fields"], **({name: value} if name else {})}
        target = urljoin(str(page.url), form["action"])
        if form["method"] == "post":
            return self.post(target, data=fields)
        return self.get(target, params=fields)

    def sign_in(self, url, person="Alice Adams", *, allow=True):
        """Go all the way from the authorization request to the redirect; returns its parameters."""
        page = self.get(url)
        if "<h1>Sign in</h1>" in page.text:
            page = self.press(page, person)
        if page.status_code == 200:
            page = self.press(page, "Allow" if allow else "Deny")
        return redirected(page)


def redirected(response):
    """The parameters that a redirect to the client carries."""
    assert response.status_code == 303, response.text
    location = response.headers["location"]
    assert location.startswith(REDIRECT_URI + "?")
    return {name: value for name, [value] in parse_qs(urlsplit(location).query, strict_parsing=True).items()}


class _Forms(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.buttons = []
        self._form = None
        self._in_button = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self._form = {"action": attributes["action"], "method": attributes["method"], "fields": {}}
        elif tag == "input":
            self._form["fields"][attributes["name"]] = attributes.get("value", "")
        elif tag == "button":
            self._in_button = True
            self.buttons.append([self._form, attributes.get("name"), attributes.get("value"), ""])

    def handle_data(self, data):
        if self._in_button:
            self.buttons[-1][3] += data

    def handle_endtag(self, tag):
        self._in_button = self._in_button and tag != "button"


@dataclass
class AuthorizationRequest:
    url: str
    verifier: str
    state: str
    nonce: str


@dataclass
class Client:
    issuer: str
    http: httpx.Client = field(default_factory=httpx.Client)

    def __enter__(self):
        self.metadata = self.http.get(f"{self.issuer}/.well-known/openid-configuration").json()
        return self

    def __exit__(self, *_):
        self.http.close()

    def request(self, **parameters):
        """An authorization request; a parameter that is None is left out."""
        verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        digest = hashlib.sha256(verifier.encode()).digest()
        everything = {
            "response_type": "code",
            "client_id": "demo",
            "redirect_uri": REDIRECT_URI,
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **parameters,
        }
        sent = {name: value for name, value in everything.items() if value is not None}
        url = httpx.URL(self.metadata["authorization_endpoint"], params=sent)
        return AuthorizationRequest(str(url), verifier, state, nonce)

    def token(self, **form):
        return self.http.post(self.metadata["token_endpoint"], data={"client_id": "demo", **form})

    def exchange(self, code, verifier, **form):
        return self.token(
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            **{"redirect_uri": REDIRECT_URI, **form},
        )

    def refresh(self, refresh_token, **form):
        return self.token(grant_type="refresh_token", refresh_token=refresh_token, **form)

    def revoke(self, token, **form):
        return self.http.post(
            self.metadata["revocation_endpoint"], data={"client_id": "demo", "token": token, **form}
        )

    def userinfo(self, access_token):
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.http.get(self.metadata["userinfo_endpoint"], headers=headers)

    def sign_in(self, user_agent, person="Alice Adams", **parameters):
        """All of it; returns the token response."""
        request = self.request(**parameters)
        answer = user_agent.sign_in(request.url, person)
        return self.exchange(answer["code"], request.verifier).raise_for_status().json()

    def read(self, token):
        """A token with its signature checked against the published keys."""
        keys = KeySet.import_key_set(self.http.get(self.metadata["jwks_uri"]).json())
        return jwt.decode(token, keys, algorithms=["RS256"])
