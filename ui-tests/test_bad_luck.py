"""What goes wrong ends in a status, a sentence that helps, and a code: in the page and in the kernel."""

from __future__ import annotations

import socket

import pytest
from playwright.sync_api import expect

from lab import Lab
from login_form import LoginForm
from notebook_page import CellError
from signing_in import expect_error, expect_kernel, login_cell, open_popup, sign_in


@pytest.fixture
def nb(lab, provider):
    # Everything granted unasked: what is of interest comes after the sign-in.
    provider.configure(consent="skip")
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    return nb


def answer(nb, button="Sign in", login="alice"):
    """Go through the window; a second time the provider knows the person, and asks nothing."""
    with nb.popup() as popup:
        nb.region.get_by_role("button", name=button).click()
    if button == "Sign in":
        LoginForm(popup.value).sign_in(login, allow=False)
    if not popup.value.is_closed():
        popup.value.wait_for_event("close")


def expect_refused(nb, code, *sentences):
    """Expect the error, and no token."""
    expect_error(nb, code, *sentences)
    expect_kernel(nb, "w.access_token, w.claims, w.expires_in", (None, None, None))


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_an_authority_that_cannot_be(lab, provider):
    """Each is told before anybody clicks."""
    nowhere = f"http://127.0.0.1:{unused_port()}"
    cases = {
        "not an address": ("invalid_authority", "not a web address", "https://idp.example.com"),
        "http://idp.example.com": ("invalid_authority", "does not use https"),
        nowhere: ("provider_unreachable", nowhere, "not reachable"),
        lab.server.url: ("discovery_failed", "no discovery document", "issuer address"),
        provider.issuer.replace("127.0.0.1", "localhost"): (
            "issuer_mismatch",
            provider.issuer,
            "calls itself",
        ),
    }
    made = [
        f"w{number} = OIDCLogin({authority!r}, 'notebooks'); w{number}"
        for number, authority in enumerate(cases)
    ]
    nb = lab.notebook(["from oidc_widget import OIDCLogin", *made, "1 + 1"])
    nb.run_all()
    for number, (code, *sentences) in enumerate(cases.values()):
        region = nb.cell(number + 1).get_by_role("region", name="OIDC sign-in")
        expect_error(nb, code, *sentences, region=region, name=f"w{number}")
    assert nb.run(len(cases) + 1) == "2"


def test_a_provider_that_is_back_is_tried_again(lab, provider):
    provider.configure(consent="skip")
    provider.down()
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    expect_error(nb, "provider_unreachable", "not reachable")
    provider.up()
    sign_in(nb, button="Try again")
    expect_kernel(nb, "w.status, w.error", ("signed_in", None))


def test_a_server_without_our_extension_leaves_the_kernels_own_way(page, start_jupyter, start_provider):
    """A window would end on a page that is not there, so that is said before anybody opens one."""
    jupyter = start_jupyter(config={"ServerApp": {"jpserver_extensions": {"oidc_widget": False}}})
    provider = start_provider(redirect_uris=jupyter.redirect_uris("https://idp.example.com"))
    page.set_default_timeout(30_000)
    nb = Lab(page, jupyter).notebook([login_cell(provider)])
    nb.run(0)
    expect(nb.region.get_by_role("alert")).not_to_be_empty()
    expect_kernel(nb, "w.status, w.error.code", ("error", "server_unavailable"))
    nb.region.get_by_role("button", name="Sign in without a window").click()
    expect(nb.region.locator(".oidc-code")).to_be_visible()
    expect(nb.region).to_contain_text("Waiting until the code is entered")


def test_a_click_before_the_provider_is_known(lab, provider):
    """The window opens inside the click, and goes on when there is an address."""
    provider.fault("discovery", "delay", seconds=2)
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    popup = open_popup(nb)
    assert popup.url == "about:blank"
    provider.heal()
    LoginForm(popup).sign_in("alice")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")


def test_arguments_that_are_missing_or_of_the_wrong_kind(lab):
    nb = lab.notebook(["from oidc_widget import OIDCLogin", "OIDCLogin()", "OIDCLogin(5, 'notebooks')"])
    nb.run(0)
    for index, told in ((1, "authority is missing, and client_id too"), (2, "authority is 5")):
        with pytest.raises(CellError, match=f"ConfigurationError: .*{told}"):
            nb.run(index)
    assert nb.execute("from oidc_widget.errors import OIDCError; issubclass(OIDCError, Exception)") == "True"


def test_an_unknown_client(lab, provider):
    """The provider must not send such a person back (RFC 6749 §4.1.2.1), so the kernel asks it why."""
    nb = lab.notebook(
        ["from oidc_widget import OIDCLogin", f"w = OIDCLogin({provider.issuer!r}, 'nobody'); w"]
    )
    nb.run_all()
    popup = open_popup(nb)
    expect(popup.get_by_text("invalid_client")).to_be_visible()
    popup.close()
    expect_error(nb, "unknown_client", "“nobody”")


