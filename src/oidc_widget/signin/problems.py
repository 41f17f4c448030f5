"""Errors as they travel: ``{code, message, hint}`` from the browser, and back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oidc_widget.errors import (
    ConfigurationError,
    DiscoveryError,
    OIDCError,
    SignInError,
    SignInTimeout,
    TokenError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLASSES: dict[str, type[OIDCError]] = {
    "invalid_authority": ConfigurationError,
    "unknown_provider": ConfigurationError,
    "provider_unreachable": DiscoveryError,
    "discovery_failed": DiscoveryError,
    "issuer_mismatch": DiscoveryError,
    "timeout": SignInTimeout,
    "no_token": TokenError,
    "invalid_grant": TokenError,
    "scope_unavailable": TokenError,
}


def as_error(problem: Mapping[str, Any]) -> OIDCError:
    """Return the exception for a problem that the browser told of; its code stays the same."""
    code = str(problem.get("code") or "sign_in_failed")
    message = str(problem.get("message") or "The sign-in failed.")
    hint = problem.get("hint")
    return _CLASSES.get(code, SignInError)(message, code=code, hint=None if hint is None else str(hint))


def as_problem(error: OIDCError) -> dict[str, str | None]:
    """Return an error as the browser shows it."""
    return {"code": error.code, "message": error.message, "hint": error.hint}
