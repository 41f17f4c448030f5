"""An issuer that has nothing but metadata and keys, on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joserfc.jwk import Key


class KeyServer:
    """Within a `with` block, which gets the issuer's address."""

    def __init__(self, *keys: Key) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.issuer = f"http://127.0.0.1:{self._server.server_port}"  # type: ignore[attr-defined]  # for it
        self._server.jwks = {"keys": [key.as_dict(private=False) for key in keys]}  # type: ignore[attr-defined]

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self._server.issuer  # type: ignore[attr-defined]  # set above

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        metadata = {"issuer": self.server.issuer, "jwks_uri": f"{self.server.issuer}/jwks"}
        body = json.dumps(self.server.jwks if self.path == "/jwks" else metadata).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
