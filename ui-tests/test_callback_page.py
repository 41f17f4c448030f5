"""The callback page in a browser: hands the response over, closes, and helps where nobody waits for it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

STATE = "s" * 43

LISTEN = """state => {
  globalThis.received = [];
  const channel = new BroadcastChannel(`oidc-widget:${state}`);
  channel.onmessage = ({data}) => { received.push(data); channel.postMessage({received: true}); };
}"""


@pytest.fixture
def opener(page, jupyter):
    """A page of the same origin that may open popups."""
    page.goto(jupyter.redirect_uri)
    return page


def open_callback(opener, jupyter, query):
    with opener.expect_popup() as popup:
        opener.evaluate("address => { open(address) }", f"{jupyter.redirect_uri}?{query}")
    return popup.value


def test_who_waits_gets_the_response_and_the_window_closes(opener, jupyter):
    opener.evaluate(LISTEN, STATE)
    query = f"code=a%2Bb&state={STATE}&iss=https%3A%2F%2Fidp.example.com"
    with opener.expect_popup() as popup:
        opener.evaluate("address => { open(address) }", f"{jupyter.redirect_uri}?{query}")
    if not popup.value.is_closed():
        popup.value.wait_for_event("close")
    assert opener.evaluate("received")[0] == {
        "search": f"?{query}",
        "hash": "",
        "pathname": urlsplit(jupyter.redirect_uri).path,
    }


def test_who_starts_to_wait_a_little_later_gets_it_too(opener, jupyter):
    popup = open_callback(opener, jupyter, f"code=a&state={STATE}")
    expect(popup.get_by_role("status")).to_contain_text("No sign-in is waiting here", timeout=10_000)
    with popup.expect_event("close"):
        opener.evaluate(LISTEN, STATE)


def test_the_code_does_not_stay_in_the_address(opener, jupyter):
    popup = open_callback(opener, jupyter, f"code=a&state={STATE}")
    expect(popup.get_by_role("status")).to_contain_text("sign-in")
    assert popup.url == jupyter.redirect_uri
    assert popup.evaluate("history.length") == 1


@pytest.mark.parametrize("query", ["code=a", "", f"code=a&state={STATE}"])
def test_where_nobody_waits_it_says_so_and_where(page, jupyter, query):
    page.goto(f"{jupyter.redirect_uri}?{query}")
    main = page.get_by_role("status")
    expect(main).to_contain_text("No sign-in is waiting here", timeout=10_000)
    expect(main).to_contain_text(f"at {jupyter.url.rstrip('/')}.")
    expect(main).to_contain_text("click Sign in again")


def test_what_the_provider_says_is_text(page, jupyter):
    listener = page.context.new_page()
    listener.goto(jupyter.redirect_uri)
    listener.evaluate(LISTEN, STATE)
    page.goto(
        f"{jupyter.redirect_uri}?state={STATE}&error=access_denied"
        "&error_description=%3Cimg+src%3Dx+onerror%3D%22alert(1)%22%3E" + "x" * 3000
    )
    main = page.get_by_role("status")
    expect(main).to_contain_text('answered: “<img src=x onerror="alert(1)">xxx')
    assert page.locator("img").count() == 0
    assert len(main.inner_text()) < 1200


@pytest.mark.parametrize("state", ["", f"&state={STATE}"])
def test_a_strangers_words_are_not_shown_to_who_opens_his_address(page, jupyter, state):
    page.goto(f"{jupyter.redirect_uri}?error=x&error_description=Call+555-0100{state}")
    main = page.get_by_role("status")
    expect(main).to_contain_text("No sign-in is waiting here", timeout=10_000)
    expect(main).not_to_contain_text("555-0100")


def test_a_window_that_can_t_close_itself_says_so(page, jupyter):
    page.goto(jupyter.redirect_uri)
    listener = page.context.new_page()
    listener.goto(jupyter.redirect_uri)
    listener.evaluate(LISTEN, STATE)
    # Not opened by a script, and with a history: browsers don't let it close itself.
    page.goto(f"{jupyter.redirect_uri}?error=access_denied&error_description=Not+today&state={STATE}")
    main = page.get_by_role("status")
    expect(main).to_contain_text("You can close this window")
    expect(main).to_contain_text("Not today")


def test_without_javascript_it_says_what_is_missing(browser, jupyter):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{jupyter.redirect_uri}?code=a&state={STATE}")
        expect(page.locator("noscript")).to_be_visible()
        assert "This page needs JavaScript" in page.locator("noscript").inner_text()
