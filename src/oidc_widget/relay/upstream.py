"""Requests from the server to a configured provider, which is never trusted to behave."""

from __future__ import annotations

import asyncio
import json
import time
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx

from .entry import is_secure
from .refusal import Refusal

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from .providers import ConfiguredProvider

__all__ = ["Answer", "Upstream"]

_TIMEOUT = 15  # seconds, for the whole of a request
_MAX_ANSWER = 256 * 1024  # bytes
_METADATA_AGE = 3600  # seconds
_KEYS_AGE = 30  # seconds: a new key is asked for as soon as a token names it
_WELL_KNOWN = "/.well-known/openid-configuration"


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Load the certificates once; it takes longer than a request."""
    return httpx.create_ssl_context()


class Answer:
    """A provider's answer: its status and the object in it, ``None`` if there is none."""

    def __init__(self, status: int, content_type: str, content: bytes) -> None:
        self.status = status
        self.document: dict[str, Any] | None = None
        try:
            if "x-www-form-urlencoded" in content_type:
                # GitHub, and others from before RFC 6749, unless asked otherwise.
                document: Any = dict(parse_qsl(content.decode("ascii")))
            else:
                document = json.loads(content)
        except (ValueError, RecursionError):
            return
        if isinstance(document, dict):
            self.document = document


class Upstream:
    """One provider, as the server reaches it.

    Only addresses of the provider's configuration or of its own discovery document are asked; no
    request from a browser can name one, and redirects are not followed.

    Parameters
    ----------
    provider : ConfiguredProvider
        The provider.
    timeout : float, optional
        How many seconds one request may take, from the first byte to the last.
    now : callable, optional
        A monotonic clock, in seconds.
    """

    def __init__(
        self,
        provider: ConfiguredProvider,
        *,
        timeout: float = _TIMEOUT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._timeout = timeout
        self._now = now
        self._metadata: dict[str, Any] = {}
        self._metadata_until = 0.0
        self._keys: dict[str, Any] = {}
        self._keys_until = 0.0

    async def endpoint(self, key: str) -> str | None:
        """Find an endpoint: in the configuration, else in the discovery document.

        Parameters
        ----------
        key : str
            Such as ``token_endpoint``.

        Returns
        -------
        str or None
            The address, if the provider has one.

        Raises
        ------
        Refusal
            The discovery document can't be had or used.
        """
        configured: str | None = getattr(self._provider, key, None)
        if configured is not None or not self._provider.oidc:
            return configured
        address = (await self.metadata()).get(key)
        if address is None:
            return None
        # A provider elsewhere has no business with this machine's own ports.
        elsewhere = self._provider.authority.startswith("https:")
        if not isinstance(address, str) or not is_secure(address, loopback=not elsewhere):
            raise Refusal(502, "discovery_failed", f"{self._named} announces a {key} that is not https.")
        return address

    async def metadata(self) -> dict[str, Any]:
        """Read the provider's metadata, at most once an hour (OpenID Connect Discovery 1.0 §4).

        Returns
        -------
        dict
            The discovery document.

        Raises
        ------
        Refusal
            It can't be had or used.
        """
        if self._now() < self._metadata_until:
            return self._metadata
        authority = self._provider.authority
        answer = await self.request("GET", authority.rstrip("/") + _WELL_KNOWN)
        document = answer.document
        if answer.status != HTTPStatus.OK or document is None:
            raise Refusal(
                502,
                "discovery_failed",
                f"{self._named} has no discovery document at {authority} (status {answer.status}); "
                "the administrator should check 'authority'.",
            )
        # A slash at the end is forgiven, as in the browser; it can't lead to another provider.
        if str(document.get("issuer")).rstrip("/") != authority.rstrip("/"):
            raise Refusal(
                502,
                "issuer_mismatch",
                f"{self._named} calls itself otherwise than 'authority' in the configuration says.",
            )
        self._metadata = document
        self._metadata_until = self._now() + _METADATA_AGE
        return document

    async def keys(self) -> dict[str, Any]:
        """Read the provider's keys, at most every half minute (RFC 7517 §5).

        Returns
        -------
        dict
            The key set.

        Raises
        ------
        Refusal
            It can't be had or used.
        """
        if self._now() < self._keys_until:
            return self._keys
        address = await self.endpoint("jwks_uri")
        answer = await self.request("GET", address) if address else None
        if answer is None or answer.status != HTTPStatus.OK or answer.document is None:
            raise Refusal(502, "discovery_failed", f"{self._named} has no keys at its jwks_uri.")
        self._keys = answer.document
        self._keys_until = self._now() + _KEYS_AGE
        return self._keys

    @property
    def _named(self) -> str:
        return f"The provider {self._provider.name!r}"

    async def post(self, address: str, form: Mapping[str, Any]) -> Answer:
        """Send a form with the client's authentication.

        Parameters
        ----------
        address : str
            One of the provider's endpoints.
        form : Mapping
            The parameters; a list stands for one that is repeated.

        Returns
        -------
        Answer
            What came back.

        Raises
        ------
        Refusal
            The provider could not be reached in time.
        ConfigurationError
            The client's secret can't be read any more.
        """
        signed, headers = self._provider.authentication.sign(form, address=address, now=time.time())
        return await self.request("POST", address, data=signed, headers=headers)

    async def request(self, method: str, address: str, **options: Any) -> Answer:
        """Send a request and read the answer, within limits of time and size.

        Parameters
        ----------
        method : str
            The HTTP method.
        address : str
            One of the provider's endpoints.
        **options
            As for ``httpx``.

        Returns
        -------
        Answer
            What came back.

        Raises
        ------
        Refusal
            The provider could not be reached in time, or sent too much.
        """
        try:
            # httpx counts its time-outs per operation: a provider that drips would never meet one.
            return await asyncio.wait_for(self._send(method, address, **options), self._timeout)
        except (asyncio.TimeoutError, httpx.TimeoutException) as failure:
            raise Refusal(
                504,
                "token_endpoint_unreachable",
                f"{self._named} didn't answer in time. Try again in a while.",
            ) from failure
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            raise Refusal(
                502,
                "token_endpoint_unreachable",
                f"The Jupyter server can't reach {self._named[4:]} ({type(failure).__name__}). "
                "Try again in a while, or ask the server's administrator.",
            ) from failure

    async def _send(self, method: str, address: str, **options: Any) -> Answer:
        headers = {
            # GitHub answers with a form unless asked, and its API wants a User-Agent.
            "Accept": "application/json",
            "User-Agent": "oidc-widget",
            **options.pop("headers", {}),
        }
        async with (
            # A client of its own each time: what a provider sets as a cookie is no other user's.
            httpx.AsyncClient(follow_redirects=False, timeout=self._timeout, verify=_trusted()) as client,
            client.stream(method, address, headers=headers, **options) as response,
        ):
            content = b""
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > _MAX_ANSWER:
                    raise Refusal(502, "token_response_invalid", f"{self._named} sent far too much.")
            return Answer(response.status_code, response.headers.get("Content-Type", ""), content)
