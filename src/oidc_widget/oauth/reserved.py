"""What the sign-in itself puts into an authorization request."""

from __future__ import annotations

from oidc_widget.errors import ConfigurationError

__all__ = ["RESERVED", "refuse_reserved"]

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
