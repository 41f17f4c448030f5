"""Find out why the sign-in window shows the provider's own error page.

An unregistered redirect address, or an unknown client: the provider must not send such a person back
(RFC 6749 §4.1.2.1), so the browser never learns of it. The kernel can ask the provider the same question and
read the answer. What it reads decides nothing; it only finds better words.
"""

from __future__ import annotations

import html
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import OIDCError
from oidc_widget.oauth.authorization_request import AuthorizationRequest
from oidc_widget.oauth.provider import discover

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["explain_refusal"]

#: Seconds, for all of it.
TIMEOUT = 5.0

_LONGEST_PAGE = 256 * 1024  # bytes that are read of an error page

#: What providers' error pages say. Error codes first: they are meant for machines.
_REDIRECT_CODES = re.compile(r"\b(invalid_redirect_uri|redirect_uri_mismatch|AADSTS50011\d*)\b")
_CLIENT_CODES = re.compile(r"\b(invalid_client|unknown_client|AADSTS700016)\b")
_REDIRECT_WORDS = re.compile(
    r"redirect(ion)?[ _-]?ur[il]|redirect(ion)? address|callback[ _-]?ur[il]", re.IGNORECASE
)
_CLIENT_WORDS = re.compile(
    r"(unknown|invalid|unregistered|no such) (oauth )?(client|application)"
    r"|(client|application)[\w .'\"-]{0,60}?(not found|unknown|invalid|not registered|does ?n.t exist)"
    r"|(do|does) ?n.t (know|recogni[sz]e) (this|the|that|your) (client|application)"
    r"|client_id",
    re.IGNORECASE,
)


def explain_refusal(
    request: Mapping[str, Any], *, label: str | None = None, timeout: float = TIMEOUT
) -> dict[str, str] | None:
    """Ask the authorization endpoint what it has against this request.

    A GET with the client's id, the redirect address and a PKCE challenge; no redirect is followed and nobody
    is signed in. First with ``prompt=none`` (OpenID Connect Core §3.1.2.1), because some providers look at a
    request only after the sign-in unless they must not ask for one; then without.

    Parameters
    ----------
    request : mapping
        A completed one: ``authority``, ``client_id``, ``redirect_uri``, ``scopes``, … as in ``OIDCLogin``.
    label : str, optional
        The provider's name, as on the button.
    timeout : float
        Seconds for all of it.

    Returns
    -------
    dict or None
        The problem (``code``: ``redirect_uri_mismatch`` or ``unknown_client``), with what to register as
        ``copy``; ``None`` where the provider finds nothing wrong, can't be asked, or can't be understood.
    """
    redirect_uri = request.get("redirect_uri")
    if not (request.get("authority") and request.get("client_id") and redirect_uri):
        return None
    import httpx  # noqa: PLC0415  # only where there is something to explain

    deadline = time.monotonic() + timeout
    try:
        with httpx.Client(follow_redirects=False) as client:
            provider = discover(client, request["authority"], timeout=timeout)
            for more in ({"prompt": "none"}, {}):
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                asked = AuthorizationRequest.make(provider, request, redirect_uri, **more)
                status, headers, page = _get(client, asked.url, left)
                if _sends_back(headers.get("location"), redirect_uri):
                    return None  # it knows the client and its address
                reason = _reason(status, page)
                if reason is not None:
                    return _problem(reason, request, label)
    except (OIDCError, httpx.HTTPError, httpx.InvalidURL):
        return None  # whatever it is, somebody else tells of it
    return None


def _get(client: Any, url: str, timeout: float) -> tuple[int, Mapping[str, str], str]:
    end = time.monotonic() + timeout
    body = bytearray()
    with client.stream("GET", url, headers={"Accept": "text/html, */*;q=0.5"}, timeout=timeout) as response:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _LONGEST_PAGE or time.monotonic() > end:
                break
        return response.status_code, response.headers, bytes(body[:_LONGEST_PAGE]).decode("utf-8", "replace")


def _sends_back(location: str | None, redirect_uri: str) -> bool:
    if not location:
        return False
    there, wanted = urlsplit(location), urlsplit(redirect_uri)
    return (there.scheme, there.netloc, there.path) == (wanted.scheme, wanted.netloc, wanted.path)


def _reason(status: int, page: str) -> str | None:
    if not 400 <= status < 500:  # noqa: PLR2004  # RFC 9110 §15.5: the request's own fault
        return None
    text = html.unescape(re.sub(r"<[^>]*>", " ", page))
    # The request, repeated on the page: that is not what the page says of it.
    text = re.sub(r"\w+=[^\s\"'<>&]*", " ", text)
    if _REDIRECT_CODES.search(text):
        return "redirect_uri_mismatch"
    if _CLIENT_CODES.search(text):
        return "unknown_client"
    if _REDIRECT_WORDS.search(text):
        return "redirect_uri_mismatch"
    return "unknown_client" if _CLIENT_WORDS.search(text) else None


def _problem(code: str, request: Mapping[str, Any], label: str | None) -> dict[str, str]:
    name = label or urlsplit(request["authority"]).netloc
    redirect_uri, client_id = request["redirect_uri"], request["client_id"]
    if code == "unknown_client":
        return {
            "code": code,
            "message": f"{name} doesn't know the client “{client_id}”.",
            "hint": "Check client_id, or ask the provider's administrator to register it as a public client.",
            "copy": client_id,
        }
    return {
        "code": code,
        "message": f"{name} doesn't know this redirect address: {redirect_uri}",
        "hint": f"Have exactly this address registered for the client “{client_id}”.",
        "copy": redirect_uri,
    }
