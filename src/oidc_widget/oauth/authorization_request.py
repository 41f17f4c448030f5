"""The authorization request, and what comes back of it (OpenID Connect Core §3.1.2, RFC 7636, RFC 9207).

For where the kernel itself sends a person to the provider; in a Jupyter page the vault does it, by the same
rules (``frontend/oauth/authorization-request.ts``).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from oidc_widget.errors import SignInError
from oidc_widget.oauth.reserved import without_reserved
from oidc_widget.oauth.saying import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oidc_widget.oauth.provider import Provider

__all__ = ["AuthorizationRequest", "code_challenge"]

#: Of other response types than the one that was asked for (OAuth 2.0 Multiple Response Types §5, JARM §2.3).
_UNASKED = ("access_token", "id_token", "response", "token")


def code_challenge(verifier: str) -> str:
    """Return the PKCE challenge for a verifier: S256 (RFC 7636 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class AuthorizationRequest:
    """One request: where to send the person, and what must come back.

    Parameters
    ----------
    provider : Provider
        Whom it goes to.
    client_id, redirect_uri : str
        Who asks, and where the answer goes.
    url : str
        The address to open. Never part of ``repr``, because it names ``state`` and ``nonce``.
    state, nonce, verifier : str
        The secrets that bind the answer to this request. Never part of ``repr``.
    """

    provider: Provider
    client_id: str
    redirect_uri: str
    url: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def make(
        cls, provider: Provider, request: Mapping[str, Any], redirect_uri: str, **more: str
    ) -> AuthorizationRequest:
        """Make a request with secrets of its own.

        Parameters
        ----------
        provider : Provider
            Whom to ask.
        request : mapping
            ``client_id``, ``scopes``, ``resource``, ``audience`` and ``extra_params``, as in ``OIDCLogin``.
        redirect_uri : str
            Where the answer goes.
        **more : str
            Parameters that replace a person's own, such as ``prompt``.

        Raises
        ------
        DiscoveryError
            If the provider has no authorization endpoint.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        given = {**(request.get("extra_params") or {}), **more}
        parameters = {
            **without_reserved(given),
            "response_type": "code",
            "client_id": request["client_id"],
            "redirect_uri": redirect_uri,
            "scope": " ".join(request.get("scopes") or ()) or None,
            "state": state,
            "nonce": nonce,
            "code_challenge": code_challenge(verifier),
            "code_challenge_method": "S256",
            **{name: request[name] for name in ("resource", "audience") if request.get(name)},
        }
        endpoint = urlsplit(provider.endpoint("authorization_endpoint"))
        query = parse_qsl(endpoint.query, keep_blank_values=True)  # some endpoints have one of their own
        query += [(name, value) for name, value in parameters.items() if value is not None]
        url = endpoint._replace(query=urlencode(query), fragment="").geturl()
        return cls(provider, request["client_id"], redirect_uri, url, state, nonce, verifier)

    def parameters_of(self, answer: str) -> dict[str, str]:
        """Return the parameters of an answer to this very request.

        Parameters
        ----------
        answer : str
            The query, or the fragment, of the address that the provider sent the person to.

        Raises
        ------
        SignInError
            If it is another request's answer (``state``), or none that could be used.
        """
        pairs = parse_qsl(answer, keep_blank_values=True)
        parameters = dict(pairs)
        if len(parameters) != len(pairs):  # RFC 6749 §3.1: none may be there twice
            raise SignInError(
                "The address holds a parameter twice, so it was not used.",
                code="authorization_failed",
                hint="Start the sign-in again.",
            )
        if not hmac.compare_digest(parameters.get("state", "").encode(), self.state.encode()):
            raise SignInError(
                "The address belongs to another sign-in.",
                code="state_mismatch",
                hint="Open the link that was shown last, and paste the address that you land on then.",
            )
        if not parameters.get("code") and "error" not in parameters:
            raise SignInError(
                "The address holds no authorization code.",
                code="authorization_failed",
                hint="Paste the whole address that you land on after the sign-in, from its start to its end.",
            )
        return parameters

    def code_from(self, parameters: Mapping[str, str]) -> str:
        """Return the authorization code among the parameters of an answer to this request.

        Raises
        ------
        SignInError
            If they are another provider's (``iss``, RFC 9207 §2.4), a refusal, or of another response type.
        """
        issuer, iss = self.provider.issuer, parameters.get("iss")
        unnamed = iss is None and (
            self.provider.metadata.get("authorization_response_iss_parameter_supported") is True
        )
        if unnamed and "error" in parameters:
            # Half of the providers leave `iss` out of error responses; but whose words these are, nobody
            # knows.
            raise SignInError(
                "The sign-in has ended with an error, in an answer that doesn't say whose it is.",
                code="authorization_failed",
                hint="Try again, or ask the provider's administrator.",
            )
        if unnamed or (iss is not None and iss != issuer):
            who = printable(iss or "somebody unnamed")
            raise SignInError(
                f"The answer came from {who}, not from {issuer}, so it was not used.",
                code="iss_mismatch",
                hint="Start again; if it happens again, tell the administrator: it may be an attack.",
            )
        if "error" in parameters:
            raise refusal(parameters["error"], parameters.get("error_description"), self.client_id)
        if any(name in parameters for name in _UNASKED):
            raise SignInError(
                "The answer holds more than the code that was asked for, so it was not used.",
                code="authorization_failed",
                hint="Check the client's response type and response mode with the provider's administrator.",
            )
        return parameters["code"]


def refusal(
    error: str,
    description: str | None,
    client_id: str,
    *,
    otherwise: Literal["authorization_failed", "token_request_refused"] = "authorization_failed",
) -> SignInError:
    """Return the exception for an error that a provider answered with (RFC 6749 §4.1.2.1, RFC 8628 §3.5)."""
    said = f' The provider says: "{printable(description)}".' if description else ""
    if error == "access_denied":
        return SignInError(
            f"The sign-in was declined.{said}",
            code="access_denied",
            hint="Sign in again and allow the access, or ask the provider's administrator for it.",
        )
    if error in {"unauthorized_client", "invalid_client"}:
        return SignInError(
            f"The provider does not accept the client {client_id!r}.{said}",
            code="unknown_client",
            hint="Check client_id, and that it is registered as a public client that may sign in this way.",
        )
    if error in {"invalid_scope", "invalid_target"}:
        return SignInError(
            f"The provider does not grant what was asked for ({error}).{said}",
            code="scope_unavailable",
            hint="Check scopes, resource and audience.",
        )
    what = "sign-in" if otherwise == "authorization_failed" else "token request"
    return SignInError(
        f"The provider refused the {what} ({printable(error, 60)}).{said}",
        code=otherwise,
        hint="Try again, or ask the provider's administrator.",
    )
