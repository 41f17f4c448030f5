"""Signing in by hand in real kernels of both lines, where no page shows the widget (a console)."""

from __future__ import annotations

import re

import pytest

from oidc_widget.oauth.callback_address import own_address
from oidc_widget.signin.pasted_redirect import DEFAULT_CALLBACK
from providers.http_person import HttpPerson


@pytest.fixture
def provider(provider):
    provider.configure(consent="skip", redirect_uris=[own_address(DEFAULT_CALLBACK, provider.issuer)])
    provider.discovery_response(omit=["device_authorization_endpoint"])
    return provider


def start(kernel, provider):
    """Start a cell that waits for a sign-in, and return it and the link that it shows."""
    cell = kernel.start(
        "if 'w' in globals(): w.sign_out()\n"
        "from oidc_widget import OIDCLogin\n"
        f"w = OIDCLogin({provider.issuer!r}, {provider.client_id!r}, flow='device')\n"
        "token = w.wait(); print('there:', w.claims['name'])"
    )
    kernel.hear_until(lambda: any("state=" in text for text in kernel.texts.values()), "the link")
    [link] = [found[0] for text in kernel.texts.values() if (found := re.search(r"http\S+state=\S+", text))]
    return cell, link


def land(link):
    with HttpPerson() as alice:
        return alice.visit(link, until=DEFAULT_CALLBACK)


def test_the_address_goes_into_a_password_field_and_the_link_goes_away(kernel, provider):
    cell, link = start(kernel, provider)
    assert kernel.prompt() == {"prompt": "Address you landed on: ", "password": True}
    kernel.type("http://localhost/nothing")
    assert kernel.prompt()["password"]
    kernel.hear_until(lambda: "not the address" in cell.output, "what is wrong with it")
    kernel.type(land(link))
    assert cell.finish().endswith("there: Alice Adams")
    kernel.hear_until(lambda: "Signed in as Alice Adams.\n" in kernel.texts.values(), "the word of success")
    assert any(text.startswith("Sign-in to 127.0.0.1") for text in kernel.texts.values())
    assert not any("state=" in text for text in kernel.texts.values())


def test_an_interrupt_ends_the_wait_and_cancelling_takes_the_link_away(kernel, provider):
    cell, _ = start(kernel, provider)
    kernel.prompt()
    kernel.interrupt()
    assert "KeyboardInterrupt" in cell.fail()
    kernel.run("w.sign_out()")
    kernel.hear_until(lambda: "The sign-in was cancelled." in kernel.texts.values(), "the end")
    assert not any("state=" in text for text in kernel.texts.values())
