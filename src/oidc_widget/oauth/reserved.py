"""What the sign-in itself puts into an authorization request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oidc_widget.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RESERVED", "RESERVED_HERE", "refuse_reserved", "without_reserved"]

#: Nobody's ``extra_params`` may replace these (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3); ``request`` and
#: ``request_uri`` (RFC 9101) would replace them all. The browser is held against this list by its tests.
RESERVED = frozenset(
    {
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "request",
        "request_uri",
        "response_mode",
        "response_type",
        "scope",
        "state",
    }
)

#: In a server's configuration the secret has a place of its own, and is never sent through a browser.
RESERVED_HERE = RESERVED | {"client_secret"}


def without_reserved(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a request may have of a person: what the sign-in sets itself is left out."""
    return {name: value for name, value in parameters.items() if name not in RESERVED}


def refuse_reserved(parameters: dict[str, str]) -> dict[str, str]:
    """Return a person's parameters, none of which the sign-in sets itself.

    Raises
    ------
    ConfigurationError
        One of them is; left out without a word, it would be looked for in vain.
    """
    taken = sorted(RESERVED & set(parameters))
    if taken:
        raise ConfigurationError(
            f"extra_params must not set {', '.join(map(repr, taken))}, which the sign-in sets itself.",
            hint="client_id, redirect_uri and scopes are parameters of their own.",
        )
    return parameters
