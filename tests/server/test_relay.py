"""The token relay, between a real Jupyter server and the certified provider's confidential client."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode

import httpx
import pytest
from joserfc.jwk import ECKey

from providers.oidc_provider import OidcProvider

CLIENT = OidcProvider.confidential
KEY = ECKey.generate_key("P-256", parameters={"kid": "k1"})
FORM = "application/x-www-form-urlencoded"
CALLBACK = "http://localhost/some/base/oidc-widget/callback"
CLIENTS = {
    "post": {"client_secret": "test-secret-for-post", "token_endpoint_auth_method": "client_secret_post"},
    "jwt": {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [KEY.as_dict(private=False)]},
    },
    "hmac": {
        "client_secret": "a-secret-of-at-least-32-characters-for-hs256",
        "token_endpoint_auth_method": "client_secret_jwt",
    },
    # Registered for Basic with a secret that needs the encoding of RFC 6749 §2.3.1.
    "odd": {"client_secret": "a:b+c/d%20=&e", "token_endpoint_auth_method": "client_secret_basic"},
}


@pytest.fixture(scope="module")
def relaying(start_server, _provider, tmp_path_factory):
    secrets = tmp_path_factory.mktemp("secrets")
    (secrets / "key.pem").write_bytes(KEY.as_pem(private=True))
    (secrets / "key.jwk").write_text(json.dumps(KEY.as_dict(private=True)))
    base = {"authority": _provider.issuer}
    confidential = {**base, "client_id": CLIENT.client_id, "client_secret_env": "CONFIDENTIAL_SECRET"}
    providers = {
        "confidential": confidential,
        "post": {
            **base,
            "client_id": "post",
            "client_secret_env": "POST_SECRET",
            "token_endpoint_auth_method": "client_secret_post",
        },
        "hmac": {
            **base,
            "client_id": "hmac",
            "client_secret_env": "HMAC_SECRET",
            "token_endpoint_auth_method": "client_secret_jwt",
        },
        "odd": {**base, "client_id": "odd", "client_secret_env": "ODD_SECRET"},
        "jwt": {**base, "client_id": "jwt", "private_key_file": str(secrets / "key.pem")},
        "jwk": {**base, "client_id": "jwt", "private_key_file": str(secrets / "key.jwk")},
        "public": {**base, "client_id": "notebooks", "relay": True},
        "direct": {**base, "client_id": "notebooks"},
        "nowhere": {**confidential, "authority": "http://127.0.0.1:9"},
        "mistaken": {**base, "client_id": CLIENT.client_id, "client_secret_env": "WRONG_SECRET"},
        "elsewhere": {**confidential, "redirect_uri": "https://hub.example.com/signed-in"},
        "other": {**confidential, "authority": _provider.issuer.replace("127.0.0.1", "localhost")},
    }
    return start_server(
        config={"OIDCWidget": {"providers": providers}},
        env={
            "CONFIDENTIAL_SECRET": CLIENT.client_secret,
            "POST_SECRET": CLIENTS["post"]["client_secret"],
            "HMAC_SECRET": CLIENTS["hmac"]["client_secret"],
            "ODD_SECRET": CLIENTS["odd"]["client_secret"],
            "WRONG_SECRET": "not-the-secret",
        },
    )


@pytest.fixture
def provider(provider):
    grants = {"grant_types": ["authorization_code", "refresh_token"]}
    default = provider.settings()["clients"]
    provider.configure(clients={**default, **{name: {**grants, **CLIENTS[name]} for name in CLIENTS}})
    return provider


@pytest.fixture
def relay(relaying, provider):
    """The API of a signed-in user; every test ends with a look into the log."""
    with relaying.client() as client:
        yield client
    for secret in provider.secrets():
        assert secret.value not in relaying.log, f"{secret.kind} in the log"


def test_a_code_becomes_tokens(relay, grant):
    answer = relay.post("api/providers/confidential/token", data=grant(CLIENT.client_id))
    assert answer.status_code == 200
    assert {"access_token", "id_token", "refresh_token", "expires_in"} <= set(answer.json())
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["post", "jwt", "jwk", "hmac", "odd", "public"])
def test_every_kind_of_client_authentication_is_accepted(relay, grant, name):
    client = {"jwk": "jwt", "public": "notebooks"}.get(name, name)
    answer = relay.post(f"api/providers/{name}/token", data=grant(client))
    assert answer.status_code == 200, answer.text


def test_a_refresh_goes_the_same_way(relay, grant, provider):
    first = relay.post("api/providers/confidential/token", data=grant(CLIENT.client_id)).json()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "scope": "openid"}
    second = relay.post("api/providers/confidential/token", data=form)
    assert second.status_code == 200
    assert provider.introspect(second.json()["access_token"])["active"]
    again = relay.post("api/providers/confidential/token", data=form)
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"


def test_a_token_for_a_resource_is_asked_for(relay, grant):
    form = grant(CLIENT.client_id, resource="https://api.example.com/")
    form["resource"] = "https://api.example.com/"
    answer = relay.post("api/providers/confidential/token", data=form)
    assert answer.status_code == 200
    assert answer.json()["access_token"].count(".") == 2


def test_a_refresh_token_is_revoked(relay, grant):
    tokens = relay.post("api/providers/confidential/token", data=grant(CLIENT.client_id)).json()
    form = {"refresh_token": tokens["refresh_token"]}
    # Not "token": Jupyter would take it for its own.
    revoked = relay.post("api/providers/confidential/revoke", data=form)
    assert (revoked.status_code, revoked.json()) == (200, {})
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert relay.post("api/providers/confidential/token", data=form).json()["error"] == "invalid_grant"


def test_metadata_and_keys_are_to_be_had_without_cors(relay, provider):
    answer = relay.get("api/providers/confidential/metadata").json()
    assert answer["metadata"]["issuer"] == provider.issuer
    assert answer["jwks"]["keys"]


def test_the_library_s_client_id_is_not_sent_twice(relay, grant, provider):
    form = {**grant(CLIENT.client_id), "client_id": CLIENT.client_id}
    assert relay.post("api/providers/confidential/token", data=form).status_code == 200
    (request,) = provider.requests("token")
    assert "client_id" not in request.params
    assert "client_secret" not in request.params


# Who may ask


def test_nobody_else_may_ask(relaying, provider, grant):
    with relaying.client(signed_in=False) as client:
        answer = client.post("api/providers/confidential/token", data=grant(CLIENT.client_id))
        assert client.get("api/providers/confidential/metadata").status_code == 403
    assert answer.status_code == 403
    assert answer.json()["error"] == "not_signed_in_to_jupyter"
    assert provider.requests("token") == []


def test_a_signed_in_browser_needs_the_xsrf_token(relaying, provider, grant):
    form = grant(CLIENT.client_id)
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        browser.get(f"{relaying.jupyter.url}tree", params={"token": relaying.jupyter.token})
        address = relaying.address("api/providers/confidential/token")
        refused = browser.post(address, data=form)
        assert refused.status_code == 403
        assert refused.json()["error"] == "not_signed_in_to_jupyter"
        assert provider.requests("token") == []
        xsrf = browser.cookies["_xsrf"]
        assert browser.post(address, data=form, headers={"X-XSRFToken": xsrf}).status_code == 200


def test_another_origin_may_not_ask(relaying, provider, grant):
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        browser.get(f"{relaying.jupyter.url}tree", params={"token": relaying.jupyter.token})
        answer = browser.post(
            relaying.address("api/providers/confidential/token"),
            data=grant(CLIENT.client_id),
            headers={"X-XSRFToken": browser.cookies["_xsrf"], "Origin": "https://evil.example"},
        )
    assert answer.status_code == 404
    assert provider.requests("token") == []


# Bad requests


def test_an_unknown_provider_is_told_the_right_names(relay, grant):
    answer = relay.post("api/providers/nobody/token", data=grant(CLIENT.client_id))
    assert answer.status_code == 404
    assert answer.json()["error"] == "unknown_provider"
    assert "confidential, post" in answer.json()["error_description"]


def test_a_provider_without_relay_has_none(relay, grant):
    assert relay.post("api/providers/direct/token", data=grant("notebooks")).status_code == 404


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code": None}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"code": ["a", "b"]}, "invalid_request"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"client_id": "another"}, "invalid_request"),
        ({"client_secret": "guess"}, "invalid_request"),
        ({"scope": "admin"}, "invalid_request"),
        # An issuer's own address, another server's, another user's, and ours in other words.
        ({"redirect_uri": f"{CALLBACK}/idp.example.com.0123456789abcdef"}, "invalid_request"),
        ({"redirect_uri": "http://localhost/oidc-widget/callback"}, "invalid_request"),
        ({"redirect_uri": "http://localhost/user/bob/oidc-widget/callback"}, "invalid_request"),
        ({"redirect_uri": f"{CALLBACK}/"}, "invalid_request"),
        ({"redirect_uri": "http://localhost/other/../some/base/oidc-widget/callback"}, "invalid_request"),
        ({"redirect_uri": "http://localhost/some/base/%6fidc-widget/callback"}, "invalid_request"),
    ],
)
def test_what_is_not_passed_on_never_reaches_the_provider(relay, grant, provider, change, error):
    form = {key: value for key, value in {**grant(CLIENT.client_id), **change}.items() if value is not None}
    answer = relay.post("api/providers/confidential/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert provider.requests("token") == []


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b'{"grant_type": "authorization_code"}', 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("", b"grant_type=authorization_code", 415),
        (FORM, b"\xff\xfe", 400),
        (FORM, b"grant_type", 400),
        (FORM, b"", 400),
        (FORM, b"&".join([b"a=b"] * 100), 400),
        (FORM, b"grant_type=" + b"x" * 100_000, 413),
        (FORM, b"grant_type=" + b"x" * 30_000_000, 413),
    ],
    ids=["json", "multipart", "none", "bytes", "no value", "empty", "many", "big", "huge"],
)
def test_a_body_that_is_no_form_is_refused(relay, content_type, body, status):
    headers = {"Content-Type": content_type} if content_type else {}
    answer = relay.post("api/providers/confidential/token", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"] in {"invalid_request", "unsupported_grant_type"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_one_user_can_t_flood_the_provider(relay):
    form = {"grant_type": "refresh_token", "refresh_token": "wrong"}
    for _ in range(200):
        # A provider of its own, so that the other tests don't find the bucket empty.
        answer = relay.post("api/providers/nowhere/token", data=form)
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert answer.json()["error"] == "too_many_requests"
    assert int(answer.headers["Retry-After"]) >= 1


# Bad luck at the provider


@pytest.mark.parametrize(
    ("fault", "answered"),
    [
        ({"status": 429, "body": "<h1>Slow down"}, (502, "token_endpoint_unreachable")),
        ({"status": 429, "body": {"error": "slow_down"}}, (429, "slow_down")),
        ({"status": 503, "body": {"error": "temporarily_unavailable"}}, (503, "temporarily_unavailable")),
    ],
    ids=["429", "slow_down", "503"],
)
def test_when_to_ask_again_is_passed_on(relay, grant, provider, fault, answered):
    form = grant(CLIENT.client_id)
    provider.fault("token", kind="status", headers={"Retry-After": "40"}, **fault)
    answer = relay.post("api/providers/confidential/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == answered
    assert answer.headers["Retry-After"] == "40"


@pytest.mark.parametrize(
    ("fault", "answered"),
    [
        ({"kind": "html"}, (502, "token_response_invalid")),
        ({"kind": "redirect", "location": "http://127.0.0.1:9/"}, (502, "token_response_invalid")),
        ({"kind": "status", "status": 500}, (502, "token_endpoint_unreachable")),
        ({"kind": "status", "status": 503, "body": "<h1>x"}, (502, "token_endpoint_unreachable")),
        ({"kind": "status", "status": 400, "body": ""}, (502, "token_response_invalid")),
        ({"kind": "status", "status": 200, "body": {"token": 1}}, (502, "token_response_invalid")),
        ({"kind": "status", "status": 200, "body": {"access_token": 1}}, (502, "token_response_invalid")),
        (
            {"kind": "status", "status": 200, "body": {"access_token": "x" * 300_000}},
            (502, "token_response_invalid"),
        ),
        ({"kind": "status", "status": 200, "body": {"error": "slow_down"}}, (400, "slow_down")),
        (
            {"kind": "status", "status": 400, "body": {"error": "invalid_scope", "x": 1}},
            (400, "invalid_scope"),
        ),
        ({"kind": "refuse"}, (502, "token_endpoint_unreachable")),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else value[1],
)
def test_a_provider_that_misbehaves_is_a_clean_error(relay, grant, provider, fault, answered):
    form = grant(CLIENT.client_id)
    provider.fault("token", **fault)
    answer = relay.post("api/providers/confidential/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == answered
    assert set(answer.json()) <= {"error", "error_description", "error_uri"}


def test_a_provider_that_is_not_there_is_a_clean_error(relay, grant, provider):
    form = grant(CLIENT.client_id)
    # Metadata may be known from before.
    relay.get("api/providers/confidential/metadata")
    provider.down()
    answer = relay.post("api/providers/confidential/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (502, "token_endpoint_unreachable")


def test_a_secret_that_the_provider_refuses_is_told_to_the_administrator(relaying, relay, grant):
    answer = relay.post("api/providers/mistaken/token", data=grant(CLIENT.client_id))
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert "check the client's secret" in answer.json()["error_description"]
    assert "'mistaken' refused this server's client authentication" in relaying.log


def test_a_provider_that_calls_itself_otherwise_gets_no_secret(relay, grant, provider):
    answer = relay.post("api/providers/other/token", data=grant(CLIENT.client_id))
    assert (answer.status_code, answer.json()["error"]) == (502, "issuer_mismatch")
    assert provider.requests("token") == []


def test_a_provider_with_a_redirect_address_of_its_own_takes_no_other(relay, grant, provider):
    form = grant(CLIENT.client_id)
    answer = relay.post("api/providers/elsewhere/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert provider.requests("token") == []
    form["redirect_uri"] = "https://hub.example.com/signed-in"
    assert relay.post("api/providers/elsewhere/token", data=form).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("endpoint", ["token", "revoke"])
def test_a_client_assertion_is_for_the_issuer_at_every_endpoint(relay, grant, provider, endpoint):
    tokens = relay.post("api/providers/jwt/token", data=grant("jwt")).json()
    if endpoint == "revoke":
        answer = relay.post("api/providers/jwt/revoke", data={"refresh_token": tokens["refresh_token"]})
        assert answer.status_code == 200
    (request,) = provider.requests({"revoke": "revocation"}.get(endpoint, endpoint))
    payload = request.params["client_assertion"].split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == provider.issuer


def test_a_secret_signs_where_it_is_not_to_be_sent(relay, grant, provider):
    assert relay.post("api/providers/hmac/token", data=grant("hmac")).status_code == 200
    (request,) = provider.requests("token")
    assert CLIENTS["hmac"]["client_secret"] not in json.dumps(request.params)


@pytest.mark.parametrize(
    "path",
    [
        "../../../../../api/kernels",
        "..%2f..%2f..%2fapi%2fkernels",
        "confidential%2f..%2f..",
        "confidential/token/../../x",
        "%2e%2e",
    ],
)
@pytest.mark.parametrize("action", ["token", "revoke"])
def test_no_name_leads_a_refresh_token_anywhere_but_to_the_provider(relay, provider, path, action):
    form = {"grant_type": "refresh_token", "refresh_token": "obvious-test-value"}
    answer = relay.post(f"api/providers/{path}/{action}", data=form)
    assert answer.status_code in {403, 404, 405}
    assert "obvious-test-value" not in answer.text
    assert provider.requests("token") == provider.requests("revocation") == []
