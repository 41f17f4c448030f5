"""An OAuth 2 provider after GitHub's documentation: no OpenID Connect, no discovery, no ID token, no CORS.

Whoever comes is signed in already, as `octo`. It wants a client secret and PKCE, answers with forms unless
asked for JSON, sends errors with status 200, and separates scopes by commas.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class OAuth2Only:
    """A running provider."""

    client_id = "Iv1.test"
    client_secret = "test-secret-of-the-oauth-app"

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.provider = self  # type: ignore[attr-defined]  # for the handler
        self.codes: dict[str, str] = {}
        self.tokens: set[str] = set()
        #: Answer with forms whatever the client asks for.
        self.always_form = False
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def entry(self) -> dict[str, object]:
        """Its entry in `c.OIDCWidget.providers`, but for where the secret is."""
        return {
            "oidc": False,
            "client_id": self.client_id,
            "token_endpoint_auth_method": "client_secret_post",
            "scopes": ["read:user", "gist"],
            "authorization_endpoint": f"{self.url}/login/oauth/authorize",
            "token_endpoint": f"{self.url}/login/oauth/access_token",
            "userinfo_endpoint": f"{self.url}/user",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    @property
    def provider(self) -> OAuth2Only:
        return self.server.provider  # type: ignore[attr-defined]  # set above

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/login/oauth/authorize":
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            code = secrets.token_hex(10)
            self.provider.codes[code] = asked["code_challenge"]
            self.send_response(302)
            back = urlencode({"code": code, "state": asked["state"]})
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()
        elif self.headers["Authorization"].removeprefix("Bearer ") in self.provider.tokens:
            user = {"login": "octo", "id": 583231, "name": "Octo Cat", "email": None}
            self._answer("application/json", json.dumps(user))
        else:
            self.send_error(401)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = self._token({name: values[0] for name, values in parse_qs(body).items()})
        if "json" in self.headers["Accept"] and not self.provider.always_form:
            self._answer("application/json; charset=utf-8", json.dumps(answer))
        else:
            self._answer("application/x-www-form-urlencoded; charset=utf-8", urlencode(answer))

    def _token(self, form: dict[str, str]) -> dict[str, str]:
        if form.get("client_secret") != self.provider.client_secret:
            return {"error": "incorrect_client_credentials"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self.provider.codes.pop(form.get("code", ""), None) != challenge:
            return {"error": "bad_verification_code"}
        token = f"gho_{secrets.token_hex(16)}"
        self.provider.tokens.add(token)
        return {"access_token": token, "scope": "read:user,gist", "token_type": "bearer"}

    def _answer(self, content_type: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: the tests ask the object."""
