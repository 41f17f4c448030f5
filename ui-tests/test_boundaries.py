"""What a script in the page, a kernel or a provider may not do, tried in a real browser (SECURITY.md)."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from login_form import LoginForm
from shared_workers import VAULT
from signing_in import expect_kernel, login_cell, open_popup, sign_in

#: What any script of the page can do: it connects to the vault as our own page does.
CONNECT = """async ({role, name}) => {
  const config = JSON.parse(document.getElementById('jupyter-config-data').textContent);
  const url = new URL(`${config.fullLabextensionsUrl}/oidc-widget/static/vault.js`, location.href).href;
  const options = {type: 'module', name, extendedLifetime: true};
  const worker = new SharedWorker(url, options);
  globalThis.heard = [];
  globalThis.vault = worker.port;
  worker.port.onmessage = ({data}) => heard.push(data);
  worker.port.postMessage({type: 'hello', page_id: null, role, headers: {}});
  while (!heard.some(({type}) => type === 'welcome')) await new Promise((resolve) => setTimeout(resolve, 20));
}"""

SAY = "(messages) => { for (const message of messages) vault.postMessage(message); }"

#: Everything that IndexedDB, Cache Storage and the two storages hold, as text.
STORED = """async () => {
  const all = [JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage})];
  for (const {name} of await indexedDB.databases()) {
    const database = await new Promise((resolve, reject) => {
      const open = indexedDB.open(name);
      open.onsuccess = () => resolve(open.result);
      open.onerror = reject;
    });
    for (const store of database.objectStoreNames) {
      const rows = await new Promise((resolve) => {
        const request = database.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(request.result);
      });
      all.push(`${name} ${store} ${rows.length}`, JSON.stringify(rows));
    }
    database.close();
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) all.push(await (await cache.match(request)).text());
  }
  return all.join('\\n');
}"""


@pytest.fixture
def signed_in(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    return nb


def connect(nb, role):
    nb.page.evaluate(CONNECT, {"role": role, "name": VAULT})


def say(nb, *messages):
    nb.page.evaluate(SAY, list(messages))


def heard(nb):
    return json.dumps(nb.page.evaluate("heard"))


def wish(provider, **changes):
    return {
        "authority": provider.issuer,
        "client_id": provider.client_id,
        "provider": None,
        "scopes": ["openid"],
        "resource": None,
        "audience": None,
        "extra_params": {},
        "redirect_uri": None,
        **changes,
    }


def link(provider, link_id, kernel_id=None, **changes):
    options = {"auto_refresh": True, "share_id_token": False}
    wanted = wish(provider, **changes)
    return {"type": "link", "link_id": link_id, "wanted": wanted, "options": options, "kernel_id": kernel_id}


@pytest.mark.parametrize("role", ["widget", "sidebar", "delivery"])
def test_a_script_gets_no_refresh_token_out_of_the_vault_nor_onto_the_disk(signed_in, provider, role):
    connect(signed_in, role)
    say(
        signed_in,
        {"type": "settings", "settings": {"confirmSharing": False, "persistHours": 720}},
        {"type": "server", "headers": {}, "server": {"baseUrl": "https://evil.example.com/", "headers": {}}},
        link(provider, "mine"),
        {"type": "refresh", "link_id": "mine", "id": "q"},
        {"type": "list_sessions"},
    )
    signed_in.page.wait_for_timeout(3000)  # longer than it took to write the sealed sessions
    secret = provider.secrets("refresh_token", "id_token", "code_verifier")
    assert {each.kind for each in secret} == {"refresh_token", "id_token", "code_verifier"}
    seen = heard(signed_in) + signed_in.page.evaluate(STORED)
    assert not [each.kind for each in secret if each.value in seen]
    assert "oidc" not in signed_in.page.evaluate("indexedDB.databases().then((all) => JSON.stringify(all))")


def test_a_script_reaches_no_link_that_it_did_not_make(signed_in):
    link_id = signed_in.execute("print(w._link_id)")
    connect(signed_in, "widget")
    say(
        signed_in,
        {"type": "sign_out", "link_id": link_id},
        {"type": "tell_kernel", "link_id": link_id, "event": "token", "payload": {"access_token": "evil"}},
        {"type": "refresh", "link_id": link_id, "id": "q"},
    )
    signed_in.page.wait_for_timeout(500)
    expect_kernel(signed_in, "w.status, w.access_token == 'evil'", ("signed_in", False))
    assert "access_token" not in heard(signed_in)


def test_malformed_messages_harm_nobody(signed_in, provider, lab):
    connect(signed_in, "widget")
    bad = [
        5,
        None,
        "",
        [],
        {},
        {"type": "link"},
        {"type": "nothing"},
        {"type": "link", "link_id": "x", "wanted": 7},
    ]
    say(
        signed_in,
        *bad,
        link(provider, "bad", authority=5),
        link(provider, "bad", extra_params={"max_age": "x"}),
    )
    other = lab.notebook([login_cell(provider)])
    other.run(0)
    expect_kernel(other, "w.status", "signed_in")


@pytest.mark.own_page
def test_a_kernel_that_takes_anothers_id_gets_none_of_its_tokens(lab, provider):
    """A copied notebook, or state restored from a file: the model has the same id in another kernel."""
    lab.server.set_settings("oidc-widget:sign-ins", {"confirmSharing": True})
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    link_id = nb.execute("print(w._link_id)")
    copy = lab.notebook([login_cell(provider)])
    copy.execute(
        "import types, oidc_widget.login as login\n"
        f"login.uuid = types.SimpleNamespace(uuid4=lambda: types.SimpleNamespace(hex={link_id!r}))"
    )
    copy.run(0)
    assert copy.execute("print(w._link_id)") == link_id
    # It is a widget of its own, so the person is asked.
    expect(copy.region.get_by_role("button", name="Use session of Alice Adams")).to_be_visible()
    nb.execute("before = w.access_token; w.refresh()")
    expect_kernel(nb, "w.access_token not in (None, before)", True)
    expect_kernel(copy, "w.status, w.access_token", ("signed_out", None))


def test_the_answer_of_another_provider_is_not_taken(lab, provider, start_provider):
    """Mix-up (RFC 9700 §4.4): EVIL sends the person on to an honest provider, and hopes to get its code."""
    evil = start_provider(consent="skip")
    evil.configure(redirect_uris=[lab.server.redirect_uris(evil.issuer)[0]])
    nb = lab.notebook([login_cell(evil, label="Corp")])
    nb.run(0)
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    popup = open_popup(nb)
    popup.wait_for_url(f"{evil.issuer}/**")
    [request] = [each for each in evil.requests("authorization") if "state" in each.params]
    state = request.params["state"]
    # The honest provider sends its code to the address that it knows, with this sign-in's state.
    popup.goto(f"{lab.server.redirect_uri}?code=honest&state={state}")
    expect(popup.get_by_text("No sign-in is waiting here")).to_be_visible(timeout=10_000)
    assert not evil.requests("token")
    popup.goto(f"{lab.server.redirect_uris(provider.issuer)[0]}?code=honest&state={state}")
    expect(popup.get_by_text("No sign-in is waiting here")).to_be_visible(timeout=10_000)
    assert not evil.requests("token")


@pytest.mark.usefixtures("signed_in")
def test_an_issuer_of_its_own_signs_in_at_its_own_address(provider, jupyter):
    asked = {
        request.params["redirect_uri"]
        for request in provider.requests("authorization")
        if "state" in request.params
    }
    assert asked == {jupyter.redirect_uris(provider.issuer)[0]}


def test_a_provider_can_t_move_the_page_that_opened_its_window(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    popup = open_popup(nb)
    expect(popup.get_by_label("Login")).to_be_visible()
    assert popup.evaluate("opener === null")
    LoginForm(popup).sign_in("alice")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")


def test_an_answer_in_the_fragment_is_taken(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    popup = open_popup(nb)
    popup.wait_for_url(f"{provider.issuer}/**")
    [request] = [each for each in provider.requests("authorization") if "state" in each.params]
    answer = f"error=access_denied&state={request.params['state']}&iss={provider.issuer}"
    # It closes itself when it is done, perhaps before it counts as loaded.
    popup.evaluate(
        "there => location.assign(there)", f"{lab.server.redirect_uris(provider.issuer)[0]}#{answer}"
    )
    expect_kernel(nb, "w.status, w.error and w.error.code", ("error", "access_denied"))


@pytest.mark.own_page
def test_the_vault_moves_into_the_page_only_where_the_browser_has_no_other_place(lab, provider):
    lab.page.add_init_script(
        "globalThis.SharedWorker = class extends EventTarget {"
        " constructor() { super(); this.port = new MessageChannel().port1;"
        " setTimeout(() => this.dispatchEvent(new Event('error')), 50); } }"
    )
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    expect_kernel(nb, "w.error and w.error.code", "vault_unavailable")


@pytest.mark.parametrize("asked", [{"acr_values": "urn:mfa"}, {"max_age": "1"}])
def test_a_stronger_or_fresher_sign_in_is_not_replaced_by_a_session(signed_in, provider, lab, asked):
    second = lab.notebook([login_cell(provider, extra_params=asked)])
    signed_in.page.wait_for_timeout(1500)
    second.run(0)
    expect(second.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(second, "w.status, w.access_token", ("signed_out", None))


def test_a_sign_in_of_another_kind_than_was_asked_for_is_refused(lab, provider):
    nb = lab.notebook([login_cell(provider, extra_params={"acr_values": "urn:mfa"})])
    nb.run(0)
    LoginForm(open_popup(nb)).sign_in("alice")
    expect_kernel(nb, "w.status, w.error and w.error.code", ("error", "acr_mismatch"))
