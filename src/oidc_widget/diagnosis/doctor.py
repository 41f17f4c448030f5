"""``oidc-widget doctor``: check a provider from the command line, before anybody signs in."""

from __future__ import annotations

import sys

from oidc_widget.diagnosis.provider_checks import ProviderChecks, origin_of
from oidc_widget.diagnosis.report import Finding, Report

__all__ = ["examine", "run"]

_SCOPES = ["openid", "profile", "email"]
#: Where a Jupyter server on one's own machine is, unless told otherwise.
_USUAL_ORIGIN = "http://localhost:8888"


def examine(authority: str, *, client_id: str | None = None, redirect_uri: str | None = None) -> Report:
    """Check a provider.

    Parameters
    ----------
    authority : str
        The issuer's address.
    client_id : str, optional
        The client, to be asked about too.
    redirect_uri : str, optional
        The redirect address; its origin is the one whose pages must be able to read the provider's answers.
    """
    import httpx  # noqa: PLC0415  # `oidc-widget --help` loads no HTTP library

    request = {
        "authority": authority,
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scopes": _SCOPES,
    }
    with httpx.Client(follow_redirects=False) as client:
        findings = list(ProviderChecks(client, request).run(origin=origin_of(redirect_uri) or _USUAL_ORIGIN))
    if client_id is None:
        findings.append(
            Finding("Client", "not asked about", "unknown", "Give --client-id to have it checked.")
        )
    elif redirect_uri is None:
        advice = "Give --redirect-uri to have it checked; in a notebook, w.redirect_uri tells it."
        findings.append(Finding("Redirect address", "not asked about", "unknown", advice))
    return Report(findings)


def run(authority: str, *, client_id: str | None, redirect_uri: str | None) -> int:
    """Print the report; 0: nothing keeps people from signing in."""
    report = examine(authority, client_id=client_id, redirect_uri=redirect_uri)
    sys.stdout.write(f"{report!r}\n")
    return 0 if report.ok else 1
