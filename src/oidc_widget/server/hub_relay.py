"""The relay of this server's JupyterHub, for clients whose secret must not be on a user's server."""

from __future__ import annotations

import os
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from oidc_widget.relay import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger, LoggerAdapter

    from typing_extensions import Self

__all__ = ["RELAY_VARIABLE", "HubRelay"]

#: Set for users' servers by ``oidc_widget.hub``.
RELAY_VARIABLE = "OIDC_WIDGET_HUB_URL"

_TIMEOUT = 25  # seconds: longer than the Hub's service gives a provider
_LIST_TIMEOUT = 5  # seconds: a page waits for it
_LIST_AGE = 60  # seconds
_RETRY_AFTER = 10  # seconds


class HubRelay:
    """Asks the Hub's service in the name of this server's user.

    Parameters
    ----------
    address : str
        The service's address, with a slash at the end.
    token : str
        What this server signs in to the Hub with (``JUPYTERHUB_API_TOKEN``).
    log : logging.Logger
        The server's log.
    now : callable, optional
        A monotonic clock, in seconds.
    """

    def __init__(
        self,
        address: str,
        token: str,
        log: Logger | LoggerAdapter[Any],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._token = token
        self._log = log
        self._now = now
        self._list: list[dict[str, Any]] = []
        self._list_until = 0.0

    @classmethod
    def of_environment(cls, log: Logger | LoggerAdapter[Any]) -> Self | None:
        """Make one from what the Hub gave this server, if it has such a service."""
        address, token = os.environ.get(RELAY_VARIABLE), os.environ.get("JUPYTERHUB_API_TOKEN")
        return cls(address, token, log) if address and token else None

    async def listed(self) -> list[dict[str, Any]]:
        """List the Hub's providers, asked for once a minute; the last known ones while it is away."""
        if self._now() >= self._list_until:
            try:
                status, found = await self._ask("GET", "api/providers", timeout=_LIST_TIMEOUT)
                self._list = found["providers"] if status == HTTPStatus.OK else []
            except Refusal as refusal:
                self._log.warning("oidc_widget | %s", refusal.sentence)
                self._list_until = self._now() + _RETRY_AFTER
                return self._list
            self._list_until = self._now() + _LIST_AGE
        return self._list

    async def token(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a token request on; the Hub knows by the server's token who the user is."""
        del user
        return await self._ask("POST", f"api/providers/{name}/token", content_type, body)

    async def revoke(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a revocation request on."""
        del user
        return await self._ask("POST", f"api/providers/{name}/revoke", content_type, body)

    async def metadata(self, name: str, user: str) -> tuple[int, Any]:
        """Ask for what a provider publishes about itself."""
        del user
        return await self._ask("GET", f"api/providers/{name}/metadata")

    async def _ask(
        self, method: str, path: str, content_type: str = "", body: bytes = b"", *, timeout: float = _TIMEOUT
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"token {self._token}"}
        if content_type:
            headers["Content-Type"] = content_type
        try:
            # Never through a proxy: it is the Hub's inner address.
            async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
                answer = await client.request(method, self._address + path, content=body, headers=headers)
            document = answer.json()
        except (httpx.HTTPError, ValueError) as failure:
            raise Refusal(
                502,
                "token_endpoint_unreachable",
                f"JupyterHub's sign-in service can't be reached ({type(failure).__name__}). "
                "Try again in a while, or ask the JupyterHub's administrator.",
            ) from failure
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            wait = {"Retry-After": answer.headers.get("Retry-After", "1")}
            raise Refusal(429, document["error"], document["error_description"], wait)
        return answer.status_code, document
