"""What a person does in cells: waiting, fresh tokens, `w.auth` and `authenticate`, in a real browser."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from notebook_page import CellError
from signing_in import expect_kernel, login_cell, sign_in

KERNELS = ["python3", "ipykernel6"]


def run_all(nb):
    """Run all cells by JupyterLab's own command, and don't wait for their end."""
    nb.page.evaluate("() => { globalThis.allRun = jupyterapp.commands.execute('notebook:run-all-cells'); }")


def finish_all(nb):
    """Wait for the end; every cell must have ended well, and have run once."""
    nb.page.evaluate("globalThis.allRun")
    assert [
        output for index in range(len(nb)) for output in nb.outputs(index) if output["output_type"] == "error"
    ] == []
    counts = [cell["execution_count"] for cell in nb.save()["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))


def refreshes(provider):
    return provider.requests("token", grant_type="refresh_token")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "waiting", ["token = w.wait(60)", "token = await w", "token = await w.token_async()"]
)
def test_run_all_waits_for_the_click_and_goes_on(lab, provider, kernel, waiting):
    nb = lab.notebook(
        [login_cell(provider), waiting, "token == w.access_token, w.claims['name']"], kernel=kernel
    )
    run_all(nb)
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    sign_in(nb)
    finish_all(nb)
    assert nb.output(2) == "(True, 'Alice Adams')"


def test_who_waits_without_having_shown_the_widget_is_shown_it(lab, provider):
    nb = lab.notebook([login_cell(provider).removesuffix("\nw"), "w.wait(60); w.status"])
    run_all(nb)
    sign_in(nb, region=nb.cell(1).get_by_role("region", name="OIDC sign-in"))
    finish_all(nb)
    assert nb.output(1).endswith("'signed_in'")


def test_interrupting_the_kernel_ends_the_wait(lab, provider):
    nb = lab.notebook([login_cell(provider), "print('waiting')\nw.wait()", "w.wait(60) == w.access_token"])
    nb.run(0)
    nb.start(1)
    expect(nb.cell(1)).to_contain_text("waiting")
    nb.interrupt_kernel()
    with pytest.raises(CellError, match="KeyboardInterrupt"):
        nb.finish(1)
    sign_in(nb)
    assert nb.run(2) == "True"


@pytest.mark.own_page
def test_without_the_labextension_a_blocking_wait_says_so_at_once_and_await_works(lab, provider, jupyter):
    page_config = jupyter.root.parent / "config/labconfig/page_config.json"
    page_config.write_text(json.dumps({"disabledExtensions": {"oidc-widget": True}}))
    try:
        nb = lab.notebook([login_cell(provider), "w.wait()", "(await w) == w.access_token"])
        nb.run(0)
        [address, _] = jupyter.redirect_uris(provider.issuer)
        expect_kernel(nb, "w.redirect_uri", address)  # its page has answered
        with pytest.raises(CellError, match=r"Use `await w`"):
            nb.run(1, timeout=5)
        nb.start(2)
        sign_in(nb)
        assert nb.finish(2) == "True"
    finally:
        page_config.unlink()


HUNDRED = """
from concurrent.futures import ThreadPoolExecutor
import threading, time
while w.access_token is not None:
    time.sleep(0.01)
gate = threading.Barrier(100)
def ask(_):
    gate.wait()
    return w.token()
print("expired", w.status)
with ThreadPoolExecutor(100) as pool:
    tokens = set(pool.map(ask, range(100)))
print(len(tokens), tokens == {w.access_token})
"""


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_hundred_threads_on_an_expired_token_are_one_request_at_the_provider(lab, provider, kernel):
    provider.configure(access_token_ttl=6)
    nb = lab.notebook([login_cell(provider, auto_refresh=False), HUNDRED], kernel=kernel)
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status in ('signed_in', 'expired')", value=True)  # the page knows it first
    assert nb.run(1) == "expired expired\n1 True"
    assert len(refreshes(provider)) == 1


def test_a_token_with_fewer_rights_comes_from_the_same_sign_in_and_is_kept(lab, provider):
    nb = lab.notebook(
        [
            login_cell(provider, resource="https://api.example.com/", scopes=["openid", "read", "write"]),
            "few = w.token(scopes=['read']); print(few == w.token(scopes='read'), few == w.token(), few)",
            "w.token(resource='https://data.example.com/')",
        ]
    )
    nb.run(0)
    sign_in(nb)
    same, own, token = nb.run(1).split()
    assert (same, own) == ("True", "False")
    [request] = refreshes(provider)
    assert request.params["scope"] == "read"
    assert token in {secret.value for secret in provider.secrets("access_token")}
    # What this provider did not grant with the sign-in, it refuses, and says so.
    with pytest.raises(CellError, match=r"TokenError: The provider does not grant what was asked for"):
        nb.run(2)


def test_signing_out_in_the_page_ends_the_wait_for_a_fresh_token(lab, provider):
    nb = lab.notebook(
        [login_cell(provider), "print('asking'); w.token(resource='https://data.example.com/')", "w.token()"]
    )
    nb.run(0)
    sign_in(nb)
    provider.fault("token", "hang")
    nb.start(1)
    expect(nb.cell(1)).to_contain_text("asking")
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    with pytest.raises(CellError, match="The sign-in has ended"):
        nb.finish(1)
    with pytest.raises(CellError, match="Nobody is signed in"):
        nb.run(2)


ASK = """
import requests, httpx
url = f"{ISSUER}/me"
with httpx.Client(auth=w.auth, trust_env=False) as sync, requests.Session() as session:
    session.auth = w.auth
    session.trust_env = False
    print(session.get(url, timeout=10).json()["sub"], sync.get(url).json()["sub"])
async with httpx.AsyncClient(auth=w.auth, trust_env=False) as client:
    print((await client.get(url)).json()["sub"])
"""


def test_requests_and_httpx_carry_on_when_the_token_was_revoked(lab, provider):
    nb = lab.notebook([login_cell(provider), f"ISSUER = {provider.issuer!r}\n{ASK}"])
    nb.run(0)
    sign_in(nb)
    assert nb.run(1) == "a-1001 a-1001\na-1001"
    assert refreshes(provider) == []
    assert provider.revoke("alice", "AccessToken")
    assert nb.run(1) == "a-1001 a-1001\na-1001"
    assert len(refreshes(provider)) == 1


def test_a_notebook_for_ipython_oidc_client_runs_with_another_import(lab, provider):
    config = {
        "authority": f"{provider.issuer}/.well-known/openid-configuration",
        "client_id": provider.client_id,
        "response_type": "code",
        "scope": "openid profile email",
    }
    call = f"from oidc_widget import authenticate\ntoken = {{}}\nauthenticate({config!r}, token)"
    nb = lab.notebook(
        [call, "import time\nwhile not token: time.sleep(0.01)\nlen(token['access_token']) > 20"]
    )
    run_all(nb)
    sign_in(nb)
    finish_all(nb)
    assert nb.output(1) == "True"
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    expect_kernel(nb, "token", {})


def test_the_saved_notebook_has_a_sentence_in_place_of_the_button_and_no_token(lab, provider):
    nb = lab.notebook([login_cell(provider), "w.wait(60); print(w, repr(w))"])
    run_all(nb)
    sign_in(nb)
    finish_all(nb)
    saved = nb.save()
    data = saved["cells"][0]["outputs"][0]["data"]
    assert "Run this cell to sign in" in "".join(data["text/html"])
    assert "status=" in "".join(data["text/plain"])
    for secret in provider.secrets():
        assert secret.value not in nb.file.read_text()
