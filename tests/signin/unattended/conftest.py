"""Sign-ins as the environment says.

`environ(**variables)`
    Sets `OIDC_WIDGET_…` of this process, and no other stays set.
`login(**options)`
    An `OIDCLogin` at the certified provider; closed after the test.
`robot`
    A client of the provider with credentials of its own: `robot(method, **metadata)` registers it.
"""

from __future__ import annotations

import os

import pytest

from oidc_widget import OIDCLogin


@pytest.fixture(autouse=True)
def environ(monkeypatch):
    for name in list(os.environ):
        if name.startswith("OIDC_WIDGET_"):
            monkeypatch.delenv(name)

    def set_all(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"OIDC_WIDGET_{name}", str(value))

    return set_all


@pytest.fixture
def login(provider):
    made = []

    def make(**options):
        made.append(OIDCLogin(provider.issuer, provider.client_id, **options))
        return made[-1]

    yield make
    for w in made:
        w.close()


@pytest.fixture
def robot(provider):
    def register(method, **metadata):
        robot = {
            "token_endpoint_auth_method": method,
            "grant_types": ["client_credentials"],
            "response_types": [],
            "redirect_uris": [],
            **metadata,
        }
        provider.configure(clients={**provider.settings()["clients"], "robot": robot})
        return "robot"

    return register
