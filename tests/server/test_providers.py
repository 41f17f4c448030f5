"""Configured providers: what is accepted, what is refused in which words, what browsers are told."""

from __future__ import annotations

import json

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from oidc_widget.errors import ConfigurationError
from oidc_widget.oauth import client_authentication
from oidc_widget.relay.providers import parse_provider, parse_providers

SECRET = "obvious-test-secret"
CORP = {"authority": "https://idp.example.com", "client_id": "notebooks"}
OAUTH2 = {
    "client_id": "hub",
    "oidc": False,
    "authorization_endpoint": "https://git.example.com/login/oauth/authorize",
    "token_endpoint": "https://git.example.com/login/oauth/access_token",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setattr(client_authentication, "_taken", {})
    monkeypatch.setenv("CORP_SECRET", SECRET)
    return client_authentication.os.environ


def test_a_provider_is_completed_with_what_is_usual():
    provider = parse_provider("corp", CORP)
    assert provider.label == "corp"
    assert provider.scopes == ("openid", "profile", "email")
    assert provider.oidc
    assert not provider.relay


def test_scopes_may_be_written_as_one_text_or_as_a_list():
    assert parse_provider("corp", {**CORP, "scopes": "openid  a"}).scopes == ("openid", "a")
    assert parse_provider("corp", {**CORP, "scopes": ["openid", "a"]}).scopes == ("openid", "a")


def test_the_discovery_address_is_as_good_as_the_authority():
    settings = {**CORP, "authority": "https://idp.example.com/x/.well-known/openid-configuration"}
    assert parse_provider("corp", settings).authority == "https://idp.example.com/x"


def test_a_secret_turns_the_relay_on():
    assert parse_provider("corp", {**CORP, "client_secret_env": "CORP_SECRET"}).relay


def test_oauth2_without_openid_connect_is_named_by_its_origin():
    provider = parse_provider("git", OAUTH2)
    assert provider.authority == "https://git.example.com"
    assert provider.scopes == ()


def test_browsers_are_told_everything_but_the_authentication():
    provider = parse_provider(
        "corp",
        {**CORP, "client_secret_env": "CORP_SECRET", "label": "Corp", "extra_params": {"prompt": "login"}},
    )
    told = json.dumps(provider.public())
    assert set(provider.public()) == {
        "audience",
        "authority",
        "authorization_endpoint",
        "client_id",
        "extra_params",
        "icon",
        "label",
        "name",
        "oidc",
        "redirect_uri",
        "relay",
        "resource",
        "revocation_endpoint",
        "scopes",
        "token_endpoint",
        "userinfo_endpoint",
    }
    assert "secret" not in told.lower()
    assert SECRET not in repr(provider)


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"client_id": None}, "client_id", "is missing"),
        ({"client_id": " "}, "client_id", "is empty"),
        ({"client_id": 3}, "client_id", "must be a text, not int"),
        ({"authority": None}, "authority", "is missing"),
        ({"authority": "idp.example.com"}, "authority", "https"),
        ({"authority": "http://idp.example.com"}, "authority", "https"),
        ({"authority": "https://user:pw@idp.example.com"}, "authority", "https"),
        ({"authority": "https://idp.example.com:x"}, "authority", "https"),
        ({"authority": "https://idp.example.com#a"}, "authority", "fragment"),
        ({"authority": "ftp://idp.example.com"}, "authority", "https"),
        ({"scopes": ["profile"]}, "scopes", "openid"),
        ({"scopes": ["openid", 1]}, "scopes", "list of texts"),
        ({"scopes": 7}, "scopes", "list of texts"),
        ({"redirect_uri": "/callback"}, "redirect_uri", "full address"),
        ({"icon": "javascript:alert(1)"}, "icon", "must be"),
        ({"extra_params": ["prompt"]}, "extra_params", "dictionary"),
        ({"extra_params": {"max_age": 3}}, "extra_params", "texts"),
        ({"extra_params": {"state": "x"}}, "extra_params", "must not set 'state'"),
        ({"extra_params": {"request_uri": "x"}}, "extra_params", "must not set 'request_uri'"),
        ({"relay": "yes"}, "relay", "True or False"),
        ({"relay": False, "client_secret_env": "CORP_SECRET"}, "relay", "must be True"),
        ({"client_secret": SECRET}, "client_secret", "doesn't belong in a configuration file"),
        ({"client_secret_env": "NO_SUCH_VARIABLE"}, "client_secret_env", "NO_SUCH_VARIABLE is not set"),
        ({"client_secret_file": "/no/such/file"}, "client_secret_file", "can't be read"),
        ({"private_key_env": "CORP_SECRET"}, "private_key_env", "no private key"),
        (
            {"client_secret_env": "CORP_SECRET", "client_secret_file": "/x"},
            "client_secret_file",
            "there is 'client_secret_env' already",
        ),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "token_endpoint_auth_method", "one of"),
        (
            {"token_endpoint_auth_method": "client_secret_post"},
            "token_endpoint_auth_method",
            "client_secret_env",
        ),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "client_secret_env": "CORP_SECRET"},
            "token_endpoint_auth_method",
            "doesn't go with",
        ),
        ({"client_secret_evn": "CORP_SECRET"}, "client_secret_evn", "did you mean 'client_secret_env'"),
        ({"oidc": False}, "authorization_endpoint", "is missing"),
        ({"oidc": False, "authorization_endpoint": "https://x.example"}, "token_endpoint", "is missing"),
    ],
)
def test_a_wrong_entry_is_an_error_that_names_the_key(change, key, words):
    settings = {k: v for k, v in {**CORP, **change}.items() if v is not None}
    with pytest.raises(ConfigurationError) as caught:
        parse_provider("corp", settings)
    assert f"c.OIDCWidget.providers['corp']['{key}']" in str(caught.value)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:1", "http://x.localhost"]
)
def test_plain_http_is_for_this_machine(address):
    assert parse_provider("corp", {**CORP, "authority": address}).authority == address


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", "ä", 3, "a" * 65])
def test_a_name_that_can_t_be_in_an_address_is_refused(name):
    providers, (error,) = parse_providers({name: CORP})
    assert providers == {}
    assert "part of an address" in str(error)


