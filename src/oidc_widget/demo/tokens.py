"""What is in the demo provider's access tokens (RFC 9068) and ID tokens (OIDC Core §2)."""

# mypy: allow-subclassing-any, disable-error-code="import-untyped"
# (Authlib ships no types)

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import flask
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import OpenIDCode, OpenIDToken

from oidc_widget.demo.client import CLIENT_ID
from oidc_widget.demo.realm import ALGORITHM, InvalidTargetError

if TYPE_CHECKING:
    from authlib.oauth2.rfc6749 import OAuth2Request
    from joserfc.jwk import KeySet

    from oidc_widget.demo.client import DemoClient
    from oidc_widget.demo.realm import Realm
    from oidc_widget.demo.records import Approval


class AccessTokenGenerator(JWTBearerTokenGenerator):
    """JWT access tokens for the requested resource (RFC 8707, which Authlib leaves open)."""

    def __init__(self, realm: Realm) -> None:
        super().__init__(
            realm.issuer,
            alg=ALGORITHM,
            refresh_token_generator=lambda **_: secrets.token_urlsafe(32),
            expires_generator=lambda _client, _grant_type: realm.token_lifetime,
        )
        self._realm = realm

    def get_jwks(self) -> KeySet:
        """Return the signing key."""
        return self._realm.keys

    def get_audiences(self, _client: DemoClient, approval: Approval, _scope: str) -> str | list[str]:
        """Return the resources that the token request asks for, out of those that the person allowed."""
        wanted = self._realm.requested_resources(flask.request.form) or approval.resources
        if not set(wanted) <= set(approval.resources):
            raise InvalidTargetError
        return wanted[0] if len(wanted) == 1 else list(wanted)

    def get_auth_time(self, approval: Approval) -> int:
        """Return when the person signed in, in seconds since 1970."""
        return approval.auth_time

    def get_extra_claims(
        self, _client: DemoClient, _grant_type: str, approval: Approval, scope: str
    ) -> dict[str, str | bool]:
        """Let the API know who is calling (RFC 9068 §2.2.2), as far as the scopes go."""
        return approval.person.claims(scope)


class IDToken(OpenIDToken):
    """An ID token in every token response whose scope has ``openid`` (OIDC Core §3.1.3.3, §12.2)."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    def resolve_client_private_key(self, _client: DemoClient) -> KeySet:
        """Return the signing key."""
        return self._realm.keys

    def get_client_algorithm(self, _client: DemoClient) -> str:
        """Return the signing algorithm."""
        return ALGORITHM

    def get_client_claims(self, _client: DemoClient) -> dict[str, Any]:
        """Return what is in all ID tokens."""
        return {"iss": self._realm.issuer, "aud": CLIENT_ID}

    def generate_user_info(self, approval: Approval, scope: str) -> dict[str, Any]:
        """Return the claims about the person and this sign-in.

        ``auth_time`` stays that of the sign-in when tokens are refreshed (OIDC Core §12.2); Authlib alone
        would say "now".
        """
        return {**approval.person.claims(scope), "auth_time": approval.auth_time}


class CodeFlowIDToken(IDToken, OpenIDCode):
    """The same with the request's nonce."""

    def __init__(self, realm: Realm) -> None:
        IDToken.__init__(self, realm)
        self.require_nonce = False

    def exists_nonce(self, _nonce: str, _request: OAuth2Request) -> bool:
        """Accept any: a person may reload the page; whether a nonce comes twice is the client's to see."""
        return False
