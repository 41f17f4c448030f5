"""Servers of a Hub's users that only pretend to run: one web server in the Hub's process stands for all."""

from __future__ import annotations

from typing import Any

from jupyterhub.spawner import Spawner
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler


class _Anything(RequestHandler):
    def get(self) -> None:
        self.finish({})


class PretendSpawner(Spawner):
    """What the Hub asks of a server is whether it answers."""

    port: int | None = None
    running = False

    async def start(self) -> str:
        """Return the address of the one server."""
        if PretendSpawner.port is None:
            sockets = bind_sockets(0, "127.0.0.1")
            HTTPServer(Application([(".*", _Anything)])).add_sockets(sockets)
            PretendSpawner.port = sockets[0].getsockname()[1]
        self.running = True
        return f"http://127.0.0.1:{PretendSpawner.port}"

    async def stop(self, now: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  # the Hub's signature
        """Do nothing but say so."""
        self.running = False

    async def poll(self) -> int | None:
        """Return None while it is said to run."""
        return None if self.running else 0

    def get_state(self) -> dict[str, Any]:
        """Keep nothing."""
        return {}
