"""`oidc-widget token` in a terminal of JupyterLab: off until the person allows it in the sidebar.

Pictures of the sidebar's switch are in `test-results/screenshots/` after a run.
"""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from lab import Lab
from lab_terminal import Terminal
from login_form import LoginForm

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@pytest.fixture
def corp(start_provider):
    return start_provider(consent="skip")


@pytest.fixture
def lab(page, start_jupyter, corp):
    """JupyterLab with a configured provider, on a server that logs all it can."""
    entry = {"label": "Corp", "authority": corp.issuer, "client_id": corp.client_id}
    jupyter = start_jupyter(
        config={"OIDCWidget": {"providers": {"corp": entry}}, "ServerApp": {"log_level": "DEBUG"}}
    )
    corp.configure(redirect_uris=[jupyter.redirect_uri], access_token_ttl=3600)
    page.set_default_timeout(60_000)
    return Lab(page, jupyter)


def sign_in(panel, page):
    with page.expect_popup() as popup:
        panel.get_by_role("button", name="Sign in").click()
    LoginForm(popup.value).sign_in("alice", allow=False)
    expect(panel.get_by_role("listitem")).to_contain_text("Signed in as Alice Adams")


def switch_of(panel):
    return panel.get_by_role("switch", name="Access tokens for terminals")


def listening(lab, since):
    """Whether a page has asked the server for questions since then."""
    return "terminal-token/next" in lab.server.logged(since)


def test_a_terminal_gets_a_token_where_the_person_allows_it(lab, corp):
    lab.open()
    panel = lab.sidebar("Sign-ins")
    sign_in(panel, lab.page)
    switch = switch_of(panel)
    expect(switch).to_have_attribute("aria-checked", "false")
    # Off.
    terminal = Terminal(lab)
    code, out, err = terminal.ask("corp")
    assert (code, out) == (1, "")
    assert "No open page of this Jupyter server lets terminals have access tokens" in err
    assert not listening(lab, 0)
    # On.
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    code, out, err = terminal.ask_when_listening("corp")
    assert (code, err) == (0, "")
    assert out == f"{out.strip()}\n"
    answer = httpx.get(
        f"{corp.issuer}/me", headers={"Authorization": f"Bearer {out.strip()}"}, trust_env=False
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["sub"]
    code, out, err = terminal.ask("other")
    assert (code, out) == (2, "")
    assert "There is “corp”." in err
    # A reload.
    lab.reload()
    assert terminal.ask_when_listening("corp")[0] == 0
    # Where the token has not been left.
    storage = lab.page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    for secret in corp.secrets("access_token", "refresh_token"):
        assert secret.value not in lab.server.logged()
        assert secret.value not in storage
    # Another tab takes it back for all of them.
    other = lab.another_tab()
    other.open()
    switch = switch_of(other.sidebar("Sign-ins"))
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(switch_of(lab.sidebar("Sign-ins"))).to_have_attribute("aria-checked", "false")
    assert ask_until(terminal, 1)[2].count("switch on") == 1
    # Nobody is signed in any more.
    switch.click()
    panel = other.sidebar("Sign-ins")
    panel.get_by_role("button", name="Sign out", exact=True).click()
    expect(
        panel.get_by_role("listitem", name="Corp", exact=True).get_by_role("button", name="Sign in")
    ).to_be_visible()
    code, out, err = terminal.ask_when_listening("corp")
    assert (code, out) == (1, "")
    assert "Nobody is signed in at “corp”" in err


def ask_until(terminal, code):
    for _ in range(20):
        answer = terminal.ask("corp")
        if answer[0] == code:
            return answer
    raise AssertionError(answer)


def test_it_ends_with_the_last_page(lab):
    lab.open()
    panel = lab.sidebar("Sign-ins")
    sign_in(panel, lab.page)
    switch_of(panel).click()
    terminal = Terminal(lab)
    assert terminal.ask_when_listening("corp")[0] == 0
    elsewhere = lab.page.context.new_page()
    lab.page.close()
    # The same browser, whose vault lives on, but no page of ours.
    elsewhere.goto("about:blank")
    run = httpx.Client(
        base_url=lab.server.url, headers={"Authorization": f"token {lab.server.token}"}, trust_env=False
    )
    for _ in range(20):
        answer = run.post("oidc-widget/api/terminal-token", json={"provider": "corp", "timeout": 1})
        if answer.status_code == 409:
            break
    assert answer.json()["error"] == "terminal_not_allowed"


@pytest.mark.own_page
@pytest.mark.parametrize("theme", THEMES)
def test_how_it_looks(lab, output_path, theme):
    """Off and on, wide and narrow; a person looks at the pictures."""
    folder = Path(output_path).parent / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    lab.server.set_settings("@jupyterlab/apputils-extension:themes", {"theme": THEMES[theme]})
    lab.open()
    panel = lab.sidebar("Sign-ins")
    switch = switch_of(panel)
    expect(switch).to_be_visible()
    description = switch.get_attribute("aria-describedby")
    expect(lab.page.locator(f"#{description}")).to_have_text(re.compile("every program that may use"))
    for state in "off", "on":
        lab.page.mouse.move(600, 600)
        panel.screenshot(path=folder / f"terminals-{theme}-{state}.png", animations="disabled")
        switch.click()
    switch.press("Space")
    expect(switch).to_have_attribute("aria-checked", "true")
    panel.evaluate("(panel) => { panel.style.minWidth = panel.style.width = '160px'; }")
    lab.page.mouse.move(600, 600)
    panel.screenshot(path=folder / f"terminals-{theme}-narrow.png", animations="disabled")
