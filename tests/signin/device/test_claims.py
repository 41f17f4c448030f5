"""Claims are made to be looked at, and the userinfo endpoint's are about the same person."""

from __future__ import annotations

import pytest
from IPython.lib.pretty import pretty

from oidc_widget.errors import DiscoveryError, TokenError
from oidc_widget.signin.claims import readable

CLAIMS = {"sub": "a", "name": "<b>Alice</b>", "address": {"country": "Ä"}}


def test_claims_alone_in_a_cell_are_readable():
    claims = readable(CLAIMS)
    assert repr(claims) == str(claims) == repr(CLAIMS)
    assert pretty(claims) == pretty(CLAIMS)
    assert claims == CLAIMS
    assert dict(claims) == CLAIMS
    table = claims._repr_html_()
    assert "<table>" in table
    assert "&lt;b&gt;Alice&lt;/b&gt;" in table
    assert "{&quot;country&quot;: &quot;Ä&quot;}" in table
    with pytest.raises(TypeError):
        claims["sub"] = "b"
    assert readable(None) is None


def test_the_userinfo_endpoint_tells_of_the_person(signed_in):
    w = signed_in()
    told = w.userinfo()
    assert (told["sub"], told["name"]) == ("a-1001", "Alice Adams")
    assert repr(told) == repr(dict(told))


def test_the_userinfo_of_another_person_is_not_used(provider, signed_in):
    w = signed_in()
    provider.fault("userinfo", "status", status=200, body={"sub": "b-1002", "name": "Bob"})
    with pytest.raises(TokenError, match="another person"):
        w.userinfo()


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_not_for_the_userinfo_endpoint_is_named(provider, signed_in, status):
    w = signed_in()
    provider.fault("userinfo", "status", status=status)
    with pytest.raises(TokenError, match="does not accept the access token"):
        w.userinfo()


@pytest.mark.parametrize("kind", ["html", "refuse", "status"])
def test_an_answer_that_is_none_is_named(provider, signed_in, kind):
    w = signed_in()
    provider.fault("userinfo", kind)
    with pytest.raises(DiscoveryError, match="gave no claims"):
        w.userinfo(timeout=5)


def test_a_provider_without_the_endpoint_is_named(provider, signed_in):
    w = signed_in()
    provider.discovery_response(omit=["userinfo_endpoint"])
    with pytest.raises(DiscoveryError, match="userinfo_endpoint"):
        w.userinfo()
