"""Find out why the sign-in window shows the provider's own error page.

An unregistered redirect address, or an unknown client: the provider must not send such a person back
(RFC 6749 §4.1.2.1), so the browser never learns of it. The kernel can ask the provider the same question and
read the answer. What it reads decides nothing; it only finds better words.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

from oidc_widget.diagnosis.error_page import reason_on
from oidc_widget.errors import OIDCError
from oidc_widget.oauth.authorization_request import AuthorizationRequest, refusal
from oidc_widget.oauth.http import exchange, open_client
from oidc_widget.oauth.provider import discover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.diagnosis.error_page import Reason
    from oidc_widget.oauth.http import Client

__all__ = ["explain_refusal"]

#: Seconds, for all of it.
TIMEOUT = 5.0

_LONGEST_PAGE = 256 * 1024  # bytes that are read of an error page
_MOST_PAGES = 5  # that the provider sends the person to before one asks who they are
#: The answers to ``prompt=none`` that find nothing wrong with the request (OpenID Connect Core §3.1.2.6).
_NOTHING_WRONG = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required"}
)
#: Those that have nothing to do with ``prompt=none``, though they came to such a request.
_WRONG_ANYHOW = frozenset(
    {
        "invalid_scope",
        "invalid_target",
        "unauthorized_client",
        "unsupported_response_type",
        "request_not_supported",
    }
)


class _Outcome(NamedTuple):
    """What came of one authorization request."""

    reason: Reason | None = None
    #: The provider sent the person back: it knows the client and its address.
    back: bool = False
    error: str | None = None
    description: str | None = None


def explain_refusal(
    request: Mapping[str, Any], *, label: str | None = None, timeout: float = TIMEOUT
) -> dict[str, str] | None:
    """Ask the authorization endpoint what it has against this request.

    A GET with the client's id, the redirect address and a PKCE challenge; nobody is signed in. First with
    ``prompt=none`` (OpenID Connect Core §3.1.2.1), because some providers look at a request only after the
    sign-in unless they must not ask for one; then without. Redirects are followed within the provider: some
    notice what is wrong only one page later.

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
        The problem (``code``: ``redirect_uri_mismatch``, ``unknown_client``, ``scope_unavailable`` or
        ``authorization_failed``), with what to register as ``copy``; ``None`` where the provider finds
        nothing wrong, can't be asked, or can't be understood.
    """
    needed = [request.get(name) for name in ("authority", "client_id", "redirect_uri")]
    if not all(isinstance(value, str) and value for value in needed):
        return None
    deadline = time.monotonic() + timeout
    try:
        with open_client() as client:
            provider = discover(client, request["authority"], timeout=timeout)
            redirect_uri = request["redirect_uri"]
            silent = AuthorizationRequest.make(provider, request, redirect_uri, prompt="none")
            outcome = _ask(client, silent, deadline)
            if outcome.back and (outcome.error is None or outcome.error in _NOTHING_WRONG):
                return None
            if outcome.reason is None and outcome.error not in _WRONG_ANYHOW:
                outcome = _ask(client, AuthorizationRequest.make(provider, request, redirect_uri), deadline)
            return _problem(outcome, request, label)
    except OIDCError:
        return None  # whatever it is, somebody else tells of it


def _ask(client: Client, asked: AuthorizationRequest, deadline: float) -> _Outcome:
    """Go where the provider sends the person, until a page asks or tells them something."""
    address = asked.url
    home = urlsplit(address)[:2]
    for _ in range(_MOST_PAGES):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        answer = exchange(
            client,
            "GET",
            address,
            timeout=left,
            headers={"Accept": "text/html, */*;q=0.5"},
            limit=_LONGEST_PAGE,
            cut=True,
        )
        location = answer.headers.get("location")
        if location is None or answer.status // 100 != 3:  # noqa: PLR2004  # 3xx
            return _Outcome(reason_on(answer.status, answer.body.decode("utf-8", "replace")))
        address = urljoin(address, location)
        if _is(address, asked.redirect_uri):
            parts = urlsplit(address)
            said = dict(parse_qsl(f"{parts.query}&{parts.fragment}"))
            description = said.get("error_description")
            pushed = reason_on(400, description or "") == "pushed_request"
            reason: Reason | None = "pushed_request" if pushed else None
            return _Outcome(reason, back=True, error=said.get("error"), description=description)
        if urlsplit(address)[:2] != home:
            break  # another house's page: it knows nothing of this client
    return _Outcome()


def _is(there: str, wanted: str) -> bool:
    return urlsplit(there)[:3] == urlsplit(wanted)[:3]


def _problem(outcome: _Outcome, request: Mapping[str, Any], label: str | None) -> dict[str, str] | None:
    name = label or urlsplit(request["authority"]).netloc
    if outcome.reason is not None:
        return _by_page(outcome.reason, request, name)
    if outcome.error is None or outcome.error in _NOTHING_WRONG:
        return None
    flow = {"unauthorized_client", "unsupported_response_type"}
    if outcome.error in flow or "response_type" in (outcome.description or ""):
        said = f' It says: "{outcome.description[:300]}".' if outcome.description else ""
        return {
            "code": "unknown_client",
            "message": f"{name} doesn't let the client “{request['client_id']}” sign people in so.{said}",
            "hint": "Have the authorization code flow (with Keycloak: Standard flow) switched on for it.",
        }
    error = refusal(outcome.error, outcome.description, request["client_id"])
    return {"code": error.code, "message": error.message, **({"hint": error.hint} if error.hint else {})}


def _by_page(reason: Reason, request: Mapping[str, Any], name: str) -> dict[str, str] | None:
    client_id, redirect_uri = request["client_id"], request["redirect_uri"]
    if reason == "redirect_uri":
        return {
            "code": "redirect_uri_mismatch",
            "message": f"{name} doesn't know this redirect address: {redirect_uri}",
            "hint": f"Have exactly this address registered for the client “{client_id}”.",
            "copy": redirect_uri,
        }
    if reason == "client":
        return {
            "code": "unknown_client",
            "message": f"{name} doesn't know the client “{client_id}”.",
            "hint": "Check client_id, or ask the provider's administrator to register it as a public client.",
            "copy": client_id,
        }
    if reason == "pushed_request":
        return {
            "code": "authorization_failed",
            "message": f"{name} takes only pushed authorization requests (RFC 9126) of this client.",
            "hint": "Have the provider's administrator allow usual ones for it: a page can't push its own.",
        }
    connector = (request.get("extra_params") or {}).get("connector_id")
    if not connector:
        return None
    return {
        "code": "authorization_failed",
        "message": f"{name} doesn't know the connector “{connector}”.",
        "hint": "Check connector_id in extra_params, or leave it out to be asked.",
    }
