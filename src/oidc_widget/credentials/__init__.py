"""A sign-in as the credential of what people already use: one module for each SDK.

Each is a leaf that imports its SDK, if at all, when it is imported itself; nothing here imports any. All of
them ask the sign-in for each token, so none outlives its end, and a sign-out reaches them all. Every function
takes the sign-in first, and ``resource`` (RFC 8707) and ``scopes`` for another API than what it is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oidc_widget.errors import ConfigurationError, TokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oidc_widget.fresh_tokens import FreshTokens
    from oidc_widget.login import OIDCLogin

__all__ = ["subject_token", "tokens_of"]


def tokens_of(
    w: OIDCLogin, resource: str | None = None, scopes: Sequence[str] | str | None = None
) -> FreshTokens:
    """Return where a client's tokens come from.

    Parameters
    ----------
    w : OIDCLogin
        The sign-in.
    resource : str, optional
        Another API than the one signed in for (RFC 8707 §2.2).
    scopes : sequence of str, optional
        Other rights than the ones signed in for (RFC 6749 §6).

    Raises
    ------
    ConfigurationError
        ``w`` is no sign-in, or another parameter is of the wrong kind.
    """
    tokens_for = getattr(w, "_tokens_for", None)
    if tokens_for is None:
        raise ConfigurationError(
            f"A sign-in is needed, but this is {type(w).__name__}.", hint="Pass the OIDCLogin itself."
        )
    tokens: FreshTokens = tokens_for(resource, scopes)
    return tokens


def subject_token(w: OIDCLogin, tokens: FreshTokens, *, id_token: bool) -> Callable[[], str]:
    """Return what gives the token that a security token service exchanges (RFC 8693 §2.1).

    Raises
    ------
    ConfigurationError
        The ID token is wanted, and the sign-in doesn't share it.
    """
    if not id_token:
        return lambda: tokens.get().value
    if not w._options["share_id_token"]:  # noqa: SLF001  # what the sign-in was made with
        raise ConfigurationError(
            "id_token=True, but the ID token is not handed to this kernel.",
            hint="Sign in with OIDCLogin(…, share_id_token=True).",
        )

    def current() -> str:
        tokens.get()  # the ID token is renewed together with the access token
        if w.id_token is None:
            raise TokenError("The provider sent no ID token.", hint="Sign in again, with the scope openid.")
        return w.id_token

    return current
