"""A kernel that signs in by itself, in both lines, while a page shows the widget (VS Code, Colab).

What is clicked there comes through when no cell runs: so whoever waits in a cell must not depend on it.
"""

from __future__ import annotations

import pytest

from oidc_widget.oauth.callback_address import own_address
from oidc_widget.signin.pasted_redirect import DEFAULT_CALLBACK
from providers.http_person import HttpPerson

WAYS = ["w.wait()", "w.token(resource='https://api.example/')", "await w", "await w.token_async()"]


@pytest.fixture
def provider(provider):
    provider.configure(
        consent="skip",
        redirect_uris=[own_address(DEFAULT_CALLBACK, provider.issuer)],
        device_authorization_response={"set": {"interval": 0.1}},
    )
    return provider


@pytest.fixture
def by_hand(provider):
    provider.discovery_response(omit=["device_authorization_endpoint"])
    return provider


def show(kernel, authority):
    """Make a widget, and let a page show it."""
    kernel.run("if 'w' in globals(): w.sign_out()")
    kernel.told.clear()
    kernel.run(
        f"from oidc_widget import OIDCLogin\nw = OIDCLogin({authority!r}, 'notebooks', flow='device')\nw"
    )
    kernel.adopt("w", kernel.run("print(w._link_id)"))
    kernel.page(popup=False)


def state(kernel, wanted):
    """Wait until the page is told a state that is as wanted, and return it."""
    kernel.hear_until(lambda: any(map(wanted, states(kernel))), "a state")
    return [told for told in states(kernel) if wanted(told)][-1]


def states(kernel):
    return [message for _, message in kernel.told if message["kind"] == "state"]


def land(link):
    with HttpPerson() as alice:
        return alice.visit(link, until=DEFAULT_CALLBACK)


@pytest.mark.parametrize("waiting", WAYS)
def test_a_failure_ends_the_wait_of_a_cell(kernel, waiting):
    show(kernel, "http://127.0.0.1:1")
    assert "can't be reached" in kernel.start(waiting).fail()
    assert kernel.run("w.status, w.error.code") == "('error', 'provider_unreachable')"


def test_who_waits_in_another_thread_is_helped_by_trying_again(kernel, provider):
    provider.down()
    show(kernel, provider.issuer)
    kernel.run(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "waiting = ThreadPoolExecutor().submit(w.wait, 20)\n"
        "with w._sign_in.pages.news: w._sign_in.pages.news.wait_for(lambda: w.error, 20)"
    )
    provider.up()
    kernel.deliver_by_comm("w", "command", name="sign_in")
    shown = state(kernel, lambda told: told.get("device"))["device"]
    with HttpPerson() as alice:
        alice.visit(shown["verification_uri_complete"])
    assert kernel.run("waiting.result(20) == w.access_token") == "True"


def test_the_address_is_asked_for_by_the_cell_that_blocks(kernel, by_hand):
    show(kernel, by_hand.issuer)
    cell = kernel.start("token = w.wait(); print('there:', w.claims['name'])")
    assert kernel.prompt() == {"prompt": "Address you landed on: ", "password": True}
    beside = state(kernel, lambda told: told.get("paste") and told["error"])
    assert "Paste it into the field below that cell." in beside["error"]["hint"]
    kernel.type(land(beside["paste"]["authorization_url"]))
    assert cell.finish().endswith("there: Alice Adams")
    assert kernel.run("w.status, w.error") == "('signed_in', None)"


def test_an_interrupted_question_leaves_the_field_in_the_page_to_be_used(kernel, by_hand):
    show(kernel, by_hand.issuer)
    cell = kernel.start("w.wait()")
    kernel.prompt()
    kernel.interrupt()
    assert "KeyboardInterrupt" in cell.fail()
    assert kernel.run("w.status, w.error") == "('signing_in', None)"
    link = state(kernel, lambda told: told.get("paste"))["paste"]["authorization_url"]
    kernel.deliver_by_comm("w", "command", name="paste", address=land(link))
    assert "a token" in kernel.run("w.wait(20) and 'a token'")


