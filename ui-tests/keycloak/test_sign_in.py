"""From the click to the token, and the token kept fresh, with Keycloak."""

from __future__ import annotations

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from login_form import KeycloakForm
from oidc_widget.oauth.callback_address import own_address
from signing_in import expect_kernel, login_cell, sign_in

BLOCKING = """
import time
print("blocking")
while w.access_token is None:
    time.sleep(0.02)
print(w.status, w.claims["name"])
"""

SHORT = 10

#: Counts the tokens that it sees while it blocks the kernel.
LONG_JOB = """
import time
seen, start = set(), time.monotonic()
while time.monotonic() - start < {seconds}:
    seen.add(w.access_token)
    time.sleep(0.1)
print(len(seen), None in seen)
"""


@pytest.mark.smoke
def test_the_token_is_there_in_the_next_cell(lab, keycloak):
    nb = lab.notebook([login_cell(keycloak), "w.access_token is not None, w.status, w.claims['name']"])
    nb.run(0)
    sign_in(nb, form=KeycloakForm)
    expect(nb.region.get_by_role("status")).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status", "signed_in")  # the page knows it first
    assert nb.run(1) == "(True, 'signed_in', 'Alice Adams')"
    assert nb.execute("w.redirect_uri") == repr(own_address(lab.server.redirect_uri, keycloak.issuer))
    assert keycloak.sessions("alice") == [{"notebooks"}]


@pytest.mark.smoke
def test_the_token_arrives_while_a_cell_blocks(lab, keycloak):
    nb = lab.notebook([login_cell(keycloak), BLOCKING])
    nb.run(0)
    nb.start(1)
    expect(nb.cell(1)).to_contain_text("blocking")
    sign_in(nb, form=KeycloakForm)
    assert nb.finish(1) == "blocking\nsigned_in Alice Adams"


@pytest.mark.timeout(300)
def test_two_tabs_live_on_one_chain_of_rotating_refresh_tokens(lab, keycloak):
    """One use of an old refresh token, and Keycloak ends the whole session."""
    keycloak.configure(accessTokenLifespan=SHORT)
    job = LONG_JOB.format(seconds=60)
    notebooks = [tab.notebook([login_cell(keycloak), job]) for tab in (lab, lab.another_tab())]
    for nb in notebooks:
        nb.run(0)
    sign_in(notebooks[0], form=KeycloakForm)
    for nb in notebooks:
        expect_kernel(nb, "w.status", "signed_in")
        nb.start(1)
    for nb in notebooks:
        tokens, gap = nb.finish(1, timeout=120).split()
        assert int(tokens) >= 5
        assert gap == "False"
    assert keycloak.events("REFRESH_TOKEN_ERROR") == []
    times = [event["time"] / 1000 for event in keycloak.events("REFRESH_TOKEN")]
    assert len(times) >= 5
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.7 * SHORT
    for nb in notebooks:
        expect_kernel(nb, "w.status", "signed_in")
