"""The device flow of `OIDCLogin`, in a process without a kernel."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from oidc_widget import OIDCLogin
from oidc_widget.demo.loopback import LoopbackServer
from oidc_widget.demo.provider import create_provider
from oidc_widget.errors import ConfigurationError, DiscoveryError, SignInError, SignInTimeout, TokenError
from oidc_widget.oauth.authorization_request import code_challenge
from providers.http_person import HttpPerson, _Forms
from shown import shown

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def test_the_code_and_the_link_are_printed_and_lead_to_a_verified_token(provider, login, approve, capfd):
    w = login(label="Corp")
    w.sign_in()
    assert w.status == "signing_in"
    device = shown(w)["device"]
    approve(w)
    token = w.wait(20)
    printed = capfd.readouterr().out
    assert "To sign in to Corp" in printed
    assert all(device[name] in printed for name in ("user_code", "verification_uri"))
    assert token == w.access_token == w.token()
    assert provider.introspect(token)["sub"] == "a-1001"
    assert (w.status, w.claims["name"]) == ("signed_in", "Alice Adams")
    assert 3590 < w.expires_in <= 3600
    assert token not in printed


def test_the_widget_is_given_a_picture_of_the_link(login):
    w = login()
    w.sign_in()
    picture = shown(w)["device"]["qr_svg"]
    assert picture.startswith("<svg")
    assert not re.search("href|script|<image", picture)


def test_waiting_or_asking_for_a_token_starts_the_sign_in(login, approve):
    w = login()
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(w.wait, 20), pool.submit(w.token, timeout=20)]
        approve(w)
        assert len({one.result(20) for one in waiting}) == 1


def test_asking_for_another_token_than_the_sign_ins_own_goes_on_after_the_sign_in(provider, login, approve):
    w = login(
        scopes=["openid", "read"], resource="https://api.example.com/", extra_params={"prompt": "login"}
    )
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(w.token, scopes=["openid"], timeout=20)
        approve(w)
        assert asked.result(20) != w.access_token
    assert provider.requests("token", grant_type="refresh_token")[-1].params["scope"] == "openid"


def test_a_wait_ends_in_time(login):
    w = login()
    with pytest.raises(SignInTimeout):
        w.wait(0.2)


def test_a_second_sign_in_shows_the_same_code(provider, login):
    w = login()
    w.sign_in()
    code = shown(w)["device"]["user_code"]
    w.sign_in()
    assert shown(w)["device"]["user_code"] == code
    assert len(provider.requests("device_authorization")) == 1


@pytest.mark.parametrize("error", ["expired_token", "access_denied", "invalid_grant", "unauthorized_client"])
def test_what_ends_the_polling_ends_the_wait_with_a_reason(provider, login, error):
    provider.fault("token", "status", status=400, body={"error": error}, grant_type=DEVICE)
    w = login()
    with pytest.raises((SignInError, TokenError)) as caught:
        w.wait(20)
    assert caught.value.code == {"unauthorized_client": "unknown_client"}.get(error, error)
    assert w.status == "error"
    assert w.error.code == caught.value.code
    assert len(provider.requests("token")) == 1


def test_a_code_that_nobody_enters_expires(provider, login):
    provider.configure(device_authorization_response={"set": {"interval": 0.1, "expires_in": 0.3}})
    with pytest.raises(SignInError, match="expired"):
        login().wait(20)


def test_somebody_who_says_no_is_taken_at_their_word(login):
    w = login()
    with ThreadPoolExecutor() as pool, httpx.Client(trust_env=False) as browser:
        waiting = pool.submit(w.wait, 20)
        page = browser.get(shown(w)["device"]["verification_uri_complete"], follow_redirects=True)
        forms = _Forms()
        forms.feed(page.text)
        action, fields = forms.forms[-1]
        browser.post(str(page.url.join(action)), data={**fields, "abort": "yes"})
        with pytest.raises(SignInError, match="declined") as caught:
            waiting.result(20)
    assert caught.value.code == "access_denied"


def test_a_provider_that_is_down_for_a_while_is_asked_again(provider, login, approve):
    provider.fault("token", "status", status=503, times=1, grant_type=DEVICE)
    w = login()
    w.sign_in()
    approve(w)
    assert w.wait(20)
    polls = provider.requests("token", grant_type=DEVICE)
    assert polls[0].status == 503
    assert polls[1].time - polls[0].time > 0.5


@pytest.mark.parametrize(
    "forged",
    [
        {"claims": {"iss": "https://evil.example"}},
        {"claims": {"aud": "somebody-else"}},
        {"claims": {"exp": 1}},
        {"claims": {"at_hash": "AAAA"}},
        {"sign_with": "other"},
        {"sign_with": "none"},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_right_gives_no_token(provider, login, approve, forged):
    provider.forge(**forged)
    w = login()
    w.sign_in()
    approve(w)
    with pytest.raises(SignInError) as caught:
        w.wait(20)
    assert caught.value.code == "id_token_invalid"
    assert w.access_token is None
    assert len(provider.requests("revocation")) == 1


def test_a_sign_in_without_the_providers_keys_says_that_it_is_those(provider, login, approve):
    provider.fault("jwks", "status", status=503)
    w = login()
    w.sign_in()
    approve(w)
    with pytest.raises(DiscoveryError) as caught:
        w.wait(20)
    assert caught.value.code == "keys_unavailable"
    assert w.access_token is None


def test_an_id_token_that_was_asked_for_must_come(provider, login, approve):
    provider.token_response(omit=["id_token"])
    w = login()
    w.sign_in()
    approve(w)
    with pytest.raises(SignInError, match="no ID token"):
        w.wait(20)


def test_a_cancelled_sign_in_is_not_polled_any_more(provider, login, approve):
    w = login()
    w.sign_in()
    shown(w)
    w._sign_in.source.cancel()
    assert w.status == "signed_out"
    seen = len(provider.requests("token"))
    other = login()
    other.sign_in()
    approve(other)
    other.wait(20)
    codes = {request.params["device_code"] for request in provider.requests("token")[seen:]}
    assert len(codes) == 1
    assert w.access_token is None


def test_a_provider_that_can_not_be_reached_is_named_at_once(provider, login):
    provider.down()
    w = login()
    with pytest.raises(DiscoveryError, match="can't be reached"):
        w.wait(20)


@pytest.mark.parametrize("given", [{"authority": "https://idp.example.com"}, {"client_id": "notebooks"}])
def test_a_configured_provider_and_an_authority_are_two_ways_to_say_the_same(given):
    with pytest.raises(ConfigurationError, match="provider is given together with"):
        OIDCLogin(provider="corp", **given)


def test_a_provider_of_the_servers_configuration_needs_a_window():
    w = OIDCLogin(provider="corp", flow="device")
    with pytest.raises(ConfigurationError, match="needs authority and client_id"):
        w.wait(20)


def test_the_link_must_be_a_web_address(provider, login):
    provider.configure(device_authorization_response={"set": {"verification_uri": "javascript:alert(1)"}})
    with pytest.raises(SignInError, match="RFC 8628"):
        login().wait(20)


def test_a_second_provider_signs_in_too():
    with LoopbackServer() as server:
        server.serve(create_provider(server.url, resources=["http://127.0.0.1:9"], token_lifetime=300))
        discovery = httpx.get(f"{server.url}/.well-known/openid-configuration", trust_env=False).json()
        assert "device_authorization_endpoint" in discovery
        w = OIDCLogin(server.url, "demo", flow="device")
        w.sign_in()
        assert shown(w)["device"]["verification_uri"].startswith(server.url)
        w._sign_in.source.cancel()


def test_polls_slow_down_when_asked_to(provider):
    from oidc_widget.oauth.device_authorization import DeviceAuthorization  # noqa: PLC0415  # the part below it all
    from oidc_widget.oauth.provider import discover  # noqa: PLC0415  # likewise
    from oidc_widget.oauth.token_endpoint import TokenEndpoint  # noqa: PLC0415  # likewise

    provider.configure(device_authorization_response=None)
    with httpx.Client(trust_env=False) as client:
        endpoint = TokenEndpoint(discover(client, provider.issuer), provider.client_id, client)
        clock = [0.0]
        device = DeviceAuthorization.request(endpoint, {"scopes": ["openid"]}, now=lambda: clock[0])
        assert device.poll() == (None, 5)
        provider.fault("token", "status", status=400, body={"error": "slow_down"}, times=2)
        assert [device.poll()[1] for _ in range(3)] == [10, 15, 15]
        provider.fault("token", "refuse", times=8)
        delays = [device.poll()[1] for _ in range(8)]
        assert delays[:4] == [15] * 4
        assert 45 <= delays[-1] <= 60
        provider.fault("token", "status", status=429, headers={"Retry-After": "90"})
        assert device.poll() == (None, 90)
        clock[0] = 601
        with pytest.raises(SignInError) as caught:
            device.poll()
    assert caught.value.code == "expired_token"


def test_another_persons_approval_signs_that_person_in(login):
    w = login()
    w.sign_in()
    with HttpPerson("bob") as bob:
        bob.visit(shown(w)["device"]["verification_uri_complete"])
    w.wait(20)
    assert w.claims["name"] == "Bob Brown"


def test_the_device_flow_proves_that_who_asks_is_who_began(provider, login, approve):
    w = login()
    w.sign_in()
    approve(w)
    w.wait(20)
    (asked,) = provider.requests("device_authorization")
    redeemed = provider.requests("token", grant_type=DEVICE)[-1]
    assert asked.params["code_challenge_method"] == "S256"
    assert code_challenge(redeemed.params["code_verifier"]) == asked.params["code_challenge"]


@pytest.mark.parametrize("why", ["unauthorized_client", "unsupported_grant_type", "grant_types_supported"])
def test_where_the_client_may_not_use_the_grant_the_sign_in_goes_by_hand(provider, login, why):
    if why == "grant_types_supported":
        provider.discovery_response(set={"grant_types_supported": ["authorization_code", "refresh_token"]})
    else:
        provider.fault("device_authorization", "status", status=401, body={"error": why})
    w = login()
    w.sign_in()
    assert "code_challenge=" in shown(w)["paste"]["authorization_url"]
    assert w.status == "signing_in"
    assert len(provider.requests("device_authorization")) == (why != "grant_types_supported")


def test_a_provider_that_lists_no_grants_is_asked(provider, login):
    provider.discovery_response(omit=["grant_types_supported"])
    w = login()
    w.sign_in()
    assert shown(w)["device"]
