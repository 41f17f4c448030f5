"""A kernel that signs in by itself has one session for all widgets that it serves; the last one ends it."""

from __future__ import annotations

import re
import threading
import time

import pytest

from oidc_widget import OIDCLogin
from providers.http_person import HttpPerson

LOGIN = (
    "from oidc_widget import OIDCLogin\n{name} = OIDCLogin({issuer!r}, 'notebooks', flow='device'{options})\n"
)


@pytest.fixture
def provider(provider):
    provider.configure(
        consent="skip", device_authorization_response={"set": {"interval": 0.1}}, resources=None
    )
    return provider


@pytest.fixture
def make(kernel, provider):
    def make(name="w", options=""):
        return kernel.run(LOGIN.format(name=name, issuer=provider.issuer, options=options) + f"{name}.status")

    yield make
    kernel.run(
        "for w in [w for w in list(globals().values()) if isinstance(w, OIDCLogin)]: w.sign_out(); w.close()"
    )


def sign_in(kernel, name="w", person="alice"):
    kernel.texts.clear()
    cell = kernel.start(f"{name}.sign_in(); {name}.wait(20); {name}.claims['name']")
    kernel.hear_until(lambda: any("user_code=" in text for text in kernel.texts.values()), "the code")
    [link] = [
        found[0] for text in kernel.texts.values() if (found := re.search(r"http\S+user_code=\S+", text))
    ]
    with HttpPerson(person) as somebody:
        somebody.visit(link)
    return cell.finish()


def codes(provider):
    return len(provider.requests("device_authorization"))


def revocations(provider, kernel):
    kernel.run(
        "import threading\nfor t in threading.enumerate():\n    if t.name == 'oidc-widget-revoke': t.join(10)"
    )
    return provider.requests("revocation")


def test_running_the_cell_again_asks_for_no_other_code(kernel, provider, make):
    assert make() == "'signed_out'"
    assert sign_in(kernel) == "'Alice Adams'"
    assert make() == "'signed_in'"
    assert kernel.run("w.claims['name'], w.wait(5) == w.access_token") == "('Alice Adams', True)"
    assert codes(provider) == 1
    assert revocations(provider, kernel) == []
    kernel.run(
        "import gc; gc.collect(); w.refresh()\nimport time\nwhile w.expires_in > 3599: time.sleep(0.01)"
    )
    assert len(provider.requests("token", grant_type="refresh_token")) <= 1


def test_the_last_one_to_close_ends_it(kernel, provider, make):
    make("one")
    sign_in(kernel, "one")
    make("two")
    kernel.run("one.close()")
    assert revocations(provider, kernel) == []
    assert (
        kernel.run("two.status, one.access_token, two.access_token is not None")
        == "('signed_in', None, True)"
    )
    kernel.run("two.close()")
    assert [request.params["token_type_hint"] for request in revocations(provider, kernel)] == [
        "refresh_token"
    ]


def test_a_widget_that_is_left_alone_ends_it_too(kernel, provider, make):
    make("one")
    sign_in(kernel, "one")
    make("one")
    kernel.run("import gc; gc.collect()")
    assert revocations(provider, kernel) == []
    kernel.run("del one; gc.collect()")
    deadline = time.monotonic() + 10
    while not revocations(provider, kernel):
        assert time.monotonic() < deadline


def test_signing_out_of_one_signs_out_of_all(kernel, provider, make):
    make("one")
    sign_in(kernel, "one")
    make("two")
    kernel.run("two.sign_out()")
    assert kernel.run("one.status, one.access_token") == "('signed_out', None)"
    assert len(revocations(provider, kernel)) == 1


def test_who_waited_for_the_same_is_signed_in_with_the_first(kernel, provider, make):
    make("one")
    make("two")
    sign_in(kernel, "two")
    assert kernel.run("one.status, one.access_token == two.access_token") == "('signed_in', True)"
    assert codes(provider) == 1


@pytest.mark.parametrize(
    "options",
    [
        ", extra_params={'prompt': 'login'}",
        ", extra_params={'login_hint': 'bob@example.com'}",
        ", extra_params={'acr_values': 'gold'}",
        ", extra_params={'connector_id': 'ldap'}",
        ", extra_params={'max_age': 3600}",
    ],
)
def test_who_asks_for_another_sign_in_is_not_served(kernel, make, options):
    make("one")
    sign_in(kernel, "one")
    assert make("two", options) == "'signed_out'"


def test_who_is_named_is_served(kernel, make):
    make("one")
    sign_in(kernel, "one")
    assert make("two", ", extra_params={'login_hint': 'alice'}") == "'signed_in'"


def test_fewer_scopes_are_a_token_of_their_own_from_the_same_session(kernel, provider, make):
    make("one")
    sign_in(kernel, "one")
    make("two", ", scopes=['openid']")
    assert kernel.run("two.wait(10) != one.access_token") == "True"
    assert codes(provider) == 1
    assert provider.requests("token", grant_type="refresh_token")[-1].params["scope"] == "openid"


def test_scopes_that_the_session_does_not_have_leave_the_widget_signed_out(kernel, provider, make):
    make("one")
    sign_in(kernel, "one")
    make("two", ", scopes=['openid', 'offline_access', 'more']")
    deadline = time.monotonic() + 10
    while not provider.requests("token", grant_type="refresh_token"):
        assert time.monotonic() < deadline
    assert kernel.run("two.status, one.status") == "('signed_out', 'signed_in')"


def test_outside_of_a_kernel_nothing_is_shared(provider):
    one, two = (OIDCLogin(provider.issuer, "notebooks", flow="device") for _ in range(2))
    assert one._sign_in.source._shared is not two._sign_in.source._shared
    for w in (one, two):
        w.close()
    assert threading.current_thread() is threading.main_thread()
