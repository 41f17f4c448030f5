"""Fetch a provider's JSON documents: its metadata and its keys.

What these documents say decides who is let in, so nothing about fetching them is lenient:
https only (loopback aside), redirects are not followed unless a caller says so, only status 200
counts, and both the time and the size have limits.
"""

from __future__ import annotations

import json
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError, DiscoveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import httpx

__all__ = ["MAX_DOCUMENT_BYTES", "Client", "fetch_json", "open_client", "require_secure_url"]

#: Key sets of large tenants are some 20 kB; far beyond that is no key set.
MAX_DOCUMENT_BYTES = 512 * 1024
#: The code of an answer that never came: the same as the browser's.
_UNREACHABLE = "provider_unreachable"


class Client(Protocol):
    """What sends: an ``httpx.Client``, or one like it."""

    @property
    def stream(self) -> Callable[..., AbstractContextManager[Any]]:
        """Send a request, and read its answer piece by piece."""

    def close(self) -> None:
        """Close its connections."""


def open_client() -> httpx.Client:
    """Return a client for this package's own requests; the caller closes it."""
    import httpx  # noqa: PLC0415  (offline keys need no network, and 60 ms are worth saving)

    return httpx.Client(follow_redirects=False)


def require_secure_url(url: object, *, what: str, allow_insecure_http: bool = False) -> str:
    """Check that an address may be trusted with what a provider says about itself.

    Parameters
    ----------
    url : object
        The address: https; http on loopback (RFC 8252 §7.3: it never leaves the machine).
    what : str
        What the address is, for the error.
    allow_insecure_http : bool
        Accept http to any host. Whoever is on the way can then forge tokens.

    Returns
    -------
    str
        The address, unchanged.

    Raises
    ------
    ConfigurationError
        If it is no absolute http(s) address, or is insecure.
    """
    if not isinstance(url, str):
        msg = f"{what} must be a web address, not {type(url).__name__}."
        raise ConfigurationError(msg, code="invalid_url")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # both are read here, because reading them may raise
    except ValueError as error:
        raise ConfigurationError(f"{what} is no web address: {url!r}.", code="invalid_url") from error
    if parts.scheme not in {"https", "http"} or not host or parts.username is not None:
        raise ConfigurationError(
            f"{what} is no web address: {url!r}.",
            code="invalid_url",
            hint="Write it with https:// and the host's name, and without user or password.",
        )
    if parts.scheme == "https" or allow_insecure_http or _is_loopback(host):
        return url
    raise ConfigurationError(
        f"{what} is not protected on its way: {url!r}.",
        code="insecure_url",
        hint="Use https. In a closed test network, allow_insecure_http=True accepts it all the same.",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def fetch_json(  # noqa: PLR0913  (each by name)
    client: Client,
    url: str,
    *,
    timeout: float,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    redirects: int = 0,
) -> dict[str, Any]:
    """Get a JSON object, or post a form that is answered with one.

    Parameters
    ----------
    client : Client
        The way to the network.
    url : str
        An address that :func:`require_secure_url` accepts.
    timeout : float
        Seconds that the whole answer may take.
    form : mapping of str, optional
        What to post.
    headers : mapping of str, optional
        Further headers.
    redirects : int
        How many redirects to follow: from https to https, and on this machine. Only for a document that says
        itself whose it is.

    Returns
    -------
    dict
        The object.

    Raises
    ------
    DiscoveryError
        If there is no answer in time, none with status 200, or none that is a JSON object.
    """
    import httpx  # noqa: PLC0415  (offline keys need no network, and 60 ms are worth saving)

    deadline = time.monotonic() + timeout
    body = bytearray()
    try:
        # Each step below has its own limit in httpx; the deadline bounds a server that drips bytes.
        with client.stream(
            "GET" if form is None else "POST",
            url,
            data=form,
            headers={"Accept": "application/json", **(headers or {})},
            timeout=timeout,
            follow_redirects=False,
        ) as response:
            onward = response.next_request if redirects else None
            if response.status_code != httpx.codes.OK and onward is None:
                raise DiscoveryError(
                    f"{url} answered with status {response.status_code}.",
                    hint="Redirects are not followed: configure the final address."
                    if response.is_redirect
                    else None,
                )
            for chunk in () if onward else response.iter_bytes():
                body += chunk
                if len(body) > MAX_DOCUMENT_BYTES:
                    raise DiscoveryError(f"{url} sent more than {MAX_DOCUMENT_BYTES} bytes.")
                if time.monotonic() > deadline:
                    raise DiscoveryError(
                        f"{url} did not finish its answer within {timeout:g} s.", code=_UNREACHABLE
                    )
    except httpx.TimeoutException as error:
        raise DiscoveryError(f"{url} did not answer within {timeout:g} s.", code=_UNREACHABLE) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DiscoveryError(f"{url} can't be reached: {error}.", code=_UNREACHABLE) from error
    if onward is not None:
        there, left = _onward(url, str(onward.url)), deadline - time.monotonic()
        return fetch_json(client, there, timeout=max(left, 0.001), redirects=redirects - 1)
    try:
        document = json.loads(bytes(body))
    except (ValueError, RecursionError) as error:
        raise DiscoveryError(f"{url} did not send JSON.") from error
    if not isinstance(document, dict):
        raise DiscoveryError(f"{url} did not send a JSON object.")
    return document


def _onward(url: str, target: str) -> str:
    try:
        there = require_secure_url(target, what=f"The address that {url} redirects to")
    except ConfigurationError as error:
        raise DiscoveryError(error.message) from error
    if url.startswith("https:") and not there.startswith("https:"):
        # A provider elsewhere has no business with this machine's own ports.
        raise DiscoveryError(f"{url} redirects to {target}, which is not https.")
    return there
