"""Pages of the documentation, with real parts in place of the ones that they name.

`reader`
    Runs a page's blocks as a person does, with the certified provider, and an API that asks it about tokens.
"""

from __future__ import annotations

import contextlib
import sys

import flask
import pytest
from tests.docs.blocks import Reader

from oidc_widget.demo.loopback import LoopbackServer
from oidc_widget.errors import VerificationError
from oidc_widget.verify import TokenVerifier


@pytest.fixture
def api(provider):
    """Return a server that lets in whom the provider knows, and notes each token and each answer's status."""
    app = flask.Flask("api")

    def is_good(token):
        if token.count(".") == 2:  # a JWT for this API alone, about which the provider can't be asked
            with contextlib.suppress(VerificationError):
                return bool(verifier.verify(token))
        return bool(token) and provider.introspect(token)["active"]

    @app.get("/<path:_>")
    def data(_):
        token = flask.request.authorization.token if flask.request.authorization else ""
        status = 200 if is_good(token) else 401
        server.tokens.append(token)
        server.answers.append(status)
        return {}, status

    with LoopbackServer() as server:
        verifier = TokenVerifier(provider.issuer, server.url)
        server.answers, server.tokens = [], []
        server.serve(app)
        yield server


@pytest.fixture
def reader(provider, api):
    other = "https://other.example.com"
    provider.configure(
        device_authorization_response={"set": {"interval": 0.1}},
        consent="skip",
        resources={each: {"scope": "read", "audience": each} for each in (api.url, other)},
    )
    reader = Reader(
        {
            "https://idp.example.com": provider.issuer,
            "https://api.example.com": api.url,
            '["my-job"]': f'[{sys.executable!r}, "-c", ""]',
            "Client()": "Client(processes=False, dashboard_address=None)",
        }
    )
    yield reader
    reader.close()
