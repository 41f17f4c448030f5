"""``w.diagnose()``: what is wrong between this browser, this server and this provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from oidc_widget.diagnosis.clock import clock_check, least_skew
from oidc_widget.diagnosis.cors import cors_check, origin_of
from oidc_widget.diagnosis.provider_checks import ProviderChecks
from oidc_widget.diagnosis.report import Check, Report
from oidc_widget.oauth.http import open_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oidc_widget.errors import OIDCError
    from oidc_widget.oauth.access_token import AccessToken

__all__ = ["PATIENCE", "Known", "PageAnswer", "diagnose"]

#: Seconds that the page may take: it asks the provider four things, eight seconds each at most, at once.
PATIENCE = 15.0
_SHORT_LIFE = 120.0  # seconds
_OK, _FORBIDDEN = 200, 403


@dataclass(frozen=True)
class PageAnswer:
    """What the page that shows the widget told, or why it told nothing.

    Parameters
    ----------
    facts : mapping, optional
        What it told (``frontend/client/diagnose.ts``).
    missing : {"no page", "busy", "silent"}, optional
        There is none; it can't answer while the cell runs; it did not answer in time.
    asked_at, answered_at : float
        When, in seconds since the epoch.
    """

    facts: Mapping[str, Any] | None = None
    missing: Literal["no page", "busy", "silent"] | None = None
    asked_at: float = 0.0
    answered_at: float = 0.0


@dataclass(frozen=True)
class Known:
    """What a widget knows of its sign-in."""

    request: Mapping[str, Any]
    page: PageAnswer
    label: str | None = None
    error: OIDCError | None = None
    token: AccessToken | None = None


def diagnose(known: Known) -> Report:
    """Ask the provider, and put together what it, the page and the widget say."""
    facts = known.page.facts
    request = {**known.request, **((facts or {}).get("request") or {})}
    if not request.get("authority"):
        unknown = Check(
            "Provider",
            f"“{request.get('provider')}” is known to the Jupyter server only",
            "unknown",
            "Show the widget, and diagnose again.",
        )
        return Report([*_about_page(known.page, set()), unknown, *_about_session(known)])
    with open_client() as client:
        checks = ProviderChecks(client, request, label=known.label)
        origin = None if facts is not None else origin_of(request.get("redirect_uri"))
        of_provider = list(checks.run(origin=origin))
    # Of what gives nobody an answer, a page's silence says nothing: that is no matter of CORS.
    return Report([*_about_page(known.page, checks.silent), *of_provider, *_about_session(known)])


def _about_page(page: PageAnswer, silent: set[str]) -> Iterator[Check]:
    facts = page.facts
    if facts is None:
        yield _missing(page)
        return
    origin = str(facts.get("origin"))
    secure = bool(facts.get("secure"))
    yield Check(
        "Secure context",
        f"{origin} is one" if secure else f"{origin} is none: plain http, and not this machine",
        "ok" if secure else "note",
        None if secure else "Sign-ins work, but use https: others on the network can read the tokens.",
    )
    if facts.get("storage"):
        advice = (
            "Allow cookies and storage for this page, or open it in a tab of its own; or sign in by a code."
        )
        yield Check("Browser's storage", str(facts["storage"]), "problem", advice)
    if facts.get("window") is False:
        yield Check("Sign-in window", "can't be opened here: sign in by a code", "note")
        return
    yield _callback(facts, origin)
    readable = facts.get("readable")
    for name, may in readable.items() if isinstance(readable, dict) else ():
        if name not in silent:
            yield cors_check(str(name), origin, readable=bool(may))
    now = facts.get("now")
    if isinstance(now, (int, float)):
        # Compared with this machine's, as that one is with the provider's; the page may have answered late.
        skew = least_skew((now, now), (page.asked_at, page.answered_at))
        yield clock_check("Browser's clock", -skew, "the browser's clock", "this kernel's")


def _missing(page: PageAnswer) -> Check:
    if page.missing == "no page":
        return Check("Browser", "no page shows this widget", "unknown", "Show it in a cell: w")
    if page.missing == "busy":
        advice = "Run w.diagnose() in a thread, or `oidc-widget doctor` in a terminal."
        return Check("Browser", "the page can't answer while this cell runs", "unknown", advice)
    advice = "Reload the page, and diagnose again."
    return Check("Browser", f"the page gave no answer within {PATIENCE:g} s", "unknown", advice)


def _callback(facts: Mapping[str, Any], origin: str) -> Check:
    status, address = facts.get("callback"), str((facts.get("request") or {}).get("redirect_uri") or "")
    if status == _FORBIDDEN:
        advice = "Open Jupyter under a name that the server allows (c.ServerApp.local_hostnames)."
        return Check("Callback page", "this server refuses it (status 403)", "problem", advice)
    if status != _OK:
        return Check(
            "Callback page",
            f"this server does not serve it (status {status})" if status else "this server does not answer",
            "problem",
            "Install oidc-widget where the Jupyter server runs, and restart the server.",
        )
    there = origin_of(address)
    if there == origin or not there:
        return Check("Callback page", f"{address} is served")
    names = {urlsplit(there).hostname, urlsplit(origin).hostname}
    if names <= {"localhost", "127.0.0.1", "::1"}:
        return Check(
            "Callback page",
            f"the redirect address is at {there}, but this page at {origin}",
            "problem",
            f"Open Jupyter at {there}, or leave redirect_uri out and register what w.redirect_uri then says.",
        )
    return Check("Callback page", f"{address} has to send the answer on to {origin}", "note")


def _about_session(known: Known) -> Iterator[Check]:
    if known.error is not None:
        yield Check("Last error", known.error.message, "problem", known.error.hint)
    token = known.token
    if token is None or not token.lives():
        yield Check("Token", "nobody is signed in", "note")
        return
    if token.expires == float("inf"):
        yield Check("Token", "the provider does not say how long it is good")
        return
    left = token.expires_in
    found = f"good for {left / 60:.0f} min more" if left > _SHORT_LIFE else f"good for {left:.0f} s more"
    if token.lifetime < _SHORT_LIFE:
        advice = f"Tokens that live {token.lifetime:.0f} s are renewed very often: ask for longer ones."
        yield Check("Token", found, "note", advice)
    else:
        yield Check("Token", found)
