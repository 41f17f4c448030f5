"""The demo where no browser reaches the server's loopback: below its own address, as `binder/` has it."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from lab import Lab
from notebook_page import Notebook
from signing_in import open_popup
from tls_proxy import TlsProxy

#: What Binder's image enables.
[EXTENSION] = re.findall(r'"([\w.]+)": true', (Path(__file__).parents[1] / "binder/postBuild").read_text())


@pytest.fixture
def jupyter(start_jupyter):
    return start_jupyter(
        base_url="/user/alice/",
        config={
            "ServerApp": {
                "jpserver_extensions": {EXTENSION: True},
                "allow_unauthenticated_access": False,
            }
        },
    )


def test_before_anybody_came_there_is_no_provider(jupyter):
    answer = jupyter.request("GET", "oidc-widget-demo/.well-known/openid-configuration")
    assert (answer.status_code, "oidc-widget-demo/start" in answer.text) == (404, True)


def test_https_at_the_proxy_is_seen(jupyter, tmp_path):
    with contextlib.closing(TlsProxy(tmp_path, jupyter.origin)) as proxy:
        httpx.get(
            f"{proxy.url}/user/alice/oidc-widget-demo/start?token={jupyter.token}",
            verify=False,  # noqa: S501  # made for this test
            trust_env=False,
        )
        metadata = jupyter.request("GET", "oidc-widget-demo/.well-known/openid-configuration").json()
        assert metadata["issuer"] == f"{proxy.url}/user/alice/oidc-widget-demo"


def test_a_stranger_can_not_start_it(jupyter):
    answer = httpx.get(f"{jupyter.url}oidc-widget-demo/start", trust_env=False)
    assert answer.is_redirect
    assert "/login" in answer.headers["location"]
    assert jupyter.request("GET", "oidc-widget-demo/jwks").status_code == 404


def test_the_quickstart_runs_behind_a_proxy_and_a_path_prefix(page, jupyter, tmp_path):
    with contextlib.closing(TlsProxy(tmp_path, jupyter.origin, tls=False)) as proxy:
        page.set_default_timeout(30_000)
        page.goto(f"{proxy.url}/user/alice/oidc-widget-demo/start?token={jupyter.token}")
        Lab(page, jupyter).wait()
        nb = Notebook(page, "quickstart.ipynb", jupyter.root)
        nb.wait_for_kernel()
        nb.run(1)
        popup = open_popup(nb)
        popup.wait_for_url(lambda url: url.startswith(f"{proxy.url}/user/alice/oidc-widget-demo/authorize?"))
        popup.get_by_role("button", name="Alice Adams").click()
        popup.get_by_role("button", name="Allow").click()
        expect(nb.region).to_contain_text("Signed in as Alice Adams")
        assert "'name': 'Alice Adams'" in nb.run(3)
        nb.execute("w.refresh()")
        nb.region.get_by_role("button", name="Sign out", exact=True).click()
        expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
