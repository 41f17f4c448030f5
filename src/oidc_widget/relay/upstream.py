"""Requests from the server to a configured provider, which is never trusted to behave."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import DiscoveryError
from oidc_widget.oauth.http import exchange_async, fetch_json, is_secure, open_async_client, open_client
from oidc_widget.oauth.provider import MAX_AGE, discover
from oidc_widget.oauth.single_flight import SingleFlight

from .refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from oidc_widget.oauth.answer import Answer
    from oidc_widget.oauth.provider import Provider

    from .providers import ConfiguredProvider

__all__ = ["Upstream"]

_TIMEOUT = 15  # seconds, for the whole of a request
_MAX_ANSWER = 256 * 1024  # bytes
_KEYS_AGE = 30  # seconds: a new key is asked for as soon as a token names it


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
        self._configured = provider
        self._timeout = timeout
        self._now = now
        self._provider: Provider | None = None
        self._provider_until = float("-inf")
        self._keys: dict[str, Any] = {}
        self._keys_until = float("-inf")
        self._discovery = SingleFlight(self._discover)
        self._jwks_uri = ""
        self._key_fetch = SingleFlight(self._fetch_keys)

    async def endpoint(self, key: str) -> str | None:
        """Find an endpoint: in the configuration, else in the discovery document.

        Parameters
        ----------
        key : str
            Such as ``token_endpoint``.

        Raises
        ------
        Refusal
            The discovery document can't be had or used.
        """
        configured: str | None = getattr(self._configured, key, None)
        if configured is not None or not self._configured.oidc:
            return configured
        address = (await self.provider()).metadata.get(key)
        if address is None:
            return None
        # A provider elsewhere has no business with this machine's own ports.
        elsewhere = self._configured.authority.startswith("https:")
        if not isinstance(address, str) or not is_secure(address, loopback=not elsewhere):
            raise Refusal(502, "discovery_failed", f"{self._named} announces a {key} that is not https.")
        return address

    async def provider(self) -> Provider:
        """Read the provider's metadata, at most once an hour (OpenID Connect Discovery 1.0 §4).

        Raises
        ------
        Refusal
            They can't be had or used.
        """
        landed = self._discovery.landed
        if self._now() >= self._provider_until:
            await self._told(self._discovery.wait_async(self._timeout, landed=landed))
        assert self._provider is not None  # noqa: S101  # what the flight brought
        return self._provider

    async def keys(self) -> dict[str, Any]:
        """Read the provider's keys, at most every half minute (RFC 7517 §5).

        Raises
        ------
        Refusal
            It can't be had or used.
        """
        landed = self._key_fetch.landed
        if self._now() < self._keys_until:
            return self._keys
        address = await self.endpoint("jwks_uri")
        if address is None:
            raise Refusal(502, "discovery_failed", f"{self._named} has no keys at its jwks_uri.")
        self._jwks_uri = address
        await self._told(self._key_fetch.wait_async(self._timeout, landed=landed))
        return self._keys

    def _discover(self) -> None:
        with open_client() as client:
            self._provider = discover(client, self._configured.authority, timeout=self._timeout)
        self._provider_until = self._now() + MAX_AGE

    def _fetch_keys(self) -> None:
        with open_client() as client:
            keys = fetch_json(client, self._jwks_uri, timeout=self._timeout).get("keys")
        if not isinstance(keys, list):
            raise DiscoveryError("There is no key set at its jwks_uri.")
        self._keys = {"keys": [key for key in keys if isinstance(key, dict)]}
        self._keys_until = self._now() + _KEYS_AGE

    async def _told(self, flight: Awaitable[None]) -> None:
        """Wait, and say in the relay's own words what went wrong."""
        try:
            await flight
        except TimeoutError as failure:
            raise self._too_late() from failure
        except DiscoveryError as failure:
            if failure.code == "provider_unreachable":
                late = isinstance(failure.__cause__, TimeoutError)
                raise self._too_late() if late else self._unreachable(failure.message) from failure
            raise Refusal(
                502,
                failure.code,
                f"{self._named} can't be used as it is configured: {failure.message} "
                "The administrator should check 'authority'.",
            ) from failure

    @property
    def _named(self) -> str:
        return f"The provider {self._configured.name!r}"

    def _too_late(self) -> Refusal:
        return Refusal(
            504, "token_endpoint_unreachable", f"{self._named} didn't answer in time. Try again in a while."
        )

    def _unreachable(self, why: str) -> Refusal:
        return Refusal(
            502,
            "token_endpoint_unreachable",
            f"The server can't reach {self._named[4:]} ({why.rstrip('.')}). "
            "Try again in a while, or ask the server's administrator.",
        )

    async def post(self, address: str, form: Mapping[str, Any]) -> Answer:
        """Send a form with the client's authentication.

        Parameters
        ----------
        address : str
            One of the provider's endpoints.
        form : Mapping
            The parameters; a list stands for one that is repeated.

        Raises
        ------
        Refusal
            The provider could not be reached in time.
        ConfigurationError
            The client's secret can't be read any more.
        """
        # Letter by letter as it calls itself, once that is known; else as the administrator wrote it.
        issuer = self._configured.authority if self._provider is None else self._provider.issuer
        signed, headers = self._configured.authentication.sign(form, issuer=issuer, now=time.time())
        return await self.request("POST", address, form=signed, headers=headers)

    async def request(
        self,
        method: str,
        address: str,
        *,
        form: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and read the answer, within limits of time and size.

        Raises
        ------
        Refusal
            The provider could not be reached in time, or sent too much.
        """
        # A client of its own each time: what a provider sets as a cookie is no other user's.
        async with open_async_client() as client:
            answer = await exchange_async(
                client,
                method,
                address,
                timeout=self._timeout,
                form=None if form is None else lambda: form,
                headers=headers,
                limit=_MAX_ANSWER,
            )
        if answer.late:
            raise self._too_late()
        if answer.unreadable:
            raise Refusal(502, "token_response_invalid", f"{self._named} answers, but {answer.failure}.")
        if answer.failure is not None:
            raise self._unreachable(answer.failure)
        return answer
