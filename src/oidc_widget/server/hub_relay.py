"""The relay of this server's JupyterHub, for clients whose secret must not be on a user's server."""

from __future__ import annotations

import os
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from oidc_widget.oauth.http import exchange_async, open_async_client
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
                self._list = await self._fetch_list()
            except Refusal as refusal:
                # Whatever is wrong with the Hub's, this server's own providers are there all the same.
                self._log.warning("oidc_widget | %s", refusal.sentence)
                self._list_until = self._now() + _RETRY_AFTER
                return self._list
            self._list_until = self._now() + _LIST_AGE
        return self._list

    async def _fetch_list(self) -> list[dict[str, Any]]:
        status, found = await self._ask("GET", "", timeout=_LIST_TIMEOUT)
        if status != HTTPStatus.OK:
            said = found.get("error_description") or f"status {status}"
            raise _unexpected(f"refuses to list its providers ({said})")
        listed = found.get("providers")
        if not isinstance(listed, list):
            raise _unexpected("sent something that is no list of providers")
        good = [provider for provider in listed if _is_provider(provider)]
        if len(good) < len(listed):
            self._log.warning(
                "oidc_widget | JupyterHub's sign-in service lists %d provider(s) that can't be used here.",
                len(listed) - len(good),
            )
        return good

    async def token(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a token request on; the Hub knows by the server's token who the user is."""
        del user
        return await self._ask("POST", f"/{quote(name, safe='')}/token", content_type, body)

    async def revoke(self, name: str, user: str, content_type: str, body: bytes) -> tuple[int, Any]:
        """Pass a revocation request on."""
        del user
        return await self._ask("POST", f"/{quote(name, safe='')}/revoke", content_type, body)

    async def metadata(self, name: str, user: str) -> tuple[int, Any]:
        """Ask for what a provider publishes about itself."""
        del user
        return await self._ask("GET", f"/{quote(name, safe='')}/metadata")

    async def _ask(
        self, method: str, path: str, content_type: str = "", body: bytes = b"", *, timeout: float = _TIMEOUT
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"token {self._token}"}
        if content_type:
            headers["Content-Type"] = content_type
        address = f"{self._address}api/providers{path}"
        # Never through a proxy: it is the Hub's inner address.
        async with open_async_client(proxies=False) as client:
            answer = await exchange_async(
                client, method, address, timeout=timeout, headers=headers, content=body
            )
        if answer.failure is not None:
            raise Refusal(
                502,
                "token_endpoint_unreachable",
                f"JupyterHub's sign-in service can't be reached ({answer.failure}). "
                "Try again in a while, or ask the JupyterHub's administrator.",
            )
        if answer.media_type != "application/json" or not isinstance(answer.document, dict):
            raise _unexpected(f"sent something unexpected (status {answer.status})")
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS or (answer.error and answer.wait_header):
            raise Refusal(
                answer.status,
                answer.error or "too_many_requests",
                answer.description or "Too many requests in a short time; try again in a while.",
                answer.wait_header or {"Retry-After": "1"},
            )
        return answer.status, answer.document


def _unexpected(what: str) -> Refusal:
    return Refusal(
        502,
        "server_error",
        f"JupyterHub's sign-in service {what}. Ask the JupyterHub's administrator to look into its log.",
    )


def _is_provider(value: object) -> bool:
    """Tell whether what a page needs of a provider is there."""
    needed = ("name", "label", "authority", "client_id")
    return isinstance(value, dict) and all(isinstance(value.get(n), str) and value[n] for n in needed)
