"""Errors have the same code wherever they come from: this process, or the browser."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import httpx
import pytest

from oidc_widget.authorization_request import refusal
from oidc_widget.discovery import Provider, discover
from oidc_widget.errors import DiscoveryError, SignInError
from oidc_widget.problems import _CLASSES, as_error
from oidc_widget.token_endpoint import Answer, TokenEndpoint

ROOT = Path(__file__).parents[1]
BROWSER = set(
    re.findall(
        r'\| "(\w+)"',
        (ROOT / "frontend/protocol/errors.ts").read_text("utf-8").partition("export interface")[0],
    )
)
#: What happens to a caller in Python only, and never in a page.
PYTHON_ONLY = {"insecure_transport", "no_express_lane", "no_page", "no_terminal", "not_shared"}


def codes_in(file):
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in {"code", "otherwise"}:
            yield from (value.value for value in ast.walk(node.value) if isinstance(value, ast.Constant))


def test_a_code_of_a_sign_in_is_one_that_the_browser_has_too():
    codes = {code for file in (ROOT / "src/oidc_widget").glob("*.py") for code in codes_in(file)}
    assert len(BROWSER) > 20
    assert codes - PYTHON_ONLY <= BROWSER
    assert codes >= PYTHON_ONLY
    assert set(_CLASSES) <= BROWSER


def test_what_the_browser_tells_of_is_caught_by_the_class_that_python_raises_for_it():
    assert isinstance(as_error({"code": "timeout", "message": "Nobody came."}), TimeoutError)
    assert type(as_error({"code": "of a newer page", "message": "Oh."})) is SignInError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("access_denied", "access_denied"),
        ("invalid_client", "unknown_client"),
        ("unauthorized_client", "unknown_client"),
        ("invalid_scope", "scope_unavailable"),
        ("invalid_target", "scope_unavailable"),
        ("invalid_request", None),
    ],
)
def test_a_refusal_is_told_by_what_refused(error, code):
    provider = Provider("https://idp.example.com", {"token_endpoint": "https://idp.example.com/token"})
    with httpx.Client() as client, pytest.raises(SignInError) as caught:
        TokenEndpoint(provider, "notebooks", client).tokens(Answer(400, {"error": error}))
    assert caught.value.code == (code or "token_request_refused")
    assert refusal(error, None, "notebooks").code == (code or "authorization_failed")


def test_a_provider_that_gives_no_answer_is_told_from_one_that_answers_something_else(provider):
    with httpx.Client(trust_env=False) as client:
        with pytest.raises(DiscoveryError) as caught:
            discover(client, "http://127.0.0.1:1")
        assert caught.value.code == "provider_unreachable"
        with pytest.raises(DiscoveryError) as caught:
            discover(client, f"{provider.issuer}/nowhere")
        assert caught.value.code == "discovery_failed"