@pytest.mark.parametrize("waiting", ["w.wait(60)", "w.token()"])
def test_a_cell_that_waits_for_a_while_is_not_held_up_by_a_question(kernel, by_hand, waiting):
    show(kernel, by_hand.issuer)
    assert "nobody can hand in the address" in kernel.start(waiting).fail()
    assert kernel.run("w.status, w.error") == "('signing_in', None)"
    link = state(kernel, lambda told: told.get("paste"))["paste"]["authorization_url"]
    assert "a token" in kernel.run(f"w.paste({land(link)!r}); {waiting} and 'a token'")


@pytest.mark.parametrize("start", ["", "w.sign_in()"])
def test_an_address_that_can_not_come_through_is_not_awaited(kernel, by_hand, start):
    show(kernel, by_hand.issuer)
    kernel.run(start)
    if start:
        state(kernel, lambda told: told.get("paste"))
    if kernel.name == "ipykernel6":
        assert "nobody can hand in the address" in kernel.start("await w").fail()
        return
    cell = kernel.start("await w; print('there:', w.claims['name'])")
    link = state(kernel, lambda told: told.get("paste"))["paste"]["authorization_url"]
    kernel.deliver_by_comm("w", "command", name="paste", address=land(link))
    assert cell.finish().endswith("there: Alice Adams")


def test_a_page_that_can_open_no_window_after_all_has_the_kernel_sign_in(kernel, provider):
    kernel.run("if 'w' in globals(): w.sign_out()")
    kernel.told.clear()
    kernel.run(f"w = OIDCLogin({provider.issuer!r}, 'notebooks')\nw")
    kernel.adopt("w", kernel.run("print(w._link_id)"))
    kernel.page(popup=True)
    kernel.deliver_by_comm("w", "command", name="sign_in")
    shown = state(kernel, lambda told: told.get("device"))["device"]
    with HttpPerson() as alice:
        alice.visit(shown["verification_uri_complete"])
    told = state(kernel, lambda told: told["status"] == "signed_in")
    assert (told["account"], told["renewed"]) == ("Alice Adams", True)


def test_a_renewal_says_nothing_to_pages_for_it_would_be_activity_of_the_kernel(kernel):
    kernel.run("if 'w' in globals(): w.sign_out()")
    kernel.login()
    kernel.page()
    kernel.told.clear()
    kernel.token("w", "first", expires_in=60)
    told = state(kernel, lambda told: told["status"] == "signed_in")
    assert (told["renewed"], told["expires_in"] > 50) == (False, True)
    kernel.token("w", "second", expires_in=60)
    assert state(kernel, lambda told: told["renewed"])["account"] == "Alice Adams"
    so_far = len(states(kernel))
    for value in ("third", "fourth"):
        kernel.token("w", value, expires_in=60)
    assert kernel.run("print(w.access_token)") == "fourth"
    assert len(states(kernel)) == so_far
    # Who asks is told all the same, and what else is new.
    kernel.page()
    state(kernel, lambda told: told is not states(kernel)[so_far - 1] and told["renewed"])
    so_far = len(states(kernel))
    kernel.token("w", "fifth", expires_in=60, session="another one of hers")
    kernel.hear_until(lambda: len(states(kernel)) > so_far, "a state")
    kernel.token("w", "sixth", expires_in=60, account="Bob", claims={"sub": "b-1"})
    assert state(kernel, lambda told: told["account"] == "Bob")["renewed"] is False


def test_each_new_token_is_told_where_it_is_not_renewed_by_itself(kernel):
    kernel.login(auto_refresh=False)
    kernel.page()
    kernel.told.clear()
    for count in (1, 2, 3):
        kernel.token("w", f"token {count}", expires_in=60)
        kernel.hear_until(lambda count=count: len(signed_in(kernel)) == count, "a state")
    assert not any(told["renewed"] for told in signed_in(kernel))


def test_each_click_that_the_kernel_hears_is_answered_though_nothing_comes_of_it(kernel):
    kernel.login(flow="popup")
    kernel.page(popup=False)
    kernel.told.clear()
    for count in (1, 2, 3):
        kernel.deliver_by_comm("w", "command", name="sign_in")
        kernel.hear_until(lambda count=count: len(refused(kernel)) == count, "a state")
    assert {told["error"]["code"] for told in refused(kernel)} == {"popup_blocked"}


def refused(kernel):
    return [told for told in states(kernel) if told["error"]]


def signed_in(kernel):
    return [told for told in states(kernel) if told["status"] == "signed_in"]
