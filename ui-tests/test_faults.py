"""Reloads, crashes and restarts in the middle of it: people are told the truth, and others go on."""

from __future__ import annotations

import os
import signal
import time

import pytest
from playwright.sync_api import expect

from login_form import LoginForm
from shared_workers import end_shared_workers
from signing_in import expect_kernel, login_cell, open_popup

#: Seconds until something that is waited for has happened.
PATIENCE = 20

SERVED = ("signed_in", True, None)
STATE = "w.status, w.access_token is not None, w.error and w.error.code"

#: Loses what the page would tell this notebook's kernel of tokens, by either lane, until it is loaded anew.
LOSE_TOKENS = """(path) => {
  const panel = [...jupyterapp.shell.widgets('main')].find((widget) => widget.context?.path === path);
  const {kernel} = panel.sessionContext.session;
  for (const name of ['sendControlMessage', 'sendShellMessage']) {
    const send = kernel[name].bind(kernel);
    kernel[name] = (message, ...more) => {
      if (!JSON.stringify(message.content).includes('"event":"token"')) return send(message, ...more);
      globalThis.lost = true;
      return {done: new Promise(() => {}), dispose() {}};
    };
  }
}"""


@pytest.fixture
def nb(lab, provider):
    provider.configure(consent="skip")
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    return nb


def until(page, met, what):
    """Wait for what no page shows."""
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, f"in vain waited for {what}"
        page.wait_for_timeout(20)


def reload(lab, nb):
    nb.save()
    lab.reload()
    nb.wait_for_kernel()
    nb.activate()


def expect_served(nb, provider, *, sign_ins=1):
    """Expect the same in the page and in the kernel, and no sign-in more than these."""
    nb.activate()
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, STATE, SERVED)
    assert len(provider.requests("token", grant_type="authorization_code")) == sign_ins


# ---- the page is reloaded --------------------------------------------------------------------------------


def test_a_reload_before_the_click(lab, nb, provider):
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_enabled()
    reload(lab, nb)
    LoginForm(open_popup(nb)).sign_in("alice", allow=False)
    expect_served(nb, provider)


def test_a_reload_while_the_window_is_on_its_way(lab, nb, provider):
    provider.fault("authorization", "delay", seconds=2, times=1)
    popup = open_popup(nb)
    reload(lab, nb)
    LoginForm(popup).sign_in("alice", allow=False)
    expect_served(nb, provider)


def test_a_reload_while_the_person_is_at_the_provider(lab, nb, provider):
    popup = open_popup(nb)
    expect(popup.get_by_label("Login")).to_be_visible()
    reload(lab, nb)
    expect(nb.region).to_contain_text("Waiting for the sign-in window")
    LoginForm(popup).sign_in("alice", allow=False)
    expect_served(nb, provider)


def test_a_reload_between_the_code_and_the_tokens(lab, nb, provider):
    provider.fault("token", "delay", seconds=2, times=1)
    nb.save()
    LoginForm(open_popup(nb)).sign_in("alice", allow=False)
    until(nb.page, lambda: provider.requests("token"), "the request for tokens")
    lab.reload()
    nb.wait_for_kernel()
    nb.activate()
    expect_served(nb, provider)


def test_a_reload_between_the_token_and_its_delivery(lab, nb, provider):
    nb.page.evaluate(LOSE_TOKENS, nb.path)
    LoginForm(open_popup(nb)).sign_in("alice", allow=False)
    nb.page.wait_for_function("globalThis.lost")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    assert nb.execute(f"print(({STATE}))") != str(SERVED)
    reload(lab, nb)
    expect_served(nb, provider)


# ---- others die ------------------------------------------------------------------------------------------


@pytest.mark.own_page
def test_a_kernel_that_dies_between_a_delivery_and_its_reply(lab, provider):
    provider.configure(consent="skip")
    sent = []
    lab.page.on(
        "websocket", lambda socket: socket.on("framesent", lambda data: sent.append((socket.url, data)))
    )
    one, two = lab.notebook([login_cell(provider)]), lab.notebook([login_cell(provider)])
    for nb in (one, two):
        nb.run(0)
    LoginForm(open_popup(two)).sign_in("alice", allow=False)
    for nb in (one, two):
        expect_kernel(nb, STATE, SERVED)
    kernel = int(one.execute("import os; print(os.getpid())"))
    kernel_id = one.execute("print(__import__('ipykernel').get_connection_file())").split("kernel-")[1][:-5]
    os.kill(kernel, signal.SIGSTOP)  # it takes messages, and answers none
    sent.clear()
    two.execute("before = w.access_token; w.refresh()")
    until(
        lab.page,
        lambda: any(kernel_id in url and b"oidc_widget_deliver" in bytes(data) for url, data in sent),
        "the delivery",
    )
    os.kill(kernel, signal.SIGKILL)
    expect_kernel(two, f"w.access_token not in (None, before), {STATE}", (True, *SERVED))
    lab.page.get_by_role("dialog").get_by_role("button", name="Ok").click()  # "it will restart"
    one.wait_for_kernel()
    one.activate()
    expect(one.panel).not_to_contain_text("Signed in as")
    one.run(0)
    expect_served(one, provider)
    expect_served(two, provider)


def test_a_vault_that_dies_while_the_person_is_at_the_provider(lab, nb, provider):
    popup = open_popup(nb)
    expect(popup.get_by_label("Login")).to_be_visible()
    assert end_shared_workers(lab.page.context.browser)
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    LoginForm(popup).sign_in("alice", allow=False)
    expect(popup.get_by_text("No sign-in is waiting here")).to_be_visible()
    popup.close()
    expect_kernel(nb, STATE, ("signed_out", False, None))
    open_popup(nb)  # the provider knows the person by now
    expect_served(nb, provider)


@pytest.mark.own_page
def test_a_server_that_is_restarted_while_the_person_is_at_the_provider(lab, nb, provider):
    popup = open_popup(nb)
    expect(popup.get_by_label("Login")).to_be_visible()
    lab.server.stop()
    LoginForm(popup).sign_in("alice", allow=False)
    popup.wait_for_url("chrome-error://**")
    lab.server.start()
    popup.reload(wait_until="commit")  # it closes as soon as it has done its work
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    assert len(provider.requests("token", grant_type="authorization_code")) == 1
