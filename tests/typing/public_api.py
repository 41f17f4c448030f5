"""What type checkers know of the public API; `mypy --strict` reads this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import httpx
import httpx2
import requests
from typing_extensions import assert_type

from oidc_widget import OIDCLogin, authenticate, errors
from oidc_widget.errors import OIDCError

w = OIDCLogin("https://idp.example.com", "notebooks", scopes=["openid"], flow="device", label="Corp")
OIDCLogin(authority="https://idp.example.com", client_id="notebooks", resource="https://api.example.com/")
OIDCLogin(provider="corp", extra_params={"prompt": "login"}, auto_refresh=False, share_id_token=True)
OIDCLogin("https://idp.example.com", "notebooks", scopes="openid profile")
OIDCLogin("https://idp.example.com", "notebooks", flow="loopback", remember=True)
OIDCLogin("https://idp.example.com", "notebooks", flow="implicit")  # type: ignore[arg-type]
OIDCLogin("https://idp.example.com", "notebooks", ("openid",))  # type: ignore[call-arg,arg-type]
OIDCLogin("https://idp.example.com", "notebooks", scope="openid")  # type: ignore[call-arg]

assert_type(w.access_token, str | None)
assert_type(w.id_token, str | None)
assert_type(w.expires_in, float | None)
assert_type(w.claims, Mapping[str, Any] | None)
assert_type(w.status, Literal["signed_out", "signing_in", "signed_in", "expired", "error"])
assert_type(w.error, OIDCError | None)
assert_type(w.redirect_uri, str | None)

assert_type(w.sign_in(), None)
assert_type(w.sign_out(), None)
assert_type(w.refresh(), None)
assert_type(w.paste("http://localhost/?code=…"), None)
assert_type(w.diagnose().ok, bool)
assert_type(w.diagnose()[0].advice, str | None)

assert_type(w.userinfo(), Mapping[str, Any])
assert_type(w.userinfo(timeout=5), Mapping[str, Any])
assert_type(w.wait(), str)
assert_type(w.wait(timeout=30), str)
assert_type(w.token(), str)
assert_type(w.token(30, resource="https://data.example.com/", scopes=["read"], timeout=None), str)
w.token(60, "https://data.example.com/")  # type: ignore[call-arg]
w.access_token = "a token"  # type: ignore[misc]
w.claims["sub"]  # type: ignore[index]


async def no_blocking() -> None:
    assert_type(await w, str)
    assert_type(await w.token_async(resource="https://data.example.com/"), str)
    async with httpx.AsyncClient(auth=w.auth) as client:
        await client.get("https://api.example.com/")


with httpx.Client(auth=w.auth) as client:
    client.get("https://api.example.com/", auth=w.auth)
with httpx2.Client(auth=w.auth) as newer:
    newer.get("https://api.example.com/", auth=w.auth)
requests.get("https://api.example.com/", auth=w.auth, timeout=10)

assert_type(w.token_file(), Path)
assert_type(w.token_file("token"), Path)
with w.environment("BEARER_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE") as path:
    assert_type(path, Path)
assert_type(w.value, Mapping[str, Any])

token: dict[str, str] = {}
assert_type(authenticate({"authority": "https://idp.example.com", "client_id": "notebooks"}, token), None)

try:
    w.wait(1)
except errors.SignInTimeout as timeout:
    as_built_in: TimeoutError = timeout
    assert_type(timeout.code, str)
    assert_type(timeout.hint, str | None)
except errors.ConfigurationError as wrong:
    as_value_error: ValueError = wrong
