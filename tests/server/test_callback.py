"""The callback answer, as a real Jupyter server sends it."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import re
import socket

import httpx
import pytest

QUERY = {"code": "SECRET-CODE", "state": "SECRET-STATE", "iss": "https://idp.example.com"}


@pytest.fixture
def answer(server):
    with server.client(signed_in=False) as client:
        return client.get("callback", params=QUERY)


def test_anyone_may_have_the_page(answer):
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_nobody_may_keep_frame_or_pass_on_the_page(answer):
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("element", ["script", "style"])
def test_the_policy_allows_exactly_the_inline_element_of_the_page(answer, element):
    (text,) = re.findall(f"<{element}>(.*?)</{element}>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert f"{element}-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


def test_nothing_of_the_request_is_in_the_page(server, answer):
    with server.client(signed_in=False) as client:
        other = client.get("callback", params={"error_description": "<script>alert(1)</script>"})
    assert other.text == answer.text
    assert "SECRET" not in answer.text


def test_the_page_is_small(answer):
    assert len(gzip.compress(answer.content, 9)) <= 1000


def test_the_page_says_what_to_do_without_javascript(answer):
    assert "<noscript><p>This page needs JavaScript" in answer.text


def test_code_and_state_stay_out_of_the_log(server, answer):
    assert answer.status_code == 200
    assert "oidc-widget/callback" in server.log
    assert "SECRET" not in server.log


def test_a_foreign_host_name_is_refused_without_the_address_in_the_log(server):
    with server.client(signed_in=False) as client:
        answer = client.get("callback", params=QUERY, headers={"Host": "attacker.example"})
    assert answer.status_code == 403
    assert answer.text == "403 Forbidden"
    assert "SECRET" not in server.log


def test_other_methods_are_refused_with_the_same_headers(server):
    with server.client() as client:
        answer = client.post("callback", data=QUERY)
    assert answer.status_code == 405
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<" not in answer.text


def test_an_oversized_query_is_refused_and_the_server_lives(server):
    url = httpx.URL(server.address("callback"))
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        # The server may hang up while this is still being sent, which is as good an answer.
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"GET " + url.raw_path + b"?state=" + b"x" * 1_000_000)
            connection.sendall(b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert not connection.recv(4096).startswith(b"HTTP/1.1 200")
    with server.client(signed_in=False) as client:
        assert client.get("callback").status_code == 200


def test_the_server_starts_without_a_warning_about_us(server):
    # Named by path, since other extensions installed here may be warned about.
    assert re.findall("registered for .*oidc-widget", server.log) == []
