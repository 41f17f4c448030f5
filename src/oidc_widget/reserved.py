"""What the sign-in itself puts into an authorization request."""

from __future__ import annotations

__all__ = ["RESERVED"]

#: Nobody's ``extra_params`` may replace these (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3); ``request`` and
#: ``request_uri`` (RFC 9101) would replace them all. The browser's tests hold its own requests against this list.
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
