"""One sign-in serves a person's whole JupyterLab, for as long as they work."""

from __future__ import annotations

import re
import time
from importlib.metadata import version

import pytest
from playwright.sync_api import expect

from lab import Lab
from shared_workers import end_shared_workers
from signing_in import expect_kernel, expect_lines, login_cell, open_popup, sign_in

SETTINGS = "oidc-widget:sign-ins"


#: Writes down the token that it has, whoever watches.
JOB = """
import threading, pathlib, time
def work():
    while True:
        pathlib.Path('job.txt').write_text(f'{w.status} {hash(w.access_token)}')
        time.sleep(0.05)
threading.Thread(target=work, daemon=True).start()
"""


def expect_signed_in(nb, name="Alice Adams"):
    """Expect it in the view, which must be in front to be seen, and in the kernel."""
    nb.activate()
    expect(nb.region).to_contain_text(f"Signed in as {name}")
    expect_kernel(nb, "w.status, w.claims and w.claims['name']", ("signed_in", name))


def test_a_second_notebook_and_a_second_tab_need_no_click(lab, provider):
    first = lab.notebook([login_cell(provider)])
    first.run(0)
    sign_in(first)
    second = lab.notebook([login_cell(provider), "w.wait(20)"])
    third = lab.another_tab().notebook([login_cell(provider), "w.wait(20)"])
    for nb in (second, third):
        nb.run(0)
        nb.run(1)
        expect_signed_in(nb)
    assert len(provider.requests("token", grant_type="authorization_code")) == 1


