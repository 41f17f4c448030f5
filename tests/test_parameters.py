"""What a person writes in a call is taken as it is meant, or refused where it is written."""

from __future__ import annotations

import inspect
import json
import pickle

import pytest

from oidc_widget import OIDCLogin, authenticate
from oidc_widget.errors import ConfigurationError

CONFIG = {"authority": "https://idp.example.com", "client_id": "notebooks", "scope": "openid"}


def login(**options):
    return OIDCLogin("https://idp.example.com", "notebooks", **options)


def asked(**extra_params):
    return login(extra_params=extra_params)._request["extra_params"]


def test_parameters_are_sent_as_the_provider_reads_them():
    assert asked(max_age=3600, prompt="login", login_hint=None) == {"max_age": "3600", "prompt": "login"}
    claims = {"id_token": {"acr": {"essential": True}}}
    assert json.loads(asked(claims=claims)["claims"]) == claims
    assert asked(claims="{}") == {"claims": "{}"}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"extra_params": {"max_age": True}}, r"extra_params\['max_age'\] is True"),
        ({"extra_params": {"acr_values": ["gold"]}}, r"extra_params\['acr_values'\] is"),
        ({"extra_params": {"claims": {"id_token": {1}}}}, r"extra_params\['claims'\] is"),
        ({"extra_params": {1: "x"}}, "extra_params is .* texts as keys"),
        ({"extra_params": "prompt=login"}, "extra_params is"),
        ({"auto_refresh": "no"}, "auto_refresh is 'no', but must be True or False"),
        ({"share_id_token": 0}, "share_id_token is 0"),
        ({"scopes": 5}, "scopes is 5"),
        ({"scopes": ["openid", None]}, "scopes is missing"),
    ],
    ids=str,
)
def test_what_is_of_the_wrong_kind_is_named(options, name):
    with pytest.raises(ConfigurationError, match=name):
        login(**options)


@pytest.mark.parametrize("scopes", ["openid a b", ["openid", "a b"], ("openid a", "b")])
def test_a_space_separates_scopes_wherever_it_stands(scopes):
    assert login(scopes=scopes)._request["scopes"] == ["openid", "a", "b"]


def test_what_the_sign_in_sets_itself_is_refused_by_its_name():
    with pytest.raises(ConfigurationError, match="must not set 'client_id', 'scope', which the sign-in sets"):
        login(extra_params={"scope": "all", "client_id": "another", "prompt": "login"})


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"extraQueryParams": "x"}, "extraQueryParams is 'x'"),
        ({"extraQueryParams": {1: "x"}}, "extraQueryParams is"),
        ({1: "x"}, "texts as keys"),
        ({"max_age": True}, "max_age"),
    ],
    ids=str,
)
def test_a_configuration_of_the_wrong_kind_is_named(config, name):
    with pytest.raises(ConfigurationError, match=name):
        authenticate({**CONFIG, **config}, {})


def test_an_old_notebook_that_sets_more_than_it_may_runs_and_is_told(monkeypatch):
    made = []

    def show(w):
        made.append(w)

    monkeypatch.setattr(OIDCLogin, "_show_once", show)
    monkeypatch.setattr("oidc_widget.signin.sign_in.running_kernel", object)  # no sign-in begins by itself
    with pytest.warns(UserWarning, match="left out: response_mode, state.$"):
        authenticate(
            {**CONFIG, "max_age": 60, "extraQueryParams": {"state": "x", "response_mode": "query", "a": 1}},
            {},
        )
    assert made[0]._request["extra_params"] == {"max_age": "60", "a": "1"}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (OIDCLogin, "authority is missing, and client_id too. Write OIDCLogin"),
        (lambda: OIDCLogin("https://a.example"), "client_id is missing"),
        (lambda: OIDCLogin(client_id="a"), "authority is missing"),
        (lambda: login(scope="openid"), "scope is no parameter. Write scopes instead."),
        (lambda: OIDCLogin(issuer="https://a.example", client_id="a"), "Write authority instead."),
        (lambda: login(client_secret="s3cret"), "a notebook can keep no secret"),
        (lambda: login(prompt="login"), r"Write extra_params=\{'prompt': …\} instead."),
        (lambda: login(autorefresh=False), "Write auto_refresh instead."),
        (lambda: login(flavour="x"), "names those that there are"),
        (
            lambda: OIDCLogin("https://a.example", "a", ("openid",)),
            "Only authority, client_id may be given without",
        ),
        (lambda: OIDCLogin("https://a.example", "a", "openid", "b"), "scopes=…"),
        (lambda: OIDCLogin("https://a.example", authority="https://b.example"), "multiple values"),
    ],
)
def test_a_call_that_is_wrong_says_what_was_meant(call, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        call()
    assert caught.value.code == "invalid_configuration"
    assert "s3cret" not in str(caught.value)


def test_a_wrong_call_is_pythons_own_error_too():
    with pytest.raises(TypeError) as caught:
        login(scope="openid")
    assert pickle.loads(pickle.dumps(caught.value)).code == "invalid_configuration"  # noqa: S301  # our own


def test_the_signature_stays_readable():
    assert list(inspect.signature(OIDCLogin).parameters)[:3] == ["authority", "client_id", "provider"]


def test_alone_in_a_terminal_it_says_how_to_sign_in():
    w = login(flow="popup")
    shown = w._repr_mimebundle_()["text/plain"]
    assert shown.startswith(repr(w))
    assert "w.wait()" in shown
    w.receive("token", {"access_token": "t"}, express=True)
    assert w._repr_mimebundle_() == {"text/plain": repr(w)}
