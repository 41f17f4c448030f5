"""The Hub's relay: for whose servers it redeems codes."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from oidc_widget.hub.relay import relay_of_environment
from oidc_widget.relay import Refusal

ENVIRONMENT = {
    "JUPYTERHUB_BASE_URL": "/some/hub/",
    "JUPYTERHUB_SERVICE_PREFIX": "/some/hub/services/oidc-widget/",
    "OIDC_WIDGET_PROVIDERS": json.dumps(
        {"corp": {"authority": "http://127.0.0.1:9", "client_id": "x", "relay": True}}
    ),
}
HUB = "https://hub.example.com/some/hub"
TAIL = "idp.example.com." + hashlib.sha256(b"x").hexdigest()[:16]


async def ask(redirect_uri, user="alice"):
    form = {
        "grant_type": "authorization_code",
        "code": "a",
        "code_verifier": base64.urlsafe_b64encode(b"x" * 33).decode(),
        "redirect_uri": redirect_uri,
    }
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    with pytest.raises(Refusal) as caught:
        await relay_of_environment(ENVIRONMENT).token("corp", user, "application/x-www-form-urlencoded", body)
    return caught.value.code


@pytest.mark.parametrize(
    "redirect_uri",
    [
        f"{HUB}/services/oidc-widget/callback",
        "http://oidc-widget--service.hub.example.com/some/hub/services/oidc-widget/callback",
        f"{HUB}/user/alice/oidc-widget/callback",
        f"{HUB}/user/alice/gpu/oidc-widget/callback",
    ],
)
async def test_a_code_that_came_to_the_hub_or_to_ones_own_server_is_redeemed(redirect_uri):
    assert await ask(redirect_uri) == "token_endpoint_unreachable"  # it would be, were there a provider


@pytest.mark.parametrize(
    "redirect_uri",
    [
        f"{HUB}/services/oidc-widget/callback/{TAIL}",
        f"{HUB}/user/bob/oidc-widget/callback",
        f"{HUB}/user/alice/../bob/oidc-widget/callback",
        f"{HUB}/user/alice/../oidc-widget/callback",
        f"{HUB}/user/alice/%2e%2e/oidc-widget/callback",
        f"{HUB}/user/alice/..%2fbob/oidc-widget/callback",
        f"{HUB}/user/alicex/oidc-widget/callback",
        f"{HUB}/user/alice/oidc-widget/callback/{TAIL}",
        f"{HUB}/services/other/callback",
        "https://evil.example/callback",
        "nonsense",
    ],
)
async def test_a_code_that_came_anywhere_else_is_not(redirect_uri):
    assert await ask(redirect_uri) == "invalid_request"
