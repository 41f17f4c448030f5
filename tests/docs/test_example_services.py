"""`examples/flask_api.py` and `examples/fastapi_api.py` are one API, in two frameworks."""

from __future__ import annotations

import importlib

import pytest
from fastapi.testclient import TestClient
from tests.docs.blocks import ROOT

from oidc_widget.verify.testing import Issuer


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture(params=["flask_api", "fastapi_api"])
def ask(request, issuer, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    app = importlib.import_module(request.param).create_app(issuer.config)
    client = app.test_client() if request.param == "flask_api" else TestClient(app)

    def ask(method, path, **claims):
        answer = getattr(client, method)(
            path, headers=issuer.headers(sub="alice", **claims) if claims else {}
        )
        return answer.status_code, answer.json() if callable(answer.json) else answer.json

    return ask


def test_nobody_gets_in_without_a_token(ask):
    assert [
        ask(method, path)[0] for method, path in (("get", "/me"), ("get", "/jobs"), ("post", "/jobs"))
    ] == [
        401,
        401,
        401,
    ]


def test_it_knows_who_asks_and_lets_in_by_scope(ask):
    status, answer = ask("get", "/me", scope="openid")
    assert (status, answer["you"]) == (200, "alice")
    assert ask("post", "/jobs", scope="jobs.read")[0] == 403
    assert ask("post", "/jobs", scope="jobs.write") == (201, {"job": "1, of alice"})
    assert ask("get", "/jobs", scope="jobs.read") == (200, {"jobs": ["1, of alice"]})


@pytest.mark.parametrize(
    "wrong", [{"aud": "https://other.example.com"}, {"exp": 0}, {"iss": "https://evil.example"}]
)
def test_a_token_of_others_is_refused(ask, wrong):
    assert ask("get", "/me", **wrong)[0] == 401
