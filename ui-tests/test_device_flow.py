"""Sign in where no window can be opened: by a code, or by the address that one lands on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from login_form import LoginForm
from oidc_widget.oauth.callback_address import own_address
from oidc_widget.signin.pasted_redirect import DEFAULT_CALLBACK
from providers.http_person import HttpPerson
from signing_in import expect_error, expect_kernel, login_cell

#: As in VS Code and Colab: a page that knows nothing of a Jupyter server's files.
FOREIGN_HOST = """() => {
  const element = document.getElementById("jupyter-config-data");
  const { fullLabextensionsUrl, ...config } = JSON.parse(element.textContent);
  element.textContent = JSON.stringify(config);
}"""

SHOWN = "w, w._sign_in, w._sign_in.source, vars(w._sign_in.source)"
NAME = "w.claims['name'], w.access_token is not None"
SIGNED_IN = "('Alice Adams', True)"


@pytest.fixture
def provider(provider):
    provider.configure(device_authorization_response={"set": {"interval": 0.2}}, consent="skip")
    return provider


def approve(region, login="alice"):
    """Open the link, as somebody does on another device."""
    link = region.get_by_role("link", name="Open sign-in page").get_attribute("href")
    with HttpPerson(login) as person:
        person.visit(link)


def test_the_code_is_shown_and_the_token_arrives(lab, provider):
    nb = lab.notebook([login_cell(provider, flow="device"), NAME])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    expect(nb.region.get_by_role("status")).to_have_text("Waiting until the code is entered …")
    expect(nb.region.locator("code")).to_have_text(re.compile(r"[A-Z]{4}-[A-Z]{4}"))
    picture = nb.region.get_by_role("img", name="QR code of the sign-in page")
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth > 0)")
    approve(nb.region)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect(nb.region.get_by_role("img")).to_have_count(0)
    assert nb.run(1) == SIGNED_IN
    assert "To sign in" not in nb.output(0)
    nb.region.get_by_role("button", name="Sign out").click()
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    assert nb.execute("print(w.status, w.access_token)") == "signed_out None"
    assert [request.status for request in provider.requests("revocation")] == [200]


def test_a_person_enters_the_code_in_a_browser_of_another_device(lab, provider, browser):
    nb = lab.notebook([login_cell(provider, flow="device"), NAME])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    code = nb.region.locator("code").inner_text()
    address = re.search(r"device: (http\S+)", nb.region.inner_text())[1]
    with browser.new_context() as device:
        page = device.new_page()
        page.goto(address)
        page.get_by_role("textbox").fill(code)
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Confirm").click()
        LoginForm(page).sign_in(allow=False)
        expect(page.get_by_text("Device signed in")).to_be_visible()
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    assert nb.run(1) == SIGNED_IN


@pytest.mark.own_page
def test_the_link_of_the_code_opens_the_page_where_a_person_signs_in(lab, provider, context):
    nb = lab.notebook([login_cell(provider, flow="device"), NAME])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    with context.expect_page() as opened:
        nb.region.get_by_role("link", name="Open sign-in page").click()
    page = opened.value
    expect(page.get_by_text(nb.region.locator("code").inner_text())).to_be_visible()
    page.get_by_role("button", name="Confirm").click()
    LoginForm(page).sign_in(allow=False)
    expect(page.get_by_text("Device signed in")).to_be_visible()
    assert page.evaluate("opener === null")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    assert nb.run(1) == SIGNED_IN


@pytest.mark.own_page
def test_a_host_without_our_files_gets_the_code_by_itself(lab, provider):
    nb = lab.notebook([login_cell(provider), "await w; " + NAME])
    lab.page.evaluate(FOREIGN_HOST)
    nb.run(0)
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    nb.start(1)
    approve(nb.region)
    assert nb.finish(1) == SIGNED_IN
    expect(nb.region).to_contain_text("Signed in as Alice Adams")


def test_a_cell_that_waits_is_shown_the_code_and_gets_the_token(lab, provider):
    nb = lab.notebook([login_cell(provider, flow="device") + "\ntoken = w.wait(30)\n" + NAME])
    nb.start(0)
    # The cell blocks the kernel: what it printed is there for those who see no widget.
    expect(nb.cell(0)).to_contain_text("and enter the code")
    with HttpPerson() as alice:
        alice.visit(re.search(r"http\S+user_code=\S+", nb.cell(0).inner_text())[0])
    assert nb.finish(0).endswith(SIGNED_IN)


def test_a_widget_that_is_nowhere_on_screen_prints_the_code(lab, provider):
    cell = login_cell(provider, flow="device").removesuffix("\nw")
    nb = lab.notebook([cell, "w.sign_in()", "token = w.wait(30)\n" + NAME])
    nb.run(0)
    expect_kernel(nb, "w._sign_in.pages.present", value=True)
    nb.run(1)
    expect(nb.cell(1)).to_contain_text("and enter the code")
    with HttpPerson() as alice:
        alice.visit(re.search(r"http\S+user_code=\S+", nb.cell(1).inner_text())[0])
    assert nb.run(2).endswith(SIGNED_IN)


@pytest.mark.parametrize("kernel", ["python3", "ipykernel6"])
def test_the_code_is_printed_in_the_cell_that_asked_for_it(lab, provider, kernel):
    # While the code is fetched, the page says hello over the widget's comm: that is no place to print to.
    cell = login_cell(provider, flow="device").removesuffix("\nw") + "\nw.sign_in()"
    nb = lab.notebook([cell, NAME], kernel=kernel)
    nb.run(0)
    expect(nb.cell(0)).to_contain_text("and enter the code")
    with HttpPerson() as alice:
        alice.visit(re.search(r"http\S+user_code=\S+", nb.cell(0).inner_text())[0])
    expect(nb.cell(0)).to_contain_text("Signed in as Alice Adams.")
    expect(nb.cell(0)).not_to_contain_text("enter the code")
    assert nb.run(1) == SIGNED_IN


def test_cancel_takes_the_code_away_and_trying_again_brings_another(lab, provider):
    nb = lab.notebook([login_cell(provider, flow="device")])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    code = nb.region.locator("code")
    expect(code).to_have_count(1)
    first = code.inner_text()
    nb.region.get_by_role("button", name="Cancel").click()
    expect(code).to_have_count(0)
    nb.region.get_by_role("button", name="Sign in").click()
    expect(code).to_have_count(1)
    expect(code).not_to_have_text(first)
    approve(nb.region)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")


def test_the_reason_of_a_refusal_is_on_show(lab, provider):
    nb = lab.notebook([login_cell(provider, flow="device")])
    provider.fault("token", "status", status=400, body={"error": "access_denied"})
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    expect(nb.region.locator(".oidc-alert")).to_contain_text("The sign-in was declined.")
    provider.heal()
    nb.region.get_by_role("button", name="Try again").click()
    approve(nb.region)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")


@pytest.mark.own_page
def test_without_a_device_flow_the_address_is_pasted_back(lab, provider, context):
    provider.configure(redirect_uris=[own_address(DEFAULT_CALLBACK, provider.issuer)])
    provider.discovery_response(omit=["device_authorization_endpoint"])
    context.route(f"{DEFAULT_CALLBACK}/**", lambda route: route.fulfill(body="Nobody is here."))
    nb = lab.notebook([login_cell(provider, flow="device"), NAME])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    with context.expect_page() as opened:
        nb.region.get_by_role("link", name="Open sign-in page").click()
    LoginForm(opened.value).sign_in("alice", allow=False)
    opened.value.wait_for_url(f"{DEFAULT_CALLBACK}/**")
    landed = opened.value.url
    opened.value.close()
    lab.page.bring_to_front()
    field = nb.region.get_by_label("Address you landed on")
    field.click()
    field.fill(landed.replace("state=", "state=other"))
    field.press("Enter")
    expect(nb.region.locator(".oidc-device-problem")).to_contain_text("belongs to another sign-in")
    field.fill(landed)
    nb.region.get_by_role("button", name="Continue").click()
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    assert nb.run(1) == SIGNED_IN


@pytest.mark.parametrize("kernel", ["python3", "ipykernel6"])
def test_by_hand_without_a_widget_on_screen_nothing_of_it_stays_in_the_notebook(lab, provider, kernel):
    provider.configure(redirect_uris=[own_address(DEFAULT_CALLBACK, provider.issuer)])
    provider.discovery_response(omit=["device_authorization_endpoint"])
    cell = login_cell(provider, flow="device").removesuffix("\nw")
    nb = lab.notebook([cell, "w.sign_in()", NAME], kernel=kernel)
    nb.run(0)
    expect_kernel(nb, "w._sign_in.pages.present", value=True)
    nb.run(1)
    expect(nb.cell(1)).to_contain_text("open this link in a browser")
    with HttpPerson() as alice:
        link = re.search(r"http\S+state=\S+", nb.cell(1).inner_text())[0]
        landed = alice.visit(link, until=DEFAULT_CALLBACK)
    nb.execute(f"w.paste({landed!r})")
    expect(nb.cell(1)).to_contain_text("Signed in as Alice Adams.")
    assert nb.run(2) == SIGNED_IN
    nb.save()
    text = nb.file.read_text()
    assert not [secret for secret in provider.secrets() if secret.value in text]
    assert not re.search("[?&](state|nonce|code|code_challenge)=", text)


@pytest.mark.own_page
def test_who_insists_on_a_window_is_told_where_there_is_none(lab, provider):
    nb = lab.notebook([login_cell(provider, flow="popup")])
    lab.page.evaluate(FOREIGN_HOST)
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    expect_error(nb, "popup_blocked", "This page can't open a sign-in window.")
    nb.execute("w.sign_out()")
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()


def test_nothing_starts_by_itself_while_no_page_has_answered(lab, provider):
    nb = lab.notebook(["from oidc_widget import OIDCLogin", "w.status"])
    nb.run(0)
    nb.execute(f"w = OIDCLogin({provider.issuer!r}, {provider.client_id!r})")
    assert nb.run(1) == "'signed_out'"
    assert provider.requests("device_authorization") == []


def test_the_refresh_token_is_in_no_file_and_no_output(lab, provider):
    nb = lab.notebook([login_cell(provider, flow="device"), "w", SHOWN])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    approve(nb.region)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    nb.run(2)
    text = nb.output(2) + lab.page.content()
    nb.save()
    text += nb.file.read_text()
    assert not [
        secret for secret in provider.secrets() if secret.value in text and secret.kind != "user_code"
    ]
