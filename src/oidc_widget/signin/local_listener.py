"""A listener on this machine's loopback interface, for one answer (RFC 8252 §7.3, §8.3)."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING

from oidc_widget.message_page import SECURITY_HEADERS, MessagePage

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LocalListener"]

#: Seconds that a connection may say nothing: browsers open some in advance.
_PATIENCE = 10.0
_NOT_THERE = MessagePage(("There is nothing here.",))
_NO_CONTENT, _OK, _NOT_FOUND, _MISDIRECTED = 204, 200, 404, 421  # RFC 9110 §15


class LocalListener:
    """Hears GET requests for one path, until it is closed.

    Nobody else can send it anything by a name that leads here (DNS rebinding): ``Host`` must be its own
    address.

    Parameters
    ----------
    host : str
        ``127.0.0.1``, ``[::1]`` or ``localhost``, as the address is to name it.
    port : int
        0: any that is free.
    path : str
        The one path.
    take : callable
        Is given the query of a request for that path, and returns what its page says, or ``None`` for an
        answer without a page. It runs in a thread of the listener's.

    Raises
    ------
    OSError
        The port is taken.
    """

    def __init__(self, host: str, port: int, path: str, take: Callable[[str], MessagePage | None]) -> None:
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        kind = type("_Server", (_Server,), {"address_family": family})
        self._server = kind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port), _Handler)
        self._server.authority = f"{host}:{self._server.server_address[1]}"
        self._server.path, self._server.take = path, take
        self.address = f"http://{self._server.authority}{path}"
        # Its own end is quick: `shutdown` waits for one such interval.
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="oidc-widget-loopback", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Hear nothing any more; what is being answered is answered."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # On Windows it would let two listen at once; elsewhere a port is taken for a while after each answer.
    allow_reuse_address = sys.platform != "win32"
    authority = path = ""
    take: Callable[[str], MessagePage | None]

    def server_bind(self) -> None:
        """Bind, without asking the name server what this machine is called."""
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that went away is no news, and a traceback would hold the code."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE
    server_version, sys_version = "oidc-widget", ""

    def do_GET(self) -> None:  # the name that http.server asks for
        path, _, query = self.path.partition("?")
        if self.headers.get_all("Host") != [self.server.authority]:
            self._send(_MISDIRECTED, _NOT_THERE)
        elif path != self.server.path:
            self._send(_NOT_FOUND, _NOT_THERE)
        else:
            page = self.server.take(query)
            self._send(_NO_CONTENT if page is None else _OK, page)

    def _send(self, status: int, page: MessagePage | None) -> None:
        body = b"" if page is None else page.html.encode()
        self.send_response(status)
        for name, value in (SECURITY_HEADERS if page is None else page.headers).items():
            self.send_header(name, value)
        if page is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's own name
        """Write nothing: the request's address holds the code."""
