"""A session whose refresh token this process holds, because there is no vault: after a device sign-in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn

from oidc_widget.errors import SignInError, TokenError
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.oauth.secret import Secret
from oidc_widget.verify.id_token import IdTokenVerifier, account_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oidc_widget.oauth.http import Client
    from oidc_widget.oauth.provider import Provider
    from oidc_widget.oauth.token_endpoint import Answer, TokenEndpoint, TokenResponse
    from oidc_widget.signin.token_cache import Target

__all__ = ["KernelSession"]

#: The part of a token's life after which it is renewed.
_RENEW_AFTER = 0.8
#: What some providers return in another spelling, or not at all, although they grant it.
_SPELT_OTHERWISE = frozenset({"openid", "profile", "email", "offline_access"})


class KernelSession:
    """One person's session at one provider. Never pickled; its ``repr`` shows no secret.

    Parameters
    ----------
    endpoint : TokenEndpoint
        Where tokens come from.
    request : mapping
        What was asked for: ``scopes``, ``resource``, ``audience``.
    client : Client
        The way to the network.
    response : TokenResponse
        The sign-in's tokens.
    nonce : str, optional
        What was sent with the authentication request, if there was one.

    Raises
    ------
    SignInError
        If the ID token is not acceptable, or is missing where it was asked for.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        request: Mapping[str, Any],
        client: Client,
        response: TokenResponse,
        *,
        nonce: str | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._own = {name: request[name] for name in ("resource", "audience") if request.get(name)}
        self._refresh_token = response.refresh_token
        self._lock = threading.RLock()
        self._ended = False
        self._verifier: IdTokenVerifier | None = None
        self._client = client
        wanted = "openid" in (request.get("scopes") or ())
        if wanted and response.id_token is None:
            raise SignInError(
                "The provider sent no ID token, although the scope openid was asked for.",
                code="id_token_invalid",
                hint="Ask the provider's administrator; without an ID token, leave openid out of scopes.",
            )
        self.claims = self._verified(response, nonce=nonce) if wanted else None
        self.id_token = response.id_token if wanted else None
        self.token = _access_token(response)

    def __repr__(self) -> str:
        return f"KernelSession({self._endpoint.provider.issuer!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A session stays in the process that signed in: it can't be pickled or copied. "
            "Hand on w.access_token instead, or use oidc_widget.dask for workers."
        )

    @property
    def account(self) -> str | None:
        """The name to show for the person."""
        return account_name(self.claims)

    @property
    def renewable(self) -> bool:
        """Whether the provider gave a refresh token."""
        return self._refresh_token is not None

    @property
    def renew_in(self) -> float:
        """Seconds after which the token should be renewed; ``inf`` where its life has no known end."""
        return max(0.0, self.token.expires_in - (1 - _RENEW_AFTER) * self.token.lifetime)

    def renew(self) -> None:
        """Replace :attr:`token`, and what comes with it.

        Raises
        ------
        TokenError
            If the provider no longer accepts the session, or never gave a refresh token.
        SignInError
            If the provider refuses for another reason, or gives no answer now.
        """
        with self._lock:
            response = self._ask(self._own)
            if self.claims is not None:
                claims = self._verified(response, sub=str(self.claims["sub"]))
                if claims is not None:
                    self.claims = {**self.claims, **claims}
                    self.id_token = response.id_token
            self.token = _access_token(response)

    def token_for(self, target: Target) -> AccessToken:
        """Return a new token for another API, or with fewer rights.

        Raises
        ------
        TokenError
            If the provider leaves out a right that was asked for, which RFC 6749 §3.3 allows; else like
            :meth:`renew`.
        """
        parameters = dict(self._own)
        if target.resource is not None:
            parameters["resource"] = target.resource
        if target.scopes is not None:
            parameters["scope"] = " ".join(target.scopes)
        response = self._ask(parameters)
        missing = _missing(target.scopes or (), response.scopes)
        if missing:
            raise TokenError(
                f"The provider does not grant what was asked for: its token lacks {', '.join(missing)}.",
                code="scope_unavailable",
                hint="Check scopes; some rights must be asked for at the sign-in.",
            )
        return _access_token(response)

    def end(self) -> None:
        """Revoke the refresh token (RFC 7009), as far as the provider lets a public client do that.

        Where there is none, the access token would otherwise be good for the rest of its life.
        """
        with self._lock:
            self._ended = True
            refresh_token, self._refresh_token = self._refresh_token, None
        if refresh_token is not None:
            self._endpoint.revoke(refresh_token, "refresh_token")
        elif self.token.expires_in > 0:
            self._endpoint.revoke(Secret(self.token.value), "access_token")
        self._client.close()

    def _ask(self, parameters: Mapping[str, str]) -> TokenResponse:
        # One at a time: a refresh token that rotates is good for one use (RFC 9700 §4.14.2).
        with self._lock:
            if self._refresh_token is None:
                raise _not_renewable(ended=self._ended)
            answer: Answer = self._endpoint.refresh(self._refresh_token, **parameters)
            response = self._endpoint.tokens(answer)
            self._keep(response.refresh_token)
        return response

    def _keep(self, rotated: Secret | None) -> None:
        if rotated is not None:
            self._refresh_token = rotated

    def _verified(self, response: TokenResponse, **expected: str | None) -> Mapping[str, Any] | None:
        if self._verifier is None:
            provider: Provider = self._endpoint.provider
            self._verifier = IdTokenVerifier(provider, self._endpoint.client_id, self._client)
        return self._verifier.claims(response, **expected)


def _missing(asked: Iterable[str], granted: Iterable[str] | None) -> list[str]:
    """Return what was asked for and not granted, as far as the provider says what it granted."""
    if granted is None:
        return []
    # Some write them with other capitals; and `…/.default` stands for whatever was consented to.
    given = {scope.lower() for scope in granted} | _SPELT_OTHERWISE
    return [scope for scope in asked if scope.lower() not in given and not scope.endswith("/.default")]


def _access_token(response: TokenResponse) -> AccessToken:
    return AccessToken.lasting(response.access_token.reveal(), response.expires_in)


def _not_renewable(*, ended: bool) -> TokenError:
    if ended:
        return TokenError("The session was signed out.", hint="Sign in again.")
    return TokenError(
        "The provider gave no refresh token, so the access token can't be renewed.",
        hint="Sign in again; many providers give one for the scope offline_access.",
    )
