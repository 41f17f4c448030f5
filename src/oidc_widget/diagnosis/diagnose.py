"""``w.diagnose()``: what is wrong between this browser, this server and this provider."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.diagnosis.provider_checks import ProviderChecks, clock_finding, cors_finding, origin_of
from oidc_widget.diagnosis.report import Finding, Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oidc_widget.signin.sign_in import SignIn

__all__ = ["diagnose"]

#: Seconds that the page may take: it asks the provider four things, eight seconds each at most, at once.
_PAGE_PATIENCE = 15.0
_SHORT_LIFE = 120.0  # seconds
_OK = 200


def diagnose(sign_in: SignIn) -> Report:
    """Ask the page that shows the widget, and the provider, and put together what they say.

    Parameters
    ----------
    sign_in : SignIn
        The widget's.
    """
    import httpx  # noqa: PLC0415  # `import oidc_widget` loads no HTTP library

    facts = _ask_page(sign_in)
    request = {**sign_in.request, **((facts or {}).get("request") or {})}
    findings = list(_about_page(sign_in, facts))
    if request.get("authority"):
        with httpx.Client(follow_redirects=False) as client:
            checks = ProviderChecks(client, request, label=sign_in.options.get("label"))
            origin = None if facts is not None else origin_of(request.get("redirect_uri"))
            findings += checks.run(origin=origin)
    else:
        findings.append(
            Finding(
                "Provider",
                f"“{request.get('provider')}” is known to the Jupyter server only",
                "unknown",
                "Show the widget, and diagnose again.",
            )
        )
    findings += _about_session(sign_in)
    return Report(findings)


def _ask_page(sign_in: SignIn) -> Mapping[str, Any] | None:
    if not sign_in.pages.present or sign_in.browser.obstacle(blocking=True) is not None:
        return None
    return sign_in.pages.diagnose(_PAGE_PATIENCE)


def _about_page(sign_in: SignIn, facts: Mapping[str, Any] | None) -> Iterator[Finding]:
    if facts is None:
        obstacle = sign_in.browser.obstacle(blocking=True)
        if not sign_in.pages.present:
            yield Finding("Browser", "no page shows this widget", "unknown", "Show it in a cell: w")
        elif obstacle is not None:
            advice = "Run w.diagnose() in a thread, or `oidc-widget doctor` in a terminal."
            yield Finding("Browser", "the page can't answer while this cell runs", "unknown", advice)
        else:
            yield Finding("Browser", f"the page gave no answer within {_PAGE_PATIENCE:g} s", "unknown")
        return
    origin = str(facts.get("origin"))
    secure = bool(facts.get("secure"))
    yield Finding(
        "Secure context",
        f"{origin} is one" if secure else f"{origin} is none: plain http, and not this machine",
        "ok" if secure else "note",
        None if secure else "Sign-ins work, but use https: others on the network can read the tokens.",
    )
    if facts.get("window") is False:
        yield Finding("Sign-in window", "can't be opened here: sign in by a code", "note")
        return
    yield _callback(facts, origin)
    readable: Mapping[str, Any] = facts.get("readable") or {}
    for name in ("discovery", "keys", "token endpoint", "revocation endpoint"):
        if name in readable:
            yield cors_finding(name, origin, readable=bool(readable[name]))
    if isinstance(facts.get("now"), (int, float)):
        # Compared with this machine's, as that one is with the provider's.
        skew = time.time() - float(facts["now"])
        yield clock_finding("Browser's clock", skew, "the browser's clock", "this kernel's")


def _callback(facts: Mapping[str, Any], origin: str) -> Finding:
    status, address = facts.get("callback"), str((facts.get("request") or {}).get("redirect_uri") or "")
    if status != _OK:
        return Finding(
            "Callback page",
            f"this server does not serve it (status {status})",
            "problem",
            "Install oidc-widget where the Jupyter server runs, and restart the server.",
        )
    there = origin_of(address)
    if there == origin or not there:
        return Finding("Callback page", f"{address} is served")
    names = {urlsplit(there).hostname, urlsplit(origin).hostname}
    if names <= {"localhost", "127.0.0.1", "::1"}:
        return Finding(
            "Callback page",
            f"the redirect address is at {there}, but this page at {origin}",
            "problem",
            f"Open Jupyter at {there}, or leave redirect_uri out and register {origin}/oidc-widget/callback.",
        )
    return Finding("Callback page", f"{address} has to send the answer on to {origin}", "note")


def _about_session(sign_in: SignIn) -> Iterator[Finding]:
    state = sign_in.state.now
    if state.error is not None:
        yield Finding("Last error", state.error.message, "note", state.error.hint)
    token = state.token
    if token is None or not token.lives():
        yield Finding("Token", "nobody is signed in", "note")
        return
    if token.expires == float("inf"):
        yield Finding("Token", "the provider does not say how long it is good")
        return
    found = (
        f"good for {token.expires_in / 60:.0f} min more"
        if token.expires_in > _SHORT_LIFE
        else (f"good for {token.expires_in:.0f} s more")
    )
    if token.lifetime < _SHORT_LIFE:
        advice = f"Tokens that live {token.lifetime:.0f} s are renewed very often: ask for longer ones."
        yield Finding("Token", found, "note", advice)
    else:
        yield Finding("Token", found)
