"""Two people share a relay, and nothing else: neither holds the other up, nor is taken for the other.

Whose servers a Hub redeems codes for, and whom its callback passes them on to: `tests/hub/`, and on a real
Hub `ui-tests/test_hub_service.py` and `test_hub_relay.py`.
"""

from __future__ import annotations

import logging

import httpx
import pytest

from oidc_widget.relay import Refusal
from oidc_widget.relay.providers import parse_provider
from oidc_widget.relay.relay import Relay
from providers.hostile_provider import cases

FORM = "application/x-www-form-urlencoded"
REFRESH = str(httpx.QueryParams(grant_type="refresh_token", refresh_token="r")).encode()


@pytest.fixture
def issuer(hostile):
    (case,) = (case for case, _, _ in cases("relay") if case["name"] == "token-cookie")
    return hostile.issuer(case, "relay")


@pytest.fixture
def relay(issuer):
    entry = {"authority": issuer, "client_id": "notebooks", "relay": True}
    return Relay({"corp": parse_provider("corp", entry)}, logging.getLogger("test"))


async def test_what_a_provider_sets_for_one_is_not_sent_with_the_others_request(relay, hostile, issuer):
    for user in ("alice", "bob"):
        status, _ = await relay.token("corp", user, FORM, REFRESH)
        assert status == 200
    asked = [request for request in hostile.log(issuer) if request["path"] == "/token"]
    assert [request.get("cookie") for request in asked] == [None, None]


async def test_who_asks_without_end_holds_up_nobody_else(relay):
    with pytest.raises(Refusal) as refused:  # noqa: PT012  # the first ones are let through
        for _ in range(100):
            await relay.revoke("corp", "bob", FORM, b"refresh_token=r")
    assert refused.value.status == 429
    assert (await relay.token("corp", "alice", FORM, REFRESH))[0] == 200


async def test_a_user_s_name_is_no_key_to_anothers_limit(relay):
    """Names that differ in spelling are different people, whatever they hold."""
    for user in ("alice", "Alice", "alice ", "alice\x00", "('alice', 'corp')"):
        assert (await relay.token("corp", user, FORM, REFRESH))[0] == 200
