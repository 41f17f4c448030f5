"""Authlib's authorization server with everything that the demo provider offers."""

# mypy: allow-subclassing-any, disable-error-code="import-untyped"
# (Authlib ships no types)

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import UserInfo, UserInfoEndpoint
from authlib.oidc.rpinitiated import EndSessionEndpoint

from oidc_widget.demo.client import DEMO_CLIENT, find_client
from oidc_widget.demo.grants import CodeGrant, DeviceGrant, RefreshGrant, RequiredS256
from oidc_widget.demo.records import DeviceSignIn
from oidc_widget.demo.tokens import AccessTokenGenerator, CodeFlowIDToken, IDToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authlib.oauth2.rfc6749 import OAuth2Request
    from joserfc.jwk import KeySet

    from oidc_widget.demo.client import DemoClient
    from oidc_widget.demo.realm import Realm
    from oidc_widget.demo.records import Approval, Token
    from oidc_widget.demo.store import Store


class DemoAuthorizationServer(AuthorizationServer):
    """All grants and endpoints; each of them finds this object as ``self.server``."""

    def __init__(self, app: flask.Flask, realm: Realm) -> None:
        super().__init__(app, query_client=find_client)
        self.realm = realm
        self.store = realm.store
        self.register_token_generator("default", AccessTokenGenerator(realm))
        self.register_grant(CodeGrant, [RequiredS256(), CodeFlowIDToken(realm)])
        self.register_grant(RefreshGrant, [IDToken(realm)])
        self.register_grant(DeviceGrant, [IDToken(realm)])
        for endpoint in (DeviceAuthorization, Revocation, EndSession):
            self.register_endpoint(endpoint)
        protector = ResourceProtector()
        protector.register_token_validator(AccessTokenValidator(realm.store))
        self.register_endpoint(PersonEndpoint(resource_protector=protector))
        self._issuer_in_response = IssuerInResponse(realm.issuer)
        self.register_extension(self._issuer_in_response)

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Remember what a token response gives out."""
        self.store.add_tokens(token, request.user)

    def error_to_client(self, error: Any, redirect_uri: str, state: str | None) -> Any:
        """Send the person back to the client with an error (RFC 6749 §4.1.2.1)."""
        error.redirect_uri, error.state = redirect_uri, state
        response = self.handle_error_response(None, error)
        self._issuer_in_response.add_issuer_parameter(self, response)
        return response


class IssuerInResponse(IssuerParameter):
    """``iss`` in every authorization response, errors included (RFC 9207 §2)."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def __call__(self, server: AuthorizationServer) -> IssuerInResponse:
        """Add it to whatever Authlib answers."""
        super().__call__(server)
        return self

    def get_issuer(self) -> str:
        """Return the issuer identifier."""
        return self._issuer


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    """RFC 8628 §3.1."""

    CLIENT_AUTH_METHODS = ("none",)
    EXPIRES_IN = 600

    def get_verification_uri(self) -> str:
        """Return the page where a person enters the code."""
        return f"{self.server.realm.issuer}/device"

    def save_device_credential(self, _client_id: str, scope: str | None, data: Mapping[str, Any]) -> None:
        """Remember that the device waits."""
        self.server.store.add_device(
            data["device_code"],
            DeviceSignIn(
                user_code=data["user_code"],
                scope=DEMO_CLIENT.get_allowed_scope(scope),
                resources=self.server.realm.granted_resources(flask.request.form),
                interval=data["interval"],
                expires_at=time.monotonic() + data["expires_in"],
            ),
        )


class Revocation(RevocationEndpoint):
    """RFC 7009."""

    CLIENT_AUTH_METHODS = ("none",)

    def query_token(self, value: str, hint: str | None) -> Token | None:
        """Find a token; the hint must not hide one of the other kind (RFC 7009 §2.1)."""
        found: Token | None = self.server.store.find_token(value, hint) or self.server.store.find_token(value)
        return found

    def revoke_token(self, token: Token, _request: OAuth2Request) -> None:
        """Revoke it, with its family when it is a refresh token."""
        self.server.store.revoke(token)


class EndSession(EndSessionEndpoint):
    """OpenID Connect RP-Initiated Logout 1.0."""

    def get_server_jwks(self) -> KeySet:
        """Return what an ``id_token_hint`` must be signed with."""
        keys: KeySet = self.server.realm.keys
        return keys

    def _is_valid_post_logout_redirect_uri(self, client: DemoClient, uri: str) -> bool:
        # Authlib compares with a list, and a loopback address has any port.
        return client.check_redirect_uri(uri)

    def end_session(self, _request: object) -> None:
        """Forget who is signed in in this browser, and revoke what they allowed since."""
        self.server.store.end_session(flask.session.get("sid", ""))
        flask.session.clear()


class AccessTokenValidator(BearerTokenValidator):
    """For the userinfo endpoint: access tokens that were given out here and not revoked."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def authenticate_token(self, value: str) -> Token | None:
        """Find it."""
        return self._store.find_token(value, "access_token")


class PersonEndpoint(UserInfoEndpoint):
    """OIDC Core §5.3."""

    def generate_user_info(self, approval: Approval, scope: str) -> UserInfo:
        """Return what the token's scopes allow to know."""
        return UserInfo(approval.person.claims(scope))
