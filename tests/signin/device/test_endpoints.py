"""Which of a provider's announced addresses are used."""

from __future__ import annotations

import httpx
import pytest

from oidc_widget.errors import ConfigurationError, DiscoveryError
from oidc_widget.oauth.device_authorization import DeviceAuthorization
from oidc_widget.oauth.provider import Provider, discover, parse_authority
from oidc_widget.oauth.token_endpoint import TokenEndpoint


def test_a_provider_elsewhere_can_not_send_us_to_this_machines_own_ports():
    provider = Provider("https://idp.example.com", {"token_endpoint": "http://127.0.0.1:8888/api"})
    with pytest.raises(DiscoveryError, match="not https") as caught:
        provider.endpoint("token_endpoint")
    assert caught.value.code == "insecure_url"


def test_a_provider_on_this_machine_may_use_plain_http():
    provider = Provider("http://127.0.0.1:9000", {"token_endpoint": "http://127.0.0.1:9000/token"})
    assert provider.endpoint("token_endpoint") == "http://127.0.0.1:9000/token"


@pytest.mark.parametrize(
    "authority",
    [
        "idp.example.com",
        "ftp://idp.example.com",
        "http://idp.example.com",
        "http://localhost:abc",
        "https://[",
    ],
)
def test_what_is_no_address_of_a_provider_is_the_callers_mistake(authority):
    with pytest.raises(ConfigurationError) as caught:
        parse_authority(authority)
    assert caught.value.code == "invalid_authority"


def test_nobody_replaces_the_parameters_of_the_protocol(provider):
    mine = {"client_id": "another", "scope": "all", "login_hint": "alice"}
    with httpx.Client(trust_env=False) as client:
        endpoint = TokenEndpoint(discover(client, provider.issuer), provider.client_id, client)
        endpoint.post("token_endpoint", lambda: {"grant_type": "refresh_token", "client_id": "another"})
        DeviceAuthorization.request(endpoint, {"scopes": ["openid"], "extra_params": mine})
        DeviceAuthorization.request(endpoint, {"extra_params": mine})
    [token] = provider.requests("token")
    assert token.params["client_id"] == provider.client_id
    for request, scope in zip(provider.requests("device_authorization"), ["openid", None], strict=True):
        seen = {name: request.params.get(name) for name in ("client_id", "scope", "login_hint")}
        assert seen == {"client_id": provider.client_id, "scope": scope, "login_hint": "alice"}


class Web:
    """Providers that answer with what a test says, without a network."""

    def __init__(self, **answers):
        self.asked = []
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.client = httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request):
        self.asked.append(str(request.url))
        answer = self.answers[request.url.host]
        return httpx.Response(302, headers={"location": answer}) if isinstance(answer, str) else answer


def document(issuer):
    return httpx.Response(200, json={"issuer": issuer})


def test_a_discovery_document_that_has_moved_is_followed_as_browsers_do():
    web = Web(idp_example="https://new.example/moved", new_example=document("https://idp.example"))
    assert discover(web.client, "https://idp.example").issuer == "https://idp.example"
    assert web.asked == ["https://idp.example/.well-known/openid-configuration", "https://new.example/moved"]


def test_a_document_that_has_moved_is_still_to_be_the_issuers():
    web = Web(idp_example="https://new.example/", new_example=document("https://new.example"))
    with pytest.raises(DiscoveryError) as caught:
        discover(web.client, "https://idp.example")
    assert caught.value.code == "issuer_mismatch"


@pytest.mark.parametrize(
    "target",
    ["http://new.example/", "http://127.0.0.1/api", "file:///etc/passwd", "https://user:x@new.example/"],
)
def test_a_redirect_away_from_https_is_not_followed(target):
    web = Web(idp_example=target, new_example=document("https://idp.example"))
    with pytest.raises(DiscoveryError) as caught:
        discover(web.client, "https://idp.example")
    assert caught.value.code == "discovery_failed"
    assert len(web.asked) == 1


def test_redirects_have_an_end():
    web = Web(idp_example="https://idp.example/again")
    with pytest.raises(DiscoveryError, match="status 302"):
        discover(web.client, "https://idp.example")
    assert len(web.asked) == 4
