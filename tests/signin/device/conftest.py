"""Sign-ins without a browser of one's own, at the certified provider.

`login(**options)`
    An `OIDCLogin` in this process, where no kernel runs; forgotten after the test.
`approve(w, login)`
    The person opens the link that is shown, and allows it.
"""

from __future__ import annotations

import pytest

from oidc_widget import OIDCLogin
from providers.http_person import HttpPerson
from shown import shown


@pytest.fixture
def provider(provider):
    # The provider names no interval, and five seconds between two questions are long in a test.
    provider.configure(device_authorization_response={"set": {"interval": 0.1}}, consent="skip")
    return provider


@pytest.fixture
def login(provider):
    made = []

    def make(**options):
        made.append(OIDCLogin(provider.issuer, provider.client_id, **options))
        return made[-1]

    yield make
    for w in made:
        w._sign_in.source.cancel()
        w.sign_out()


@pytest.fixture
def approve():
    def visit(w, login="alice"):
        with HttpPerson(login) as person:
            person.visit(shown(w)["device"]["verification_uri_complete"])

    return visit


@pytest.fixture
def signed_in(login, approve):
    """Return a widget with a session."""

    def make(**options):
        w = login(**options)
        w.sign_in()
        approve(w)
        w.wait(20)
        return w

    return make