def test_sign_out_in_one_tab_empties_the_kernel_of_another_at_once(lab, provider):
    first = lab.notebook([login_cell(provider)])
    second = lab.another_tab().notebook(
        [
            login_cell(provider),
            "import time\nprint('watching')\nwhile w.access_token: time.sleep(0.01)\nprint(time.time())",
        ]
    )
    first.run(0)
    sign_in(first)
    second.run(0)
    expect_kernel(second, "w.status", "signed_in")
    second.start(1)
    expect(second.cell(1)).to_contain_text("watching")
    first.page.bring_to_front()
    clicked = time.time()
    first.region.get_by_role("button", name="Sign out").click()
    emptied = float(second.finish(1).splitlines()[-1])
    assert emptied - clicked < 1
    expect(second.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(first, "w.status, w.access_token, w.claims", ("signed_out", None, None))
    assert provider.requests("revocation")


def test_sign_out_offers_the_providers_own(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    nb.region.get_by_role("button", name="Sign out").click()
    with nb.popup() as popup:
        nb.region.get_by_role("button", name="Sign out at the provider too").click()
    popup.value.wait_for_url(f"{provider.issuer}/**")
    [request] = provider.requests("end_session", method="GET")
    # In the browser's history, too: an ID token has no business there.
    assert request.params["client_id"] == provider.client_id
    assert "id_token_hint" not in request.params


def test_a_restarted_kernel_has_its_token_without_a_click(lab, provider):
    nb = lab.notebook([login_cell(provider), "w.wait(20) and w.claims['name']"])
    nb.run(0)
    sign_in(nb)
    nb.restart_kernel()
    expect_lines(lab, 1)  # the widget is no more, and nobody asks the kernel for it
    nb.run(0)
    assert nb.run(1) == "'Alice Adams'"
    expect(nb.region).to_contain_text("Signed in as Alice Adams")


def test_two_kernels_and_one_restarted(lab, provider):
    one, two = lab.notebook([login_cell(provider)]), lab.notebook([login_cell(provider)])
    one.run(0)
    sign_in(one)
    two.run(0)
    expect_kernel(two, "w.status", "signed_in")
    one.restart_kernel()
    provider.configure(access_token_ttl=6)
    two.execute("before = w.access_token; w.refresh()")
    expect_kernel(two, "w.access_token not in (None, before)", True)
    one.run(0)
    expect_kernel(one, "w.status", "signed_in")


def test_a_reload_ends_nothing(lab, provider):
    provider.configure(access_token_ttl=6)
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    nb.save()
    lab.reload()
    nb.wait_for_kernel()
    expect_signed_in(nb)
    expect(nb.region.get_by_role("button", name="Sign in")).to_have_count(0)
    # It is not only shown: the vault goes on renewing.
    nb.execute("before = w.access_token")
    expect_kernel(nb, "w.access_token not in (None, before)", True)
    assert len(provider.requests("token", grant_type="authorization_code")) == 1


def test_a_tab_that_is_closed_and_opened_again_finds_the_session(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    nb.save()
    context = lab.page.context
    lab.page.close()  # the only one
    again = Lab(context.new_page(), lab.server).notebook([login_cell(provider)])
    again.run(0)
    expect_signed_in(again)
    assert len(provider.requests("token", grant_type="authorization_code")) == 1


def test_who_logs_out_of_jupyter_takes_the_session_along(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    [token] = provider.secrets("refresh_token")
    lab.page.goto(f"{lab.server.url}logout")
    lab.page.context.clear_cookies(name=re.compile("^username-"))  # as that page's answer does
    lab.page.goto(lab.server.address("lab"))  # with the server's token, as somebody else
    lab.wait()
    again = lab.notebook([login_cell(provider)])
    again.run(0)
    expect(again.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect(again.region).not_to_contain_text("Alice")
    expect_kernel(again, "w.status, w.access_token", ("signed_out", None))
    assert token.value in {request.params.get("token") for request in provider.requests("revocation")}


def test_a_widget_goes_with_its_notebook(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    expect_lines(lab, 2)
    nb.close()
    expect_lines(lab, 1)  # the labextension's own


def test_a_job_goes_on_after_its_notebook_is_closed(lab, provider, jupyter):
    provider.configure(access_token_ttl=6)
    nb = lab.notebook(
        [
            login_cell(provider),
            JOB,
        ]
    )
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    nb.run(1)
    nb.close()
    expect(lab.page.get_by_role("region", name="OIDC sign-in")).to_have_count(0)
    expect_lines(lab, 1)  # the labextension's own: the widget's went with its notebook
    job = jupyter.root / "job.txt"
    seen = set()
    deadline = time.monotonic() + 40
    while len(seen) < 3:
        status, _, token = job.read_text().partition(" ")
        assert status in ("", "signed_in")
        if token:
            seen.add(token)
        lab.page.evaluate("new Promise(requestAnimationFrame)")
        assert time.monotonic() < deadline, seen


@pytest.mark.own_page
def test_the_session_outlives_the_server(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    lab.server.stop()
    lab.server.start()
    lost = lab.page.get_by_role("dialog", name="Server Connection Error")
    lab.page.add_locator_handler(lost, lambda: lost.get_by_role("button", name="Close").click())
    expect(lost).to_have_count(0)
    again = lab.notebook([login_cell(provider)])
    again.run(0)
    expect_signed_in(again)
    assert len(provider.requests("token", grant_type="authorization_code")) == 1


def test_a_vault_that_is_killed_tells_the_truth(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    assert end_shared_workers(lab.page.context.browser)
    expect(nb.region.get_by_role("status")).to_have_text("The browser ended the sign-in")
    with nb.popup():
        nb.region.get_by_role("button", name="Sign in").click()
    expect(nb.region).to_contain_text("Signed in as Alice Adams")


@pytest.mark.own_page
def test_an_upgrade_leaves_the_old_tab_its_vault(lab, provider):
    older = version("oidc-widget")
    old = lab.notebook([login_cell(provider)])
    old.run(0)
    sign_in(old)
    expect_kernel(old, "w.status", "signed_in")

    # A page of another version asks for a worker of that version's name.
    lab.page.context.add_init_script(
        "globalThis.SharedWorker = class extends SharedWorker { constructor(url, options) {"
        f" super(url, {{...options, name: options.name.replace({older!r}, '99.0.0')}}); }} }}"
    )
    new = lab.another_tab().notebook([login_cell(provider)])
    new.run(0)
    expect(new.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(new, "w.status", "signed_out")
    with new.popup():  # the provider knows who it is
        new.region.get_by_role("button", name="Sign in").click()
    expect_signed_in(new)
    before = old.execute("w.access_token")
    old.execute("w.refresh()")
    expect_kernel(old, f"w.access_token not in (None, {before})", True)
    expect_signed_in(old)


def test_two_accounts_side_by_side(lab, provider):
    alice = lab.notebook([login_cell(provider)])
    bob = lab.notebook(
        [login_cell(provider, extra_params={"login_hint": "bob@example.com", "prompt": "login"})]
    )
    alice.run(0)
    sign_in(alice)
    bob.run(0)
    sign_in(bob, "bob")
    expect_signed_in(alice)
    expect_signed_in(bob, "Bob Brown")
    bob.region.get_by_role("button", name="Sign out").click()
    expect_kernel(bob, "w.status", "signed_out")
    expect_kernel(alice, "w.status", "signed_in")


@pytest.mark.own_page
def test_sharing_may_need_a_word(lab, provider):
    lab.server.set_settings(SETTINGS, {"confirmSharing": True})
    first = lab.notebook([login_cell(provider)])
    first.run(0)
    sign_in(first)
    second = lab.notebook([login_cell(provider)])
    second.run(0)
    button = second.region.get_by_role("button", name="Use session of Alice Adams")
    expect(button).to_be_visible()
    expect_kernel(second, "w.status, w.access_token", ("signed_out", None))
    button.click()
    expect_signed_in(second)


@pytest.mark.own_page
def test_what_was_set_last_counts_also_where_an_older_tab_joins(lab, provider):
    older = lab.another_tab()
    older.open()
    lab.server.set_settings(SETTINGS, {"confirmSharing": True})  # as in another tab: this one is not told
    first = lab.notebook([login_cell(provider)])
    with older.page.expect_response(f"**/api/settings/{SETTINGS}*"):
        first.run(0)
    sign_in(first)
    second = older.notebook([login_cell(provider)])
    second.run(0)
    expect(second.region.get_by_role("button", name="Use session of Alice Adams")).to_be_visible()
    expect_kernel(second, "w.status, w.access_token", ("signed_out", None))


def test_a_popup_from_before_does_not_disturb(lab, provider):
    """A window that is left open, while the sign-in is done in another notebook."""
    first, second = lab.notebook([login_cell(provider)]), lab.notebook([login_cell(provider)])
    first.run(0)
    second.run(0)
    left_open = open_popup(first)
    sign_in(second)
    expect_kernel(second, "w.status", "signed_in")
    left_open.close()
    expect_signed_in(first)
