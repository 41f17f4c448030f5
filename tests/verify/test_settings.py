"""What is written as a setting: one rule for each kind, wherever written, and nothing that fails open."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from fastapi import FastAPI
from flask import Flask
from joserfc.jwk import OctKey, RSAKey

from oidc_widget import errors
from oidc_widget.verify import AllOf, AnyOf, DPoP, Introspection, TokenVerifier, fastapi, flask
from oidc_widget.verify.configuration import settings_from


def verifier(settings, **differing):
    return TokenVerifier(**{**settings, **differing})


# --- names ---


def test_one_string_is_one_name_and_not_its_letters(issuer, settings):
    later = issuer.token(nbf=issuer.now + 3600)
    with pytest.raises(errors.TokenNotYetValid):
        verifier(settings, verify_claims="nbf").verify(later)
    with pytest.raises(errors.MissingClaim, match="'groups'"):
        verifier(settings, required_claims="groups").verify(issuer.token())
    assert verifier(settings, authorized_parties="notebooks").verify(issuer.token(azp="notebooks"))
    with pytest.raises(errors.WrongAuthorizedParty):
        verifier(settings, authorized_parties="notebooks").verify(issuer.token(azp="n"))
    with pytest.raises(errors.AlgorithmNotAllowed):
        verifier(settings, algorithms="ES256").verify(issuer.token())


def test_where_names_hold_no_spaces_a_string_may_hold_several(issuer, settings):
    strict = verifier(
        settings, verify_claims="nbf iat", required_claims="exp groups", algorithms="ES256 RS256"
    )
    with pytest.raises(errors.MissingClaim, match="'groups'"):
        strict.verify(issuer.token())
    assert strict.verify(issuer.token(groups=[]))
    with pytest.raises(errors.TokenNotYetValid):
        strict.verify(issuer.token(groups=[], iat=issuer.now + 99))


@pytest.mark.parametrize(
    "name",
    [
        "issuer",
        "audience",
        "algorithms",
        "required_claims",
        "verify_claims",
        "scopes",
        "authorized_parties",
    ],
)
@pytest.mark.parametrize("value", [7, b"abc", {"exp": True}, [7], [""], [" "], ["exp", None], object()])
def test_what_is_no_name_is_an_error(name, value, settings):
    with pytest.raises(errors.ConfigurationError):
        verifier(settings, **{name: value})


def test_a_generator_is_read_once(issuer, settings):
    read = verifier(settings, scopes=(scope for scope in ["read", "write"]))
    for _ in range(2):
        assert read.verify(issuer.token())
        with pytest.raises(errors.InsufficientScope):
            read.verify(issuer.token(scope="read"))


@pytest.mark.parametrize("written", ["nbf", "nbf iat", ["nbf"], "nbf aud"])
def test_the_configuration_reads_names_alike(written, issuer):
    app = Flask(__name__)
    audience = {} if "aud" not in written else {"OIDC_AUDIENCE": issuer.audience}
    app.config.update(OIDC_ISSUER=issuer.url, OIDC_VERIFY_CLAIMS=written, OIDC_KEYS=issuer.jwks, **audience)
    protect = flask.OIDCProtect(app, now=lambda: issuer.now)
    app.get("/")(protect.token_required(lambda: "in"))
    ask = app.test_client().get
    later = issuer.token(nbf=issuer.now + 3600)
    assert ask("/", headers={"Authorization": f"Bearer {later}"}).json["code"] == "token_not_yet_valid"
    other = ask("/", headers={"Authorization": f"Bearer {issuer.token(aud='x')}"})
    assert other.status_code == (401 if audience else 200)


def test_an_audience_and_its_being_skipped_contradict_each_other(settings):
    with pytest.raises(errors.ConfigurationError, match="skip_audience_check"):
        verifier(settings, skip_audience_check=True)
    app = Flask(__name__)
    app.config.update(OIDC_ISSUER="https://idp.example.com", OIDC_VERIFY_CLAIMS=["nbf"])
    with pytest.raises(errors.ConfigurationError, match="skip_audience_check"):
        flask.OIDCProtect(app, audience="api")


@pytest.mark.parametrize("name", ["roles", "permissions", "acr"])
def test_a_list_that_came_out_empty_lets_nobody_in(name, settings):
    protect = fastapi.OIDCProtect(**settings)
    for demand in (protect.requires, flask.token_required):
        with pytest.raises(errors.ConfigurationError, match="empty"):
            demand(**{name: []})
    with pytest.raises(errors.ConfigurationError):
        TokenVerifier(**settings, authorized_parties=[])


# --- truth, times and numbers ---


@pytest.mark.parametrize("name", ["skip_audience_check", "rfc9068", "allow_insecure_http"])
@pytest.mark.parametrize("value", ["", "maybe", 2, None, [], "falsch"])
def test_what_is_no_truth_value_is_an_error(name, value, settings):
    with pytest.raises(errors.ConfigurationError, match=name):
        verifier(settings, **{name: value})


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "off"])
def test_the_text_false_is_false(text, issuer):
    with pytest.raises(errors.ConfigurationError, match="audience"):
        flask.OIDCProtect(flask_app(OIDC_ISSUER=issuer.url, OIDC_SKIP_AUDIENCE_CHECK=text))


@pytest.mark.parametrize("name", ["leeway", "timeout", "max_age", "cooldown"])
@pytest.mark.parametrize(
    "value", [-1, float("nan"), float("inf"), "nan", "inf", "soon", True, None, [], timedelta(seconds=-1)]
)
def test_what_is_no_time_is_an_error(name, value, settings):
    with pytest.raises(errors.ConfigurationError, match=name):
        verifier(settings, **{name: value})


@pytest.mark.parametrize("leeway", [60, 60.0, "60", " 60.0 ", timedelta(minutes=1)])
def test_a_time_may_be_a_number_a_text_or_a_timedelta(leeway, issuer, settings):
    patient = verifier(settings, leeway=leeway)
    assert patient.verify(issuer.token(exp=issuer.now - 59))
    with pytest.raises(errors.ExpiredToken):
        patient.verify(issuer.token(exp=issuer.now - 60))


@pytest.mark.parametrize("name", ["cache_size", "max_token_bytes"])
@pytest.mark.parametrize("value", [-1, 1.5, "many", True, None])
def test_what_is_no_number_is_an_error(name, value, settings):
    with pytest.raises(errors.ConfigurationError, match=name):
        verifier(settings, **{name: value})


@pytest.mark.parametrize(
    "differing", [{"max_age": "x"}, {"timeout": float("nan")}, {"jwts": "maybe"}, {"cache_size": -1}]
)
def test_introspection_reads_its_settings_alike(differing):
    with pytest.raises(errors.ConfigurationError):
        Introspection("https://idp.example.com", client_id="a", client_secret="b", **differing)


def test_dpop_reads_its_settings_alike():
    for differing in ({"window": float("inf")}, {"required": "perhaps"}):
        with pytest.raises(errors.ConfigurationError):
            DPoP(**differing)


# --- shared secrets and key sizes (RFC 7518 §3.2 and §3.3) ---


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize(("alg", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_has_the_length_of_its_hash(alg, size, issuer, settings):
    def trusting(length):
        secret = OctKey.import_key(b"s" * length)
        return verifier(settings, keys=secret.as_dict(), algorithms=[alg]), secret

    good, secret = trusting(size)
    assert good.verify(issuer.sign(issuer.claims(), alg=alg, key=secret))
    for length in (1, size - 1):
        with pytest.raises(errors.ConfigurationError) as caught:
            trusting(length)
        assert caught.value.code == "unusable_keys"


def test_a_secret_that_is_long_enough_for_one_hash_serves_no_longer_one(issuer, settings):
    secret = OctKey.import_key(b"s" * 40)
    both = verifier(settings, keys=secret.as_dict(), algorithms=["HS256", "HS512"])
    assert both.verify(issuer.sign(issuer.claims(), alg="HS256", key=secret))
    with pytest.raises(errors.UnknownKey):
        both.verify(issuer.sign(issuer.claims(), alg="HS512", key=secret))


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize("bits", [1024, 2040])
def test_an_rsa_key_is_judged_by_its_number_and_not_by_the_length_of_its_text(bits, issuer, settings):
    weak = RSAKey.generate_key(bits, {"kid": "weak"})
    jwk = weak.as_dict(private=False)
    padded = {**jwk, "n": "A" * 4 * ((2400 - bits) // 24) + jwk["n"]}  # the same number, after zeros
    keys = {"keys": [padded, *issuer.jwks["keys"]]}
    with pytest.raises(errors.UnknownKey):
        verifier(settings, keys=keys).verify(issuer.token(key=weak))


def test_keys_that_are_for_no_algorithm_that_was_named_are_an_error(issuer, settings):
    with pytest.raises(errors.ConfigurationError) as caught:
        verifier(settings, keys=issuer.rsa.as_dict(private=False), algorithms=["ES256"])
    assert caught.value.code == "unusable_keys"


def test_members_of_a_key_that_are_null_say_nothing(issuer, settings):
    jwk = {**issuer.rsa.as_dict(private=False), "use": None, "alg": None, "key_ops": None, "x5c": None}
    assert verifier(settings, keys={"keys": [jwk]}).verify(issuer.token())
    assert verifier(settings, keys={"keys": [{**jwk, "kid": None}]}).verify(issuer.token())


# --- configuration ---


def flask_app(**config):
    app = Flask(__name__)
    app.config.update(config)
    return app


def test_every_parameter_may_stand_in_the_configuration():
    names = [
        name
        for name in TokenVerifier.__init__.__annotations__
        if name not in {"return", "issuer", "verify_claims", "introspection", "dpop"}
    ]
    read = settings_from({f"OIDC_{name.upper()}": name for name in names})
    assert read == {"issuer": (), **{name: name for name in names}}
    assert len(names) > 18


def test_the_environment_will_do_as_configuration(monkeypatch, issuer):
    monkeypatch.setenv("FLASK_OIDC_ISSUER", issuer.url)
    monkeypatch.setenv("FLASK_OIDC_AUDIENCE", issuer.audience)
    monkeypatch.setenv("FLASK_OIDC_KEYS", json.dumps(issuer.jwks))
    monkeypatch.setenv("FLASK_OIDC_LEEWAY", "60")
    monkeypatch.setenv("FLASK_OIDC_TOKEN_TYPE", "access")
    monkeypatch.setenv("FLASK_OIDC_CACHE_SIZE", "10")
    monkeypatch.setenv("FLASK_OIDC_RFC9068", "false")
    monkeypatch.setenv("FLASK_OIDC_ALGORITHMS", "")
    app = Flask(__name__)
    app.config.from_prefixed_env()
    flask.OIDCProtect(app, now=lambda: issuer.now)
    app.get("/")(flask.token_required(lambda: "in"))
    token = issuer.token(exp=issuer.now - 59)
    assert app.test_client().get("/", headers={"Authorization": f"Bearer {token}"}).text == "in"
    config = {
        "OIDC_ISSUER": issuer.url,
        "OIDC_AUDIENCE": issuer.audience,
        "OIDC_KEYS": json.dumps(issuer.jwks),
        "OIDC_LEEWAY": "60",
        "OIDC_RFC9068": "false",
        "OIDC_SCOPES": "read write",
    }
    assert fastapi.OIDCProtect(FastAPI(), config=config, now=lambda: issuer.now)


def test_keys_may_be_json_text(issuer, settings):
    for keys in (issuer.jwks, issuer.rsa.as_dict(private=False)):
        assert verifier(settings, keys=json.dumps(keys)).verify(issuer.token())
    for text in ("{", "[]", '{"keys": 7}', "{" * 100_000):
        with pytest.raises(errors.ConfigurationError) as caught:
            verifier(settings, keys=text)
        assert caught.value.code == "unusable_keys"


def test_introspection_and_dpop_may_be_mappings():
    given = {"client_id": "api", "client_secret": "s"}
    read = settings_from(
        {
            "OIDC_ISSUER": "https://idp.example.com",
            "OIDC_INTROSPECTION": given,
            "OIDC_DPOP": {"required": "true"},
        }
    )
    assert isinstance(read["introspection"], Introspection)
    assert read["dpop"].required is True
    with pytest.raises(errors.ConfigurationError, match="OIDC_INTROSPECTION"):
        settings_from({"OIDC_ISSUER": "https://idp.example.com", "OIDC_INTROSPECTION": {"secret": "x"}})


def test_settings_beside_a_ready_made_verifier_are_an_error(settings):
    with pytest.raises(errors.ConfigurationError, match="leeway"):
        flask.OIDCProtect(Flask(__name__), verifier=TokenVerifier(**settings), leeway=5)


def test_what_changes_after_init_app_counts(issuer):
    app = flask_app(OIDC_ISSUER=issuer.url, OIDC_AUDIENCE="before", OIDC_SCOPES=["read"])
    protect = flask.OIDCProtect(app, keys=issuer.jwks, now=lambda: issuer.now)
    app.get("/")(protect.token_required(lambda: "in"))

    def status(**claims):
        return (
            app.test_client()
            .get("/", headers={"Authorization": f"Bearer {issuer.token(**claims)}"})
            .status_code
        )

    assert [status(aud="before"), status(aud="after")] == [200, 401]
    app.config["OIDC_AUDIENCE"] = "after"
    assert [status(aud="before"), status(aud="after")] == [401, 200]
    app.config["OIDC_SCOPES"].append("admin")  # in place
    assert [status(aud="after"), status(aud="after", scope="read admin")] == [403, 200]
    app.config["OIDC_AUDIENCE"] = ""
    app.testing = True
    with pytest.raises(errors.ConfigurationError):
        status(aud="after")


async def test_what_changes_in_a_mapping_counts_too(issuer):
    config = {"OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": "before"}
    protect = fastapi.OIDCProtect(config=config, keys=issuer.jwks, now=lambda: issuer.now)
    config["OIDC_AUDIENCE"] = "after"
    assert protect._now().verifier.verify(issuer.token(aud="after"))
    with pytest.raises(errors.WrongAudience):
        protect._now().verifier.verify(issuer.token(aud="before"))


def test_names_that_go_together_say_how():
    assert AllOf("a", "b").met_by({"a", "b", "c"})
    assert not AllOf("a", "b").met_by({"a"})
    assert AnyOf("a", "b").met_by({"b"})
    assert not AnyOf("a", "b").met_by({"c"})
    for kind in (AllOf, AnyOf):
        with pytest.raises(errors.ConfigurationError):
            kind("a", 7)
