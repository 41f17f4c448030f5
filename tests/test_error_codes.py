"""Errors have the same code wherever they come from: this process, or the browser."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import httpx
import pytest
from tests.syntax_tree import parse

from oidc_widget.errors import (
    ConfigurationError,
    DiscoveryError,
    KeysUnavailable,
    SignInError,
    SignInTimeout,
    TokenError,
)
from oidc_widget.oauth.authorization_request import refusal
from oidc_widget.oauth.provider import Provider, discover
from oidc_widget.oauth.token_endpoint import Answer, TokenEndpoint
from oidc_widget.signin.problems import _CLASSES, as_error

ROOT = Path(__file__).parents[1]
BROWSER = set(
    re.findall(
        r'\| "(\w+)"',
        (ROOT / "frontend/oauth/errors.ts").read_text("utf-8").partition("export interface")[0],
    )
)
#: What happens to a caller in Python only, and never in a page.
PYTHON_ONLY = {
    "forked",
    "insecure_transport",
    "insecure_url",
    "invalid_url",
    "no_page",
    "no_terminal",
    "not_signed_in_to_jupyter",
    "not_remembered",
    "not_shared",
    "unattended",
}
#: What only a kernel that signs in by itself meets; its pages are told.
OF_THE_KERNEL = {"invalid_configuration", "keys_unavailable", "no_express_lane"}
#: What a server refuses that nobody's sign-in is at fault for: by RFC 6749 §5.2, and of its own.
OF_THE_SERVER = {
    "invalid_configuration",
    "invalid_request",
    "not_signed_in_to_jupyter",
    "server_error",
    "terminal_not_allowed",
    "too_many_requests",
    "unsupported_grant_type",
}
#: What is raised without a code of its own.
RAISED = [ConfigurationError, DiscoveryError, KeysUnavailable, SignInError, SignInTimeout, TokenError]


def nodes_in(*folders):
    files = [file for folder in folders for file in (ROOT / "src/oidc_widget" / folder).glob("*.py")]
    return [node for file in files for node in ast.walk(parse(file.read_text("utf-8")))]


def texts_in(node):
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}


def test_a_code_of_a_sign_in_is_one_that_the_browser_has_too():
    given = [
        node.value
        for node in nodes_in(".", "oauth", "signin", "diagnosis")
        if isinstance(node, ast.keyword) and node.arg in {"code", "otherwise"}
    ]
    codes = set().union(*map(texts_in, given)) | {error.default_code for error in RAISED}
    assert len(BROWSER) > 20
    assert codes - PYTHON_ONLY <= BROWSER | OF_THE_KERNEL
    assert codes >= PYTHON_ONLY | OF_THE_KERNEL
    assert not PYTHON_ONLY & (BROWSER | OF_THE_KERNEL)
    assert set(_CLASSES) <= BROWSER


def test_a_code_of_the_relay_is_the_browsers_the_standards_or_the_servers():
    refusals = [
        node
        for node in nodes_in("relay", "server", "hub")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Refusal", "cls"} and len(node.args) > 2
    ]
    codes = set().union(
        *(texts_in(node.args[1]) for node in refusals if isinstance(node.args[1], ast.Constant))
    )
    assert codes - OF_THE_SERVER <= BROWSER
    assert codes >= OF_THE_SERVER


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