def test_a_wrong_entry_leaves_the_others_alone():
    providers, errors = parse_providers({"a": CORP, "b": {}, "c": [SECRET], "d": CORP})
    assert list(providers) == ["a", "d"]
    assert len(errors) == 2
    assert SECRET not in "".join(map(str, errors))


@pytest.mark.parametrize("configured", [None, [], "corp", 3])
def test_providers_that_are_no_dictionary_are_one_error(configured):
    providers, (error,) = parse_providers(configured)
    assert providers == {}
    assert "must be a dictionary" in str(error)


def test_a_secret_is_taken_out_of_the_environment_that_kernels_inherit(environment):
    settings = {**CORP, "client_secret_env": "CORP_SECRET"}
    parse_provider("corp", settings)
    assert "CORP_SECRET" not in environment
    # A second server in the same process has it all the same.
    assert parse_provider("corp", settings).relay


def test_a_secret_s_file_may_be_replaced_while_the_server_runs(tmp_path):
    file = tmp_path / "secret"
    file.write_text("old\n")
    settings = {**CORP, "client_secret_file": str(file), "token_endpoint_auth_method": "client_secret_post"}
    authentication = parse_provider("corp", settings).authentication
    file.write_text("new\n")
    form, _ = authentication.sign({}, issuer="https://idp.example.com", now=0)
    assert form == {"client_id": "notebooks", "client_secret": "new"}
    file.write_text("")
    with pytest.raises(ConfigurationError, match="is empty"):
        authentication.sign({}, issuer="https://idp.example.com", now=0)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSAKey.generate_key(2048), "RS256"),
        (ECKey.generate_key("P-256"), "ES256"),
        (ECKey.generate_key("P-384"), "ES384"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
    ],
)
@pytest.mark.parametrize("form", ["pem", "jwk"])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # providers don't know its new name yet
def test_a_private_key_of_any_usual_kind_signs(tmp_path, key, algorithm, form):
    file = tmp_path / "key"
    text = key.as_pem(private=True).decode() if form == "pem" else json.dumps(key.as_dict(private=True))
    file.write_text(text)
    settings = {**CORP, "private_key_file": str(file), "private_key_id": "k1"}
    sent, headers = parse_provider("corp", settings).authentication.sign(
        {"a": "b"}, issuer="https://idp.example.com", now=1_000_000
    )
    token = client_authentication.jwt.decode(sent["client_assertion"], key, algorithms=[algorithm])
    assert token.header["kid"] == "k1"
    assert token.claims["aud"] == "https://idp.example.com"
    assert token.claims["exp"] - token.claims["iat"] == 60
    assert sent["a"] == "b"
    assert headers == {}


def test_a_public_key_is_refused(tmp_path):
    file = tmp_path / "key"
    file.write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    with pytest.raises(ConfigurationError, match="no private key"):
        parse_provider("corp", {**CORP, "private_key_file": str(file)})


def test_a_client_secret_may_sign_instead_of_being_sent():
    settings = {**CORP, "client_secret_env": "CORP_SECRET", "token_endpoint_auth_method": "client_secret_jwt"}
    sent, headers = parse_provider("corp", settings).authentication.sign(
        {}, issuer="https://idp.example.com", now=1_000_000
    )
    key = OctKey.import_key(SECRET)
    token = client_authentication.jwt.decode(sent["client_assertion"], key, algorithms=["HS256"])
    assert token.claims["aud"] == "https://idp.example.com"
    assert SECRET not in str(sent)
    assert headers == {}


def test_another_audience_of_assertions_may_be_configured(tmp_path):
    file = tmp_path / "key"
    key = ECKey.generate_key("P-256")
    file.write_bytes(key.as_pem(private=True))
    settings = {**CORP, "private_key_file": str(file), "client_assertion_audience": "https://x.example/token"}
    sent, _ = parse_provider("corp", settings).authentication.sign(
        {}, issuer="https://idp.example.com", now=0
    )
    token = client_authentication.jwt.decode(sent["client_assertion"], key, algorithms=["ES256"])
    assert token.claims["aud"] == "https://x.example/token"


def test_a_sign_out_names_the_client_alone_unless_the_administrator_says_more():
    assert not {"id_token_hint", "post_logout_redirect_uri"} & set(parse_provider("corp", CORP).public())
    more = {"id_token_hint": True, "post_logout_redirect_uri": "https://hub.example.com/bye"}
    public = parse_provider("corp", {**CORP, **more}).public()
    assert {name: public[name] for name in more} == more
