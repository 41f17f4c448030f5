"""A Jupyter server behind a proxy: the redirect address is what the browser sees."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest

from lab import Lab
from oidc_widget.oauth.callback_address import own_address
from signing_in import expect_kernel, login_cell, sign_in
from tls_proxy import TlsProxy


@pytest.fixture
def browser_context_args(browser_context_args):
    return {**browser_context_args, "ignore_https_errors": True}


def test_https_at_the_proxy_and_a_path_prefix(page, start_jupyter, start_provider, tmp_path):
    jupyter = start_jupyter(base_url="/lab-of/alice/", config={"ServerApp": {"trust_xheaders": True}})
    port = jupyter.url.split(":")[2].split("/")[0]
    with contextlib.closing(TlsProxy(tmp_path, f"http://localhost:{port}")) as proxy:
        seen = f"{proxy.url}/lab-of/alice/"
        provider = start_provider(consent="skip")
        redirect_uri = own_address(f"{seen}oidc-widget/callback", provider.issuer)
        provider.configure(redirect_uris=[redirect_uri])
        outside = SimpleNamespace(
            app=jupyter.app,
            root=jupyter.root,
            address=lambda path, **_host: f"{seen}{path}?token={jupyter.token}",
        )
        page.set_default_timeout(30_000)
        nb = Lab(page, outside).notebook([login_cell(provider)])
        nb.run(0)
        sign_in(nb)
        expect_kernel(nb, "w.status, w.redirect_uri", ("signed_in", redirect_uri))
