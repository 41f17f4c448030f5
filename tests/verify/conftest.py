"""An issuer that signs anything it is told to, and a server that publishes its keys, or fails to."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc.jwk import ECKey, OKPKey, RSAKey

from oidc_widget.verify import testing

ISSUER = "https://idp.example.com"
AUDIENCE = "https://api.example.com"
NOW = 1_800_000_000


def segment(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Issuer(testing.Issuer):
    """Keys of every kind, and tokens signed with them: good ones, and ones that no honest issuer makes."""

    now = NOW

    def __init__(self):
        super().__init__(ISSUER, AUDIENCE, now=lambda: NOW)
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
        self.ec = ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256"})
        self.ec384 = ECKey.generate_key("P-384", {"kid": "ec384"})
        self.ed = OKPKey.generate_key("Ed25519", {"kid": "ed"})
        self.stranger = RSAKey.generate_key(2048, {"kid": "rsa"})
        self.stranger_ec = ECKey.generate_key("P-256", {"kid": "ec"})

    def key(self, alg):
        others = {"R": self.rsa, "P": self.rsa, "ES256": self.ec, "ES384": self.ec384}
        return others.get(alg if alg.startswith("ES") else alg[0], self.ed)

    @property
    def jwks(self):
        return jwks(self.rsa, self.ec, self.ec384, self.ed)

    def claims(self, **changes):
        own = {"client_id": ..., "jti": ..., "iat": NOW - 5, "scope": "read write", **changes}
        return super().claims(**own)

    def token(self, *, alg="RS256", **changes):
        return super().token(alg=alg, **changes)

    def raw(self, header=None, payload=None):
        """A token of any bytes as header and payload, with a true RS256 signature over them."""
        head = segment({"alg": "RS256", "kid": "rsa"} if header is None else header)
        body = segment(self.claims() if payload is None else payload)
        signature = self.rsa.private_key.sign(f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{head}.{body}.{segment(signature)}"


def jwks(*keys):
    return {"keys": [key.as_dict(private=False) for key in keys]}


@pytest.fixture(scope="session")
def issuer():
    return Issuer()


@pytest.fixture
def settings(issuer):
    """Settings of a verifier for the issuer's tokens, with its keys at hand."""
    return {"issuer": ISSUER, "audience": AUDIENCE, "keys": issuer.jwks, "now": lambda: NOW}


class KeyServer:
    """Metadata and keys over HTTP on loopback: a real server that can be told to misbehave."""

    def __init__(self, keys):
        self.keys = keys
        self.metadata = {}
        self.responses = {}  # path → (status, headers, body), instead of the right ones
        self.counts = Counter()
        self.open = threading.Event()  # closed: requests wait
        self.open.set()
        self.arrived = threading.Semaphore(0)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that hangs up is what some tests are about
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def issuer(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self.open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def right(self, path):
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/jwks",
                "introspection_endpoint": f"{self.issuer}/introspect",
                **self.metadata,
            }
        return self.keys if path == "/jwks" else None

    def _handler(outer):  # noqa: N805  (the handler has a self of its own)
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.counts[self.path] += 1
                outer.arrived.release()
                outer.open.wait(30)
                answer = outer.responses.get(self.path)
                if callable(answer):
                    answer = answer(self, body)
                status, headers, content = answer or (200, {}, outer.right(self.path))
                if content is None:
                    status = 404
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                own = {"Content-Length": str(len(data)), "Content-Type": "application/json"}
                for name, value in {**own, **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(data)

            do_POST = do_GET  # noqa: N815  (the same)

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def key_server(issuer):
    server = KeyServer(issuer.jwks)
    yield server
    server.close()


@pytest.fixture(scope="session")
def http_client():
    """One for all tests: making one takes 0.2 s, for the certificates."""
    with httpx.Client(trust_env=False) as client:
        yield client


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self):
        self.time = 1000.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()
