"""Tokens stay fresh for as long as people work, whatever their provider does."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from signing_in import expect_kernel, login_cell, open_popup, sign_in

SHORT = 6

#: Reads the token once a second while it blocks the kernel, and asks the provider about each.
LONG_JOB = """
import time, httpx
seen, inactive = set(), 0
for _ in range({seconds}):
    token = w.access_token
    answer = httpx.post("{issuer}/token/introspection", data={{"token": token}}, auth=("api", "{secret}"))
    seen.add(token)
    inactive += not answer.json()["active"]
    time.sleep(1)
print(len(seen), inactive)
"""


def refreshes(provider):
    return provider.requests("token", grant_type="refresh_token")


@pytest.mark.alone
def test_a_cell_that_blocks_always_has_an_active_token(lab, provider):
    provider.configure(access_token_ttl=SHORT)
    job = LONG_JOB.format(seconds=20, issuer=provider.issuer, secret=provider.api.client_secret)
    nb = lab.notebook([login_cell(provider), job])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    tokens, inactive = map(int, nb.run(1, timeout=90).split())
    assert inactive == 0
    assert tokens >= 20 // SHORT


@pytest.mark.timeout(300)
def test_three_tabs_and_twelve_notebooks_make_one_refresh_a_lifetime(lab, provider):
    """With rotation and reuse detection at the provider: one refresh too many would sign everybody out."""
    labs = [lab, lab.another_tab(), lab.another_tab()]
    notebooks = [tab.notebook([login_cell(provider)]) for tab in labs for _ in range(4)]
    provider.configure(access_token_ttl=SHORT)
    for index, nb in enumerate(notebooks):
        nb.run(0)
        if index == 0:
            sign_in(nb)
    for nb in notebooks:
        expect_kernel(nb, "w.status", "signed_in")
    provider.forget()
    watch = notebooks[-1]
    watch.add("import time\nstart = time.monotonic()\nwhile time.monotonic() - start < 30: time.sleep(0.1)")
    watch.run(1, timeout=90)
    seen = refreshes(provider)
    assert not [request.error for request in seen if request.error]
    # Each token is replaced at 80 % (± 2 %) of its life, and nobody asks twice.
    gaps = [later.time - earlier.time for earlier, later in pairwise(seen)]
    assert min(gaps) > 0.7 * SHORT
    assert len(seen) >= 30 // SHORT
    for nb in notebooks:
        expect_kernel(nb, "w.status", "signed_in")


def test_refresh_on_demand(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    nb.execute("before = w.access_token; w.refresh()")
    expect_kernel(nb, "w.access_token not in (None, before)", True)
    assert len(refreshes(provider)) == 1


def test_a_refresh_token_that_was_revoked_ends_in_expired(lab, provider):
    provider.configure(access_token_ttl=SHORT)
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    provider.revoke("alice", "RefreshToken", "AccessToken")
    expect(nb.region).to_contain_text("Signed out by the provider")
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(nb, "w.status, w.access_token, w.error.code", ("expired", None, "invalid_grant"))
    open_popup(nb)  # the provider still knows the person, so the window closes by itself
    expect_kernel(nb, "w.status, w.error", ("signed_in", None))


def test_a_provider_that_is_down_for_longer_than_a_token_lives(lab, provider):
    provider.configure(access_token_ttl=SHORT)
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    provider.down()
    expect(nb.region).to_contain_text("The sign-in has expired")
    expect_kernel(nb, "w.status, w.access_token", ("expired", None))
    provider.up()
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status, w.access_token is None, w.error", ("signed_in", False, None))


def test_server_errors_are_tried_again(lab, provider):
    provider.configure(access_token_ttl=SHORT)
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    provider.fault("token", "status", status=503, times=2)
    nb.execute("before = w.access_token")
    expect_kernel(nb, "w.access_token not in (None, before), w.status", (True, "signed_in"))


@pytest.mark.parametrize("expires_in", [None, 0, -5, "3600", 31_536_000, "soon"])
def test_odd_lifetimes(lab, provider, expires_in):
    patch = {"omit": ["expires_in"]} if expires_in is None else {"set": {"expires_in": expires_in}}
    provider.token_response(**patch)
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    known = expires_in in ("3600", 31_536_000)
    expect_kernel(nb, "w.status, w.expires_in is None", ("signed_in", not known))
    assert refreshes(provider) == []


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_providers_clock_that_is_off(lab, provider, minutes):
    provider.configure(clock_offset=minutes * 60, access_token_ttl=SHORT)
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status, 0 < (w.expires_in or 0) <= 6", ("signed_in", True))
    nb.execute("before = w.access_token")
    expect_kernel(nb, "w.access_token not in (None, before)", True)


def test_a_token_for_another_api_comes_from_the_same_sign_in(lab, provider):
    api, data = "https://api.example.com/", "https://data.example.com/"
    nb = lab.notebook([login_cell(provider, resource=api, extra_params={"resource": api})])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    audience = (
        "import base64, json\n"
        "def audience(token):\n"
        "    part = token.split('.')[1]\n"
        "    return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))['aud']\n"
    )
    nb.execute(audience)
    assert nb.execute("print(audience(w.access_token))") == api
    problem = nb.execute(
        "import oidc_widget.errors as errors\n"
        "try:\n"
        f"    print(audience(w.token(resource={data!r})))\n"
        "except errors.OIDCError as error:\n"
        "    print(error.code)"
    )
    # The provider grants another resource only where the sign-in asked for it.
    assert problem in (data, "scope_unavailable"), problem


def test_fewer_scopes_come_from_the_same_refresh_token(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    token = json.loads(nb.execute("import json; print(json.dumps(w.token(scopes=['openid'])))"))
    assert provider.introspect(token)["scope"] == "openid"
    assert nb.execute("print(w.token(scopes=['openid']) == " + repr(token) + ")") == "True"
