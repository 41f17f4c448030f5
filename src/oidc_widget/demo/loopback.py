"""Serve a WSGI application on a free loopback port, in a thread."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"

#: Seconds between two looks at whether it is to stop.
_SHUTDOWN_POLL = 0.1


class _QuietHandler(WSGIRequestHandler):
    """No line per request: addresses at a provider carry codes."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""

    def version_string(self) -> str:
        """Say what this is, and not which Python and library it runs on."""
        return "oidc-widget-demo"


class LoopbackServer:
    """A reserved loopback port, and later the application that answers on it.

    The port is taken at once and served later: a provider must know its own address before it is made.
    Used as a context manager it stops at the end.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind((HOST, 0))
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The origin, without a trailing slash."""
        return f"http://{HOST}:{self._socket.getsockname()[1]}"

    def serve(self, app: WSGIApplication) -> None:
        """Answer requests with an application from now on."""
        self._socket.listen(128)
        self._server = make_server(
            HOST, 0, app, threaded=True, request_handler=_QuietHandler, fd=self._socket.fileno()
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL,), daemon=True, name=self.url
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop answering, and give the port back."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._socket.close()

    def __enter__(self) -> LoopbackServer:  # noqa: PYI034  "Self" is from 3.11 on
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
