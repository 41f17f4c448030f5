"""The sign-in window: providers that cut the line to it, blockers, and people who change their mind."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from login_form import LoginForm
from signing_in import expect_error, expect_kernel, login_cell, open_popup, sign_in

WAITING = "Waiting for the sign-in window"

#: Keeps what the page's own script got from `window.open`, so that a test can read its `closed`.
KEEP_WINDOWS = """
const openWindow = window.open;
window.openedWindows = [];
window.open = (...args) => {
  const opened = openWindow.apply(window, args);
  window.openedWindows.push(opened);
  return opened;
};
"""

#: What a blocker that a person has installed does.
BLOCK_ONE_WINDOW = """
const openWindow = window.open;
window.open = (...args) => {
  window.open = openWindow;
  return null;
};
"""

LIES = "window.openedWindows.at(-1).closed"


@pytest.fixture
def nb(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    return nb


def expect_signed_out(nb):
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect(nb.region.get_by_role("button", name="Cancel")).to_have_count(0)
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))


def keeps_waiting(nb, seconds=2.5):
    """Look for longer than a closed window would need to be noticed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert WAITING in nb.region.inner_text()
        nb.page.wait_for_timeout(100)


@pytest.mark.own_page
def test_a_page_that_cuts_the_line_signs_in(lab, provider):
    provider.configure(coop=True)
    lab.page.add_init_script(KEEP_WINDOWS)
    nb = lab.notebook([login_cell(provider), "w.access_token is not None"])
    nb.run(0)
    popup = open_popup(nb)
    expect(popup.get_by_label("Login")).to_be_visible()
    lab.page.wait_for_function(LIES)
    assert popup.evaluate("opener === null")
    keeps_waiting(nb)
    LoginForm(popup).sign_in("alice")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status", "signed_in")  # the page knows it first
    assert nb.run(1) == "True"
    assert popup.is_closed() or popup.wait_for_event("close")


@pytest.mark.alone
@pytest.mark.parametrize("focus", ["stays in the window", "comes back later", "comes back at that moment"])
@pytest.mark.own_page
def test_a_page_that_does_not_cut_the_line_followed_by_one_that_does(lab, provider, focus):
    """The line was whole, and then `closed` reads true: as when the person closes the window.

    But then the focus comes back at once. Only who turns to the notebook at the very moment of the cut may
    begin anew, and may as well go on in the window.
    """
    provider.configure(coop=True, federated=True)
    lab.page.add_init_script(KEEP_WINDOWS)
    nb = lab.notebook([login_cell(provider), "w.access_token is not None"])
    nb.run(0)
    at_that_moment = focus == "comes back at that moment"
    # Playwright tells each page that it has the focus; people have it in one window.
    lab.page.evaluate(f"document.hasFocus = () => {str(at_that_moment).lower()}")
    popup = open_popup(nb)
    expect(popup.get_by_role("link", name="Example Corp")).to_be_visible()
    keeps_waiting(nb, 0.5)
    assert not lab.page.evaluate(LIES)
    LoginForm(popup).choose_organisation()
    expect(popup.get_by_label("Login")).to_be_visible()
    lab.page.wait_for_function(LIES)
    if at_that_moment:
        expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible(timeout=2000)
    else:
        keeps_waiting(nb)
    if focus == "comes back later":
        lab.page.evaluate("document.hasFocus = () => true")
        keeps_waiting(nb)
    LoginForm(popup).sign_in("alice")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status", "signed_in")  # the page knows it first
    assert nb.run(1) == "True"


@pytest.mark.alone
def test_cancel_works_at_once(nb):
    popup = open_popup(nb)
    expect(popup.get_by_label("Login")).to_be_visible()
    started = time.monotonic()
    nb.region.get_by_role("button", name="Cancel").click()
    expect_signed_out(nb)
    assert time.monotonic() - started < 2
    # Nobody vouches for this provider, so its window has no line to this page, and this page none to it.
    expect(nb.region.get_by_role("status")).to_contain_text("Close the sign-in window yourself")
    popup.close()
    sign_in(nb)  # and nothing of it is left in the way


def test_a_provider_that_nobody_vouches_for_can_not_move_the_page(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_enabled()
    provider.fault("discovery", "delay", seconds=2)
    other = lab.notebook([login_cell(provider, resource="https://data.example.com/")])
    other.run(0)
    for notebook in (nb, other):  # sent straight there, and sent on from an empty window
        popup = open_popup(notebook)
        popup.get_by_label("Login").wait_for()
        assert popup.evaluate("opener") is None
        popup.close()


def close_newest_window(page):
    """Close a window as a person does: one that shows nothing yet is no page to Playwright."""
    session = page.context.browser.new_browser_cdp_session()
    windows = [
        target
        for target in session.send("Target.getTargets")["targetInfos"]
        if target["type"] == "page" and "/lab" not in target["url"]
    ]
    for window in windows:
        session.send("Target.closeTarget", {"targetId": window["targetId"]})
    session.detach()
    assert windows


def test_a_window_closed_before_the_providers_page_came(nb, provider):
    expect_kernel(nb, "w.redirect_uri is not None", True)  # its page knows where to send people by now
    provider.fault("authorization", "hang")
    nb.region.get_by_role("button", name="Sign in").click()
    expect(nb.region).to_contain_text(WAITING)
    close_newest_window(nb.page)
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible(timeout=8000)
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))


