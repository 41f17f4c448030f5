"""Sign in from a cell, and have the token in the kernel: the popup flow, end to end."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from login_form import LoginForm


def login_cell(provider, **options):
    extra = "".join(f", {name}={value!r}" for name, value in options.items())
    return (
        "from oidc_widget import OIDCLogin\n"
        f"w = OIDCLogin({provider.issuer!r}, {provider.client_id!r}{extra})\n"
        "w"
    )


def sign_in(nb, login="alice", region=None):
    with nb.popup() as popup:
        (region or nb.region).get_by_role("button", name="Sign in").click()
    LoginForm(popup.value).sign_in(login)


def test_the_token_is_there_in_the_next_cell(lab, provider):
    nb = lab.notebook([login_cell(provider), "w.access_token is not None, w.status, w.claims['name']"])
    nb.run(0)
    sign_in(nb)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    assert nb.run(1) == "(True, 'signed_in', 'Alice Adams')"
