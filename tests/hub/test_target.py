"""Where the Hub's callback passes a sign-in on to, and what it refuses."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc_widget.hub.target import Destination, find_destination, is_own_server, target_of

ORIGINS = ["http://hub.example.com", "https://hub.example.com"]
SERVERS = [
    {"name": "", "url": "/base/user/alice/", "full_url": None, "ready": True},
    {"name": "gpu", "url": "/base/user/alice/gpu/", "full_url": None, "ready": False},
]
SUBDOMAIN = [
    {
        "name": "",
        "url": "https://alice.hub.example.com/base/user/alice/",
        "full_url": "https://alice.hub.example.com/base/user/alice/",
        "ready": True,
    }
]


def state_for(target):
    return "r" * 43 + "." + base64.urlsafe_b64encode(target.encode()).rstrip(b"=").decode()


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_what_a_vault_writes_is_read(target):
    assert target_of(state_for(target)) == (target or None)


@given(st.text())
def test_any_other_state_has_no_target_or_an_ascii_one(state):
    target = target_of(state)
    assert target is None or target.isascii()


@pytest.mark.parametrize(
    "state", [None, "", "random", "random.", ".", "a.b", "a.é", "a." + "QUFB" * 2000, "a.QQ==="]
)
def test_a_state_without_a_target_has_none(state):
    assert target_of(state) is None


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_of_the_person_is_found(scheme):
    target = f"{scheme}://hub.example.com/base/user/alice/oidc-widget/callback"
    found = find_destination(target, SERVERS, origins=ORIGINS)
    assert found == Destination("/base/user/alice/oidc-widget/callback", ready=True)


def test_a_named_server_is_found_and_whether_it_runs():
    target = "https://hub.example.com/base/user/alice/gpu/oidc-widget/callback"
    found = find_destination(target, SERVERS, origins=ORIGINS)
    assert found == Destination("/base/user/alice/gpu/oidc-widget/callback", ready=False)


def test_with_subdomains_the_person_s_own_origin_is_the_destination():
    target = "https://alice.hub.example.com/base/user/alice/oidc-widget/callback"
    assert find_destination(target, SUBDOMAIN, origins=ORIGINS) == Destination(target, ready=True)


@pytest.mark.parametrize("servers", [SERVERS, SUBDOMAIN], ids=["one domain", "subdomains"])
@pytest.mark.parametrize(
    "target",
    [
        "",
        "/base/user/alice/oidc-widget/callback",
        "//evil.example/base/user/alice/oidc-widget/callback",
        "https://evil.example/base/user/alice/oidc-widget/callback",
        "https://hub.example.com.evil.example/base/user/alice/oidc-widget/callback",
        "https://hub.example.com@evil.example/base/user/alice/oidc-widget/callback",
        "https://evil.example\\@hub.example.com/base/user/alice/oidc-widget/callback",
        "https://hub.example.com:8443/base/user/alice/oidc-widget/callback",
        "https://mallory.hub.example.com/base/user/mallory/oidc-widget/callback",
        "https://mallory.hub.example.com/base/user/alice/oidc-widget/callback",
        "https://hub.example.com/base/user/mallory/oidc-widget/callback",
        "https://hub.example.com/base/user/alice/../mallory/oidc-widget/callback",
        "https://hub.example.com/base/user/alice/..%2fmallory/oidc-widget/callback",
        "https://hub.example.com/base/user/alice%2f/oidc-widget/callback",
        "https://hub.example.com/base/user/alice/oidc-widget/callback/../../x",
        "https://hub.example.com/base/user/alice/oidc-widget/callback?next=x",
        "https://hub.example.com/base/user/alice/oidc-widget/callback#x",
        "https://hub.example.com/base/user/alice/oidc-widget/callback\r\nX: y",
        "https://hub.example.com/base/user/alice/lab",
        "https://hub.example.com/base/user/alice/other/oidc-widget/callback",
        "https://hub.example.com/user/alice/oidc-widget/callback",
        "https://hub.example.com/base/hub/logout",
        "ftp://hub.example.com/base/user/alice/oidc-widget/callback",
        "javascript:alert(1)//hub.example.com/base/user/alice/oidc-widget/callback",
        "HTTPS://hub.example.com/base/user/alice/oidc-widget/callback",
    ],
)
def test_anything_else_is_nobody_s(target, servers):
    assert find_destination(target, servers, origins=ORIGINS) is None


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_a_destination_is_always_one_of_the_servers_own(target):
    found = find_destination(target, SERVERS, origins=ORIGINS)
    assert found is None or found.location in {f"{server['url']}oidc-widget/callback" for server in SERVERS}


@pytest.mark.parametrize(
    ("target", "own"),
    [
        ("https://hub.example.com/base/user/a%40b/oidc-widget/callback", False),
        ("https://hub.example.com/base/user/a@b/oidc-widget/callback", True),
        ("https://hub.example.com/base/user/a@b/gpu/oidc-widget/callback", True),
        ("https://hub.example.com/base/user/a@bc/oidc-widget/callback", False),
        ("https://hub.example.com/base/user/c/oidc-widget/callback", False),
        ("https://[", False),
        ("https://hub.example.com/base/user/a@b/../c/oidc-widget/callback", False),
        ("https://hub.example.com/base/user/a@b/x/y/oidc-widget/callback", False),
        ("https://hub.example.com/base/user/a@b/%2e%2e/oidc-widget/callback", False),
    ],
)
def test_a_stopped_server_is_known_by_its_path(target, own):
    assert is_own_server(target, "a@b", base_url="/base/") is own