def test_a_redirect_address_that_is_not_registered(lab, provider):
    provider.configure(redirect_uris=["http://localhost:1/elsewhere"])
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    popup = open_popup(nb)
    expect(popup.get_by_text("invalid_redirect_uri")).to_be_visible()
    popup.close()
    wanted = lab.server.redirect_uris(provider.issuer)[0]
    expect_error(nb, "redirect_uri_mismatch", wanted)
    expect(nb.region.get_by_role("button", name="Copy")).to_be_visible()
    # It is the exact one: registered as shown, it works.
    provider.configure(redirect_uris=[wanted])
    sign_in(nb, button="Try again")


def test_an_answer_with_another_state_reaches_nobody(nb, provider):
    provider.authorization_response(set={"state": "forged"})
    popup = open_popup(nb)
    LoginForm(popup).sign_in("alice", allow=False)
    expect(popup.get_by_text("No sign-in is waiting here")).to_be_visible()
    assert "code=" not in popup.url
    expect(nb.region).to_contain_text("Waiting for the sign-in window")
    popup.close()
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))
    assert not provider.requests("token")


def test_an_answer_used_twice_reaches_nobody(nb, provider):
    answers = []
    nb.page.context.on("request", lambda request: answers.append(request.url))
    answer(nb)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    [callback] = {url for url in answers if "/oidc-widget/callback/" in url and "code=" in url}
    again = nb.page.context.new_page()
    again.goto(callback)
    expect(again.get_by_text("No sign-in is waiting here")).to_be_visible()
    assert "code=" not in again.url
    assert len(provider.requests("token")) == 1
    expect_kernel(nb, "w.status, w.error", ("signed_in", None))


def test_an_answer_from_another_issuer(nb, provider):
    provider.authorization_response(set={"iss": "https://evil.example"})
    answer(nb)
    expect_refused(nb, "iss_mismatch", "https://evil.example", "not from")
    provider.authorization_response(omit=["iss"])
    answer(nb, "Try again")
    expect_refused(nb, "iss_mismatch")
    assert not provider.requests("token")


def test_id_tokens_that_are_not_right(nb, provider):
    forgeries = [
        ({"claims": {"iss": "https://evil.example"}}, "another issuer"),
        ({"claims": {"aud": "somebody-else"}}, "another client"),
        ({"claims": {"nonce": "replayed"}}, "another sign-in"),
        ({"claims": {"exp": 1_000_000_000}}, "expired"),
        ({"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}, "another access token"),
        ({"sign_with": "other"}, "signature"),
        ({"sign_with": "none"}, "not accepted"),
    ]
    for number, (forgery, reason) in enumerate(forgeries):
        provider.forge(**forgery)
        answer(nb, "Try again" if number else "Sign in")
        expect_refused(nb, "id_token_invalid", reason)
    provider.token_response(omit=["id_token"])
    answer(nb, "Try again")
    expect_refused(nb, "id_token_invalid", "missing")
    provider.heal()
    answer(nb, "Try again")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status, w.error", ("signed_in", None))


def test_token_endpoints_that_refuse_or_cannot_be_read(nb, provider):
    refused = {"error": "invalid_request", "error_description": "not <b>today</b>"}
    faults = [
        ({"kind": "status", "status": 400, "body": refused}, "token_request_refused", "“not <b>today</b>”"),
        (
            {"kind": "status", "status": 400, "body": {"error": "invalid_grant"}},
            "invalid_grant",
            "Sign in again",
        ),
        (
            {"kind": "status", "status": 401, "body": {"error": "invalid_client"}},
            "unknown_client",
            "client_id",
        ),
        ({"kind": "status", "status": 400, "body": ""}, "token_request_refused", "status 400"),
        ({"kind": "status", "status": 503}, "token_endpoint_unreachable", "status 503"),
        (
            {"kind": "status", "status": 400, "body": refused, "cors": False},
            "token_endpoint_unreachable",
            "CORS",
        ),
        ({"kind": "html"}, "token_response_invalid", "RFC 6749"),
        ({"kind": "refuse"}, "token_endpoint_unreachable", "/token"),
    ]
    for number, (fault, code, sentence) in enumerate(faults):
        provider.fault("token", **fault)
        answer(nb, "Try again" if number else "Sign in")
        expect_refused(nb, code, sentence)
    provider.heal()
    answer(nb, "Try again")
    expect(nb.region).to_contain_text("Signed in as Alice Adams")


@pytest.mark.own_page  # another may have its answers still
def test_a_provider_without_cors(lab, provider):
    provider.configure(cors="none")
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    expect_error(nb, "provider_unreachable", "CORS", "let the server's administrator configure this provider")


def test_a_callback_that_nobody_waits_for_says_why_and_nothing_of_a_strangers(page, jupyter):
    page.goto(f"{jupyter.redirect_uri}?error=access_denied&error_description=%3Cb%3Eno%3C/b%3E&state=old")
    expect(page.get_by_text("No sign-in is waiting here")).to_be_visible()
    expect(page.get_by_text(jupyter.origin)).to_be_visible()
    # Whoever made that address may have written the words, too.
    expect(page.get_by_text("<b>no</b>")).to_have_count(0)
    assert page.url == jupyter.redirect_uri
