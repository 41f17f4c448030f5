"""``oidc-widget doctor``: check a provider from the command line, before anybody signs in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from oidc_widget.diagnosis.cors import origin_of
from oidc_widget.diagnosis.provider_checks import ProviderChecks
from oidc_widget.diagnosis.report import Check, Report
from oidc_widget.errors import ConfigurationError
from oidc_widget.oauth.callback_address import own_address
from oidc_widget.oauth.http import exchange, open_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oidc_widget.oauth.http import Client

__all__ = ["callback_of", "examine", "run"]

_SCOPES = ["openid", "profile", "email"]
#: Where a Jupyter server on one's own machine is, unless told otherwise.
_USUAL_ORIGIN = "http://localhost:8888"
_TIMEOUT = 10.0  # seconds
_OK, _BAD_REQUEST = 200, 400
#: Where people are when they copy the address of their Jupyter.
_APPLICATIONS = ("/lab", "/tree", "/notebooks", "/edit", "/consoles", "/doc", "/retro", "/voila")


def examine(
    authority: str,
    *,
    client_id: str | None = None,
    redirect_uri: str | None = None,
    jupyter: str | None = None,
) -> Report:
    """Check a provider.

    Parameters
    ----------
    authority : str
        The issuer's address.
    client_id : str, optional
        The client, to be asked about too.
    redirect_uri : str, optional
        The redirect address; its origin is the one whose pages must be able to read the provider's answers.
    jupyter : str, optional
        The address of a Jupyter server, or of a JupyterHub's services (``https://HUB/services/``), for whose
        pages the redirect addresses are told.

    Raises
    ------
    ConfigurationError
        If ``jupyter`` is no web address.
    """
    callback = None if jupyter is None else callback_of(jupyter)
    request = {
        "authority": authority,
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scopes": _SCOPES,
    }
    with open_client() as client:
        checks = ProviderChecks(client, request)
        origin = origin_of(redirect_uri) or origin_of(callback) or _USUAL_ORIGIN
        made = list(checks.run(origin=origin))
        if callback is not None and checks.provider is not None:
            made += _addresses(client, checks, callback)
    if client_id is None:
        made.append(Check("Client", "not asked about", "unknown", "Give --client-id to have it checked."))
    elif redirect_uri is None and callback is None:
        advice = (
            "Give --jupyter, or --redirect-uri, to have it checked; in a notebook, w.redirect_uri tells it."
        )
        made.append(Check("Redirect address", "not asked about", "unknown", advice))
    return Report(made)


def callback_of(jupyter: str) -> str:
    """Return the callback page of a Jupyter server or a JupyterHub, as configured providers use it.

    Parameters
    ----------
    jupyter : str
        The server's address, be it that of a page in it; or that of the Hub's services (``https://HUB/services/``).

    Raises
    ------
    ConfigurationError
        If it is no web address.
    """
    try:
        parts = urlsplit(jupyter.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        raise ConfigurationError(
            f"--jupyter is no web address: {jupyter!r}.",
            hint="Give the one that the browser shows, such as http://localhost:8888/.",
        )
    path = f"{parts.path.rstrip('/')}/"
    found = [path.find(f"{application}/") for application in _APPLICATIONS]
    end = min((at for at in found if at >= 0), default=len(path) - 1)
    return f"{parts.scheme}://{parts.netloc}{path[:end]}/oidc-widget/callback"


def _addresses(client: Client, checks: ProviderChecks, callback: str) -> Iterator[Check]:
    """Tell both addresses, and which of them the client is registered with."""
    assert checks.provider is not None  # noqa: S101  # or nobody would ask
    addresses = (
        ("Redirect, configured", callback),
        ("Redirect, not configured", own_address(callback, checks.provider.issuer)),
    )
    if checks.of_client is None:
        advice = (
            "Register the first where the server's administrator configures this provider "
            "(c.OIDCWidget.providers), the second where only notebooks name it."
        )
        yield Check(*addresses[0])
        yield Check(*addresses[1], advice=advice)
    else:
        yield from _judged(
            [next(iter(checks.of_client.redirect_address(name, address))) for name, address in addresses]
        )
    answer = exchange(client, "GET", callback, timeout=_TIMEOUT, cut=True)
    # The Hub's service refuses an answer that names no server.
    expected = _BAD_REQUEST if callback.endswith("/services/oidc-widget/callback") else _OK
    if answer.status == expected and answer.media_type == "text/html":
        yield Check("Callback page", f"{callback} is served")
    elif answer.failure is not None:
        yield Check("Callback page", f"no answer ({answer.failure})", "unknown", "Check --jupyter.")
    else:
        where = "the Jupyter server" if expected == _OK else "the Hub"
        advice = f"Install oidc-widget where {where} runs, and restart it."
        found = f"{callback} is not served (status {answer.status})"
        yield Check("Callback page", found, "problem", advice)


def _judged(checks: Sequence[Check]) -> Iterator[Check]:
    """One of the two is enough: which one, the administrator's configuration says."""
    good = any(check.verdict == "ok" for check in checks)
    for check in checks:
        if check.verdict == "problem" and good:
            what = "the server's administrator configured" if check is checks[0] else "only notebooks name"
            yield Check(check.checked, check.found, "note", f"Register it if this is a provider that {what}.")
        else:
            yield check


def run(
    authority: str, *, client_id: str | None, redirect_uri: str | None, jupyter: str | None = None
) -> int:
    """Print the report; 0: nothing keeps people from signing in."""
    report = examine(authority, client_id=client_id, redirect_uri=redirect_uri, jupyter=jupyter)
    sys.stdout.write(f"{report!r}\n")
    return 0 if report.ok else 1
