"""Jupyter on plain http in an intranet: a page without `crypto.subtle` and without Web Locks."""

from __future__ import annotations

import pytest

from lab import Lab
from login_form import LoginForm
from signing_in import expect_error, expect_kernel, login_cell, open_popup, sign_in

HOST = "jupyter.test"


@pytest.fixture
def intranet(launch_browser, browser_type_launch_args, start_jupyter, _shared_provider, evidence):
    """JupyterLab under a name that is not this machine's own, and its provider."""
    server = start_jupyter(config={"ServerApp": {"local_hostnames": ["localhost", HOST]}})
    provider = _shared_provider
    provider.reset()
    addresses = [address.replace("localhost", HOST) for address in server.redirect_uris(provider.issuer)]
    provider.configure(redirect_uris=addresses)
    rule = f"--host-resolver-rules=MAP {HOST} 127.0.0.1"
    browser = launch_browser(args=[*browser_type_launch_args["args"], rule])
    context = browser.new_context()
    evidence.watch_context(context)
    yield Lab(context.new_page(), server, host=HOST), provider
    context.close()
    browser.close()


def test_signing_in_works_on_plain_http_too(intranet):
    lab, provider = intranet
    nb = lab.notebook([login_cell(provider), "w.access_token is not None, w.claims['name']"])
    assert lab.page.evaluate("[isSecureContext, typeof crypto.subtle, typeof navigator.locks]") == [
        False,
        "undefined",
        "undefined",
    ]
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")  # the page knows it first
    assert nb.run(1) == "(True, 'Alice Adams')"
    assert nb.execute("w.redirect_uri") == repr(
        lab.server.redirect_uris(provider.issuer)[0].replace("localhost", HOST)
    )
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))
    # What can be checked without the keys is checked.
    provider.forge(claims={"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})
    LoginForm(open_popup(nb)).allow()
    expect_error(nb, "id_token_invalid", "another access token")