def test_a_provider_that_is_down_at_the_click_is_told(nb, provider):
    expect_kernel(nb, "w.redirect_uri is not None", True)
    provider.down()
    nb.region.get_by_role("button", name="Sign in").click()
    expect_error(nb, "provider_unreachable", "gives this browser no answer")
    provider.up()
    sign_in(nb, button="Try again")


def test_cancel_works_at_once_where_the_line_is_cut(nb, provider):
    provider.configure(coop=True)
    popup = open_popup(nb)
    expect(popup.get_by_label("Login")).to_be_visible()
    nb.region.get_by_role("button", name="Cancel").click()
    expect_signed_out(nb)
    # Nobody can close that window from here; who goes on in it learns that nobody waits.
    LoginForm(popup).sign_in("alice")
    expect(popup.get_by_text("No sign-in is waiting here")).to_be_visible()
    assert "code=" not in popup.url
    expect_signed_out(nb)
    assert not provider.requests("token")


@pytest.mark.alone
def test_a_window_closed_by_the_person_ends_the_sign_in(nb):
    popup = open_popup(nb)
    expect(popup.get_by_label("Login")).to_be_visible()
    nb.page.wait_for_timeout(800)  # people do not close what they have hardly seen
    popup.close()
    started = time.monotonic()
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible(timeout=2000)
    expect_signed_out(nb)
    assert time.monotonic() - started < 2


def test_a_window_closed_where_the_line_is_cut_can_be_cancelled(nb, provider):
    provider.configure(coop=True)
    popup = open_popup(nb)
    expect(popup.get_by_label("Login")).to_be_visible()
    popup.close()
    nb.region.get_by_role("button", name="Cancel").click()
    expect_signed_out(nb)


def test_a_denial_is_told_in_the_providers_words(nb):
    popup = open_popup(nb)
    LoginForm(popup).sign_in("alice", allow=False)
    with popup.expect_event("close"):
        LoginForm(popup).deny()
    expect_error(nb, "access_denied", "The sign-in was declined.", "“the person said no”")
    LoginForm(open_popup(nb, button="Try again")).allow()
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status, w.error", ("signed_in", None))


def test_the_providers_words_are_text_and_never_markup(nb, provider):
    crafted = "<img src=x onerror=\"document.title='taken'\"><b>bold</b>"
    provider.authorization_response(set={"error_description": crafted})
    popup = open_popup(nb)
    with popup.expect_event("close"):
        LoginForm(popup).cancel()
    expect_error(nb, "access_denied", crafted)
    assert nb.page.title() != "taken"
    assert nb.region.locator("img, b").count() == 0


@pytest.mark.own_page
def test_a_blocked_window_becomes_a_link(lab, provider):
    lab.page.add_init_script(BLOCK_ONE_WINDOW)
    nb = lab.notebook([login_cell(provider), "w.access_token is not None"])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    link = nb.region.get_by_role("link", name="Open sign-in page")
    expect(link).to_be_visible()
    expect(nb.region).to_contain_text("blocked")
    assert "state=" not in nb.region.evaluate("(region) => region.outerHTML")
    with nb.popup() as popup:
        link.click()
    LoginForm(popup.value).sign_in("alice")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status", "signed_in")  # the page knows it first
    assert nb.run(1) == "True"


@pytest.mark.own_page
def test_a_kernel_that_asks_for_a_sign_in_opens_no_window(lab, provider):
    """Whatever the browser would allow: the person has just pressed keys, which is good for a window."""
    nb = lab.notebook([login_cell(provider), "w.sign_in()"])
    nb.run(0)
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_enabled()
    windows = []
    lab.page.context.on("page", lambda window: windows.append(window.url))
    nb.cell(1).locator(".cm-content").click()
    lab.page.keyboard.press("Shift+Enter")
    link = nb.region.get_by_role("link", name="Open sign-in page")
    expect(link).to_be_visible()
    expect(nb.region.get_by_role("status")).to_contain_text("A cell asks you to sign in at")
    expect_kernel(nb, "w.status", "signing_in")
    assert windows == []
    with nb.popup() as popup:
        link.click()
    LoginForm(popup.value).sign_in("alice")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status", "signed_in")
