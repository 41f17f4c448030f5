"""A real Jupyter server with the extension, and the certified provider, for the tests here."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx
import pytest

from jupyter_process import JupyterServer
from providers.oidc_provider import ALICE, OidcProvider

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Under whatever name a browser sees the server: its own callback page.
REDIRECT_URI = "http://localhost/some/base/oidc-widget/callback"


@dataclass(frozen=True)
class Server:
    """A Jupyter server under test, and a way to ask it."""

    jupyter: JupyterServer

    @property
    def log(self) -> str:
        return self.jupyter.logged()

    def address(self, path: str) -> str:
        return f"{self.jupyter.url}oidc-widget/{path}"

    def client(self, *, signed_in: bool = True) -> httpx.Client:
        headers = {"Authorization": f"token {self.jupyter.token}"} if signed_in else {}
        return httpx.Client(base_url=self.address(""), headers=headers, trust_env=False, timeout=30)


def _start(folder: Path, *, config: Mapping[str, Mapping[str, Any]] | None = None, **options: Any) -> Server:
    """Start a server, as strict about sign-in as it can be and with nothing kept out of its log."""
    strict = {
        "allow_unauthenticated_access": False,
        "log_level": "DEBUG",
        "jpserver_extensions": {"oidc_widget": True},
    }
    given = config or {}
    sections = {**given, "ServerApp": {**strict, **given.get("ServerApp", {})}}
    return Server(JupyterServer(folder, app="server", base_url="/some/base/", config=sections, **options))


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory):
    """Start a server with this `config` and `env`; it is ended after the module."""
    with contextlib.ExitStack() as started:

        def start(**options: Any) -> Server:
            server = _start(tmp_path_factory.mktemp("jupyter"), **options)
            started.enter_context(contextlib.closing(server.jupyter))
            return server

        yield start


@pytest.fixture(scope="module")
def server(start_server):
    """A server without any configuration of ours, under a base_url."""
    return start_server()


@pytest.fixture(scope="session")
def _provider(tmp_path_factory: pytest.TempPathFactory):
    log_file = tmp_path_factory.mktemp("provider") / "provider.log"
    with (
        log_file.open("w") as log,
        OidcProvider(log, redirect_uris=[REDIRECT_URI], consent="skip") as provider,
    ):
        yield provider


@pytest.fixture
def provider(_provider):
    """The certified provider, which grants without asking."""
    _provider.reset()
    return _provider


@pytest.fixture
def grant(provider):
    """Sign Alice in at the provider, and return the form that asks for her tokens."""
    return functools.partial(_grant, provider)


def _grant(provider: OidcProvider, client_id: str, **extra: str) -> dict[str, str]:
    """Sign Alice in, without a browser, and return the form that asks for her tokens."""
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    with httpx.Client(trust_env=False) as browser:
        answer = browser.get(
            f"{provider.issuer}/auth",
            params={
                "client_id": client_id,
                "redirect_uri": REDIRECT_URI,
                "response_type": "code",
                "scope": "openid profile email",
                "code_challenge": challenge.decode(),
                "code_challenge_method": "S256",
                **extra,
            },
        )
        while not (location := answer.headers.get("Location", "")).startswith(REDIRECT_URI):
            if location:
                answer = browser.get(urljoin(str(answer.url), location))
            else:
                action = re.findall(r'action="([^"]+/login)"', answer.text)[0]
                form = {"login": ALICE.login, "password": ALICE.password}
                answer = browser.post(urljoin(str(answer.url), action), data=form)
    return {
        "grant_type": "authorization_code",
        "code": httpx.URL(location).params["code"],
        "redirect_uri": REDIRECT_URI,
        "code_verifier": verifier,
    }
