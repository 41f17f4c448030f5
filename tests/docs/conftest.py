"""Pages of the documentation, with real parts in place of the ones that they name.

`reader`
    Runs a page's blocks as a person does, with the certified provider, and an API that asks it about tokens.
"""

from __future__ import annotations

import sys

import flask
import pytest
from tests.docs.blocks import Reader

from oidc_widget.demo.loopback import LoopbackServer


@pytest.fixture
def api(provider):
    """Return a server that lets in whom the provider knows, and notes the status of each answer."""
    app = flask.Flask("api")

    @app.get("/<path:_>")
    def data(_):
        token = flask.request.authorization.token if flask.request.authorization else ""
        status = 200 if token and provider.introspect(token)["active"] else 401
        server.answers.append(status)
        return {}, status

    with LoopbackServer() as server:
        server.answers = []
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
