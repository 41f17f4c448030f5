"""Whether pages may read what the provider answers (CORS, Fetch §3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from oidc_widget.diagnosis.report import Check
from oidc_widget.oauth.http import exchange
from oidc_widget.oauth.provider import discovery_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider

__all__ = ["MADE_UP", "cors_check", "cors_checks", "origin_of"]

#: What no provider has issued.
MADE_UP = "made-up-by-oidc-widget-doctor"

_TIMEOUT = 10.0  # seconds, for each request


def cors_checks(client: Client, provider: Provider, client_id: str, origin: str) -> Iterator[Check]:
    """Ask as a page of ``origin`` would; the answer's headers tell what a browser lets it read."""
    for name, address, form in _to_ask(provider, client_id):
        answer = exchange(
            client,
            "GET" if form is None else "POST",
            address,
            timeout=_TIMEOUT,
            form=None if form is None else form.copy,
            headers={"Origin": origin},
        )
        if answer.failure is not None:
            yield Check(f"CORS, {name}", f"no answer ({answer.failure})", "unknown", "Try again in a while.")
            continue
        allowed = answer.headers.get("access-control-allow-origin")
        yield cors_check(name, origin, readable=allowed in {"*", origin})


def _to_ask(provider: Provider, client_id: str) -> Iterator[tuple[str, str, dict[str, str] | None]]:
    """Yield what a page must be able to read: its name, its address, and the form for it."""
    yield "discovery", discovery_address(provider.issuer), None
    for name, member, form in (
        ("keys", "jwks_uri", None),
        ("token endpoint", "token_endpoint", {"grant_type": "refresh_token", "refresh_token": MADE_UP}),
        ("revocation endpoint", "revocation_endpoint", {"token": MADE_UP}),
    ):
        address = provider.metadata.get(member)
        if isinstance(address, str):
            yield name, address, None if form is None else {"client_id": client_id, **form}


def cors_check(name: str, origin: str, *, readable: bool) -> Check:
    """Say what it means that a page can, or can't, read an endpoint's answers."""
    checked = f"CORS, {name}"
    if readable:
        return Check(checked, f"pages of {origin} may read it")
    found = f"pages of {origin} may not read it"
    if name in {"discovery", "keys"}:
        advice = (
            "Have this origin allowed at the provider, or let the Jupyter server's administrator configure "
            "the provider there."
        )
        return Check(checked, found, "problem", advice)
    if name == "token endpoint":
        advice = (
            "Some providers allow it for good answers only: if the sign-in fails, have this origin allowed "
            "for the client, or let the Jupyter server's administrator configure a relay."
        )
        return Check(checked, f"{found}, at least not a refusal", "note", advice)
    return Check(checked, found, "note", "Signing out then ends the session here, but not at the provider.")


def origin_of(address: str | None) -> str | None:
    """Return the origin of the pages that sign in with this redirect address."""
    if not address:
        return None
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} and parts.netloc else None
