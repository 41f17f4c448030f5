"""Two people at one JupyterHub: neither reads, receives, ends or steals the other's session.

Whose callbacks are passed on, `test_hub_service.py` tries; whose codes are redeemed, `test_hub_relay.py`.
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from hub import PASSWORD
from hub_visitor import Browser
from lab import Lab
from lab_terminal import Terminal
from login_form import LoginForm
from oidc_widget.oauth.callback_address import own_address
from shared_workers import VAULT
from signing_in import expect_kernel, login_cell, open_popup

#: A script of Bob's page asks the vault of Alice's server for sessions and tokens, in both roles that could.
ASK_VAULT = """async ([url, name, wanted]) => {
  const heard = [];
  for (const role of ['sidebar', 'widget']) {
    let worker;
    try {
      worker = new SharedWorker(url, {type: 'module', name, extendedLifetime: true});
    } catch (refused) {
      return [refused.name];
    }
    const answered = new Promise((resolve) => {
      worker.onerror = () => resolve('not loaded');
      worker.port.onmessage = ({data}) => {
        heard.push(data);
        if (['sessions', 'linked', 'state'].includes(data.type)) resolve();
      };
    });
    const options = {auto_refresh: true, share_id_token: true};
    for (const message of [
      {type: 'hello', page_id: null, role, headers: {}},
      {type: 'list_sessions'},
      {type: 'link', link_id: 'mine', wanted, options, kernel_id: 'mine'},
      {type: 'refresh', link_id: 'mine', id: 'question'},
    ]) worker.port.postMessage(message);
    heard.push(await answered);
  }
  return heard;
}"""


@pytest.fixture
def idp(hub, start_provider):
    provider = start_provider(cors="any", consent="skip")
    provider.configure(redirect_uris=[own_address(hub.redirect_uri, provider.issuer)])
    return provider


def enter(page, hub, name):
    page.goto(f"{hub.url}hub/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{hub.user_url(name)}**")
    return Lab(page, hub.server(name))


@pytest.fixture
def bob(hub):
    with Browser(hub) as browser:
        browser.sign_in("bob")
        browser.get(f"{hub.user_url('bob')}lab", follow_redirects=True)
        assert browser.get(f"{hub.user_url('bob')}oidc-widget/api/providers").status_code == 200
        yield browser


def test_nobody_asks_a_server_that_is_somebody_elses(hub, bob):
    token = hub.api("POST", "users/bob/tokens").json()["token"]
    form = {"grant_type": "refresh_token", "refresh_token": "obvious-test-value"}
    for headers in ({}, {"Authorization": f"token {token}"}):
        for method, path, data in (
            ("GET", "api/providers", None),
            ("GET", "api/providers/corp/metadata", None),
            ("POST", "api/providers/corp/token", form),
            ("POST", "api/providers/corp/revoke", {"token": "obvious-test-value"}),
        ):
            url = f"{hub.user_url('alice')}oidc-widget/{path}"
            answer = bob.request(method, url, headers=headers, data=data, follow_redirects=True)
            assert answer.status_code == 403, (method, path, answer.status_code)
            assert "redirect_uri" not in answer.text


def test_who_comes_next_in_the_same_browser_finds_nothing(hub, idp, page):
    """Alice leaves a machine that others use without signing out of her provider, but out of the Hub."""
    page.set_default_timeout(30_000)
    nb = enter(page, hub, "alice").notebook([login_cell(idp)])
    nb.run(0)
    LoginForm(open_popup(nb)).sign_in("alice", allow=False)
    expect_kernel(nb, "w.status", "signed_in")
    vault = page.evaluate(
        """() => {
          const config = JSON.parse(document.getElementById('jupyter-config-data').textContent);
          return new URL(`${config.fullLabextensionsUrl}/oidc-widget/static/vault.js`, location.href).href;
        }"""
    )
    [refresh_token] = idp.secrets("refresh_token")
    page.goto(f"{hub.url}hub/logout")
    lab = enter(page, hub, "bob")
    lab.open()
    wanted = {
        "authority": idp.issuer,
        "client_id": idp.client_id,
        "provider": None,
        "scopes": ["openid", "profile", "email"],
        "resource": None,
        "audience": None,
        "extra_params": {},
        "redirect_uri": None,
    }
    heard = page.evaluate(ASK_VAULT, [vault, VAULT, wanted])
    text = json.dumps(heard)
    if hub.subdomain:
        assert heard == ["SecurityError"]
    else:
        assert '"sessions": []' in text, text  # it answers, and knows nobody any more
        assert refresh_token.value in {request.params.get("token") for request in idp.requests("revocation")}
    for secret in idp.secrets("access_token", "id_token", "refresh_token", "code_verifier"):
        assert secret.value not in text, secret.kind
    assert "Alice" not in text
    # His own widget finds no session either.
    nb = lab.notebook([login_cell(idp)])
    nb.run(0)
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))


def test_a_terminal_is_answered_by_the_pages_of_its_own_user(hub, idp, page, browser, bob):
    page.set_default_timeout(30_000)
    alice = enter(page, hub, "alice")
    nb = alice.notebook([login_cell(idp)])
    nb.run(0)
    LoginForm(open_popup(nb)).sign_in("alice", allow=False)
    expect_kernel(nb, "w.status", "signed_in")
    alice.sidebar("Sign-ins").get_by_role("switch", name="Access tokens for terminals").click()
    host = urlsplit(idp.issuer).netloc
    code, out, err = Terminal(alice).ask_when_listening(host)
    assert (code, err) == (0, "")
    answer = httpx.get(
        f"{idp.issuer}/me", headers={"Authorization": f"Bearer {out.strip()}"}, trust_env=False
    )
    assert answer.status_code == 200, answer.text
    # Bob's own server knows of no page that lets terminals have any.
    with browser.new_context() as context:
        lab = enter(context.new_page(), hub, "bob")
        lab.open()
        terminal = Terminal(lab)
        code, out, err = terminal.ask(host)
        assert (code, out) == (1, "")
        assert "No open page of this Jupyter server lets terminals have access tokens" in err
        _, shown = terminal.run("echo token=$JUPYTERHUB_API_TOKEN")
    # What his shell signs in with is good there, and not at Alice's.
    [his] = set(re.findall(r"token=(\w{32,})", shown))
    for name, status in ("bob", 409), ("alice", 403):
        answer = bob.post(
            f"{hub.user_url(name)}oidc-widget/api/terminal-token",
            json={"provider": host, "timeout": 5},
            headers={"Authorization": f"token {his}"},
        )
        assert answer.status_code == status, answer.text
    # She still is answered.
    assert Terminal(alice).ask(host)[0] == 0
    for secret in idp.secrets("access_token", "refresh_token"):
        assert secret.value not in hub.logged(), secret.kind
