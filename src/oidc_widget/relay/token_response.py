"""What a provider's token endpoint answers, brought into the form of RFC 6749."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .refusal import Refusal

if TYPE_CHECKING:
    from oidc_widget.oauth.answer import Answer

__all__ = ["account", "token_response"]

_ERROR_MEMBERS = ("error", "error_description", "error_uri")
_MAX_SENTENCE = 500

# GitHub's own names for what RFC 6749 §5.2 has names for.
_RENAMED = {
    "bad_verification_code": "invalid_grant",
    "bad_refresh_token": "invalid_grant",
    "incorrect_client_credentials": "invalid_client",
}


def token_response(answer: Answer, *, name: str, oidc: bool) -> tuple[int, dict[str, Any]]:
    """Sort an answer into a token response, an error response, and neither.

    Parameters
    ----------
    answer : Answer
        What the token endpoint sent.
    name : str
        The provider's name, for the sentence.
    oidc : bool
        Whether it is an OpenID provider.

    Returns
    -------
    tuple
        The status and the document to answer with (RFC 6749 §5.1 and §5.2).

    Raises
    ------
    Refusal
        It is neither, or the provider says when to ask again.
    """
    document = answer.document
    if isinstance(document.get("error"), str):
        error = {
            key: document[key][:_MAX_SENTENCE] for key in _ERROR_MEMBERS if isinstance(document.get(key), str)
        }
        error["error"] = _RENAMED.get(error["error"], error["error"])
        # GitHub sends errors with status 200 (RFC 6749 §5.2 wants 400).
        status = answer.status if answer.status >= HTTPStatus.BAD_REQUEST else 400
        if answer.passing and (headers := answer.wait_header):
            said = error.get("error_description", f"The provider {name!r} asks to wait.")
            raise Refusal(status, error["error"], said, headers)
        return status, error
    if answer.status == HTTPStatus.OK and isinstance(document.get("access_token"), str):
        if not oidc:
            _complete(document)
        return 200, document
    if answer.status // 100 == 3:  # noqa: PLR2004  # 3xx
        reason = "wants to send the request elsewhere, which a token endpoint must not"
    elif answer.passing:
        raise Refusal(
            502,
            "token_endpoint_unreachable",
            f"The provider {name!r} has a problem of its own (status {answer.status}). Try again in a while.",
            answer.wait_header,
        )
    else:
        reason = "sent something that is no token response"
    raise Refusal(
        502,
        "token_response_invalid",
        f"The token endpoint of {name!r} {reason} (status {answer.status}); "
        "the server's administrator should check the configuration.",
    )


def _complete(document: dict[str, Any]) -> None:
    """Mend what OAuth 2 providers from before the standard get wrong (RFC 6749 §3.3 and §5.1)."""
    document.setdefault("token_type", "bearer")
    scope = document.get("scope")
    if isinstance(scope, str):
        document["scope"] = " ".join(scope.replace(",", " ").split())
    expires_in = document.get("expires_in")
    if isinstance(expires_in, str) and expires_in.isdecimal():
        document["expires_in"] = int(expires_in)


def account(answer: Answer) -> dict[str, str] | None:
    """Name the account in a userinfo answer as OpenID Connect would (OpenID Connect Core §5.1).

    Returns
    -------
    dict or None
        ``sub``, and ``name``, ``preferred_username`` and ``email`` where there are such.
    """
    document = answer.document
    if answer.status != HTTPStatus.OK:
        return None
    login = document.get("preferred_username") or document.get("login") or document.get("username")
    values = {
        "sub": document.get("sub") or document.get("id") or login,
        "name": document.get("name") or login,
        "preferred_username": login,
        "email": document.get("email"),
    }
    claims = {
        key: str(value)
        for key, value in values.items()
        if isinstance(value, (str, int)) and not isinstance(value, bool)
    }
    return claims if "sub" in claims else None
