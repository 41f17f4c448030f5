"""What is read of a provider's metadata, and what is believed of it."""

from __future__ import annotations

import time

import httpx2
import pytest

from oidc_widget.errors import DiscoveryError
from oidc_widget.oauth.provider import MAX_AGE, Provider, discover

ISSUER = "https://idp.example.com/realms/a"


def asked(document, authority=ISSUER, *, exact=False, **headers):
    def answer(request):
        assert request.url.path == "/realms/a/.well-known/openid-configuration"
        return httpx2.Response(200, json=document, headers=headers)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        return discover(client, authority, exact=exact)


def test_of_what_a_provider_sends_the_known_members_are_kept():
    provider = asked(
        {
            "issuer": ISSUER,
            "token_endpoint": "https://idp.example.com/token",
            "scopes_supported": ["openid", 7],
            "code_challenge_methods_supported": "S256",
            "require_pushed_authorization_requests": "yes",
            "filler": [{}] * 1000,
        }
    )
    assert provider.metadata == {
        "issuer": ISSUER,
        "token_endpoint": "https://idp.example.com/token",
        "scopes_supported": ["openid"],
    }


@pytest.mark.parametrize(
    ("authority", "said", "same"),
    [
        (ISSUER, ISSUER, True),
        (f"{ISSUER}/", ISSUER, True),
        (ISSUER, f"{ISSUER}/", True),
        (f"{ISSUER}/.well-known/openid-configuration", ISSUER, True),
        (ISSUER, "https://idp.example.com/realms/A", False),
        ("https://IDP.example.com/realms/a", ISSUER, False),
        (ISSUER, "https://idp.example.com:443/realms/a", False),
        (ISSUER, "HTTPS://idp.example.com/realms/a", False),
        (ISSUER, f"{ISSUER}//", False),
        (ISSUER, f"{ISSUER}?x", False),
        (ISSUER, "https://idp.example.com/realms/b/../a", False),
        (ISSUER, "https://idp.example.com/realms/%61", False),
    ],
)
def test_an_issuer_is_compared_letter_by_letter(authority, said, same):
    if same:
        assert asked({"issuer": said}, authority).issuer == said
        return
    with pytest.raises(DiscoveryError) as caught:
        asked({"issuer": said}, authority)
    assert caught.value.code == "issuer_mismatch"


def test_where_the_issuer_stands_in_tokens_nothing_is_forgiven():
    with pytest.raises(DiscoveryError, match="says that its issuer is"):
        asked({"issuer": f"{ISSUER}/"}, exact=True)


def test_metadata_are_to_be_read_again_after_a_while():
    assert not asked({"issuer": ISSUER}).aged
    assert Provider(ISSUER, {}, time.monotonic() - MAX_AGE - 1).aged


@pytest.mark.parametrize("address", [5, "", "http://idp.example.com/t", "http://127.0.0.1/t", "ftp://x/t"])
def test_an_endpoint_that_can_not_be_trusted_is_none(address):
    with pytest.raises(DiscoveryError, match="token_endpoint"):
        asked({"issuer": ISSUER, "token_endpoint": address}).endpoint("token_endpoint")
