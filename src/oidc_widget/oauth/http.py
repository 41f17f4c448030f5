"""HTTP, for all of this package: the only way to read what comes over it.

What a provider says decides who is let in, and whoever answers may be anybody. So addresses are https, this
machine aside (``address.py``); what is read has an end, in bytes and in time (``exchange.py``); and a
provider's document is a JSON object by name and nature, with status 200, from where it was asked for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from oidc_widget.errors import ConfigurationError, DiscoveryError
from oidc_widget.oauth.address import is_loopback, is_secure, require_secure_url
from oidc_widget.oauth.client import AsyncClient, Client, open_async_client, open_client
from oidc_widget.oauth.exchange import MAX_BYTES, exchange, exchange_async

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.oauth.answer import Answer

__all__ = [
    "MAX_BYTES",
    "AsyncClient",
    "Client",
    "exchange",
    "exchange_async",
    "fetch_json",
    "is_loopback",
    "is_secure",
    "json_object",
    "onward",
    "open_async_client",
    "open_client",
    "require_secure_url",
]

#: The code of an answer that never came: the same as the browser's.
_UNREACHABLE = "provider_unreachable"

_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})  # RFC 9110 §15.4


def fetch_json(  # noqa: PLR0913  # each by name
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

    Raises
    ------
    DiscoveryError
        If there is no answer in time, none with status 200, or none that is a JSON object.
    """
    deadline = time.monotonic() + timeout
    if form is None:
        answer = exchange(client, "GET", url, timeout=timeout, headers=headers)
    else:
        answer = exchange(client, "POST", url, timeout=timeout, headers=headers, form=lambda: form)
    while redirects and answer.status in _REDIRECTS and "location" in answer.headers:
        url, redirects = onward(url, answer.headers["location"]), redirects - 1
        answer = exchange(client, "GET", url, timeout=max(deadline - time.monotonic(), 0.001))
    return json_object(answer, url)


def json_object(answer: Answer, url: str) -> dict[str, Any]:
    """Return the JSON object that a document of a provider is.

    Parameters
    ----------
    answer : Answer
        What came.
    url : str
        From where, for the error.

    Raises
    ------
    DiscoveryError
        If it is no answer, not one with status 200, or not a JSON object by name and nature (OpenID Connect
        Discovery 1.0 §4.2, RFC 7517 §8.5): a page that happens to parse was not meant to be one.
    """
    if answer.late:
        late = TimeoutError(answer.failure)
        raise DiscoveryError(f"{url} {answer.failure}.", code=_UNREACHABLE) from late
    if answer.failure is not None:
        raise DiscoveryError(f"{url} can't be reached: {answer.failure}.", code=_UNREACHABLE)
    if answer.status != _OK:
        raise DiscoveryError(
            f"{url} answered with status {answer.status}.",
            hint="Redirects are not followed: configure the final address."
            if answer.status in _REDIRECTS
            else None,
        )
    # Without a Content-Type it may be looked at (RFC 9110 §8.3); with another one it is something else.
    if answer.media_type not in {"", "application/json"} and not answer.media_type.endswith("+json"):
        raise DiscoveryError(f"{url} did not send JSON, but {answer.media_type[:60]}.")
    if not answer.document and answer.body.strip() != b"{}":
        raise DiscoveryError(f"{url} did not send a JSON object.")
    return answer.document


def onward(url: str, location: str) -> str:
    """Return where a redirect of a provider's document leads.

    Raises
    ------
    DiscoveryError
        If that is not to be trusted as much as where it came from.
    """
    try:
        there = require_secure_url(urljoin(url, location), what=f"The address that {url} redirects to")
    except ConfigurationError as error:
        raise DiscoveryError(error.message) from error
    if url.startswith("https:") and not there.startswith("https:"):
        # A provider elsewhere has no business with this machine's own ports.
        raise DiscoveryError(f"{url} redirects to {there}, which is not https.")
    return there
