"""The demo provider's grants, tightened where Authlib is looser than RFC 9700 is for public clients.

PKCE is required and S256 only; codes, refresh tokens and device codes are used up atomically, and only by a
request that is good in every other way.
"""

# mypy: allow-subclassing-any, disable-error-code="import-untyped"
# (Authlib ships no types)

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceCodeGrant

from oidc_widget.demo.records import AuthorizationCode, DeviceSignIn

if TYPE_CHECKING:
    from authlib.oauth2.rfc6749 import OAuth2Request

    from oidc_widget.demo.client import DemoClient
    from oidc_widget.demo.records import Approval, Token

#: Seconds; RFC 6749 §4.1.2 recommends ten minutes at most, and a popup needs far less.
CODE_LIFETIME = 60.0


class RequiredS256(CodeChallenge):
    """PKCE that nobody can leave out, and only with S256 (RFC 9700 §2.1.1, RFC 7636 §4.2)."""

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse what Authlib lets pass: ``plain`` where the method is missing, and no PKCE at all."""
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: a 'code_challenge' with the method S256.")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(grants.AuthorizationCodeGrant):
    """RFC 6749 §4.1."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        """Remember the code and what its request said."""
        parameters = request.payload.data
        self.server.store.add_code(
            code,
            AuthorizationCode(
                approval=request.user,
                redirect_uri=self.redirect_uri,
                nonce=parameters.get("nonce"),
                code_challenge=parameters["code_challenge"],
                code_challenge_method=parameters["code_challenge_method"],
                expires_at=time.monotonic() + CODE_LIFETIME,
            ),
        )

    def query_authorization_code(self, code: str, _client: DemoClient) -> AuthorizationCode | None:
        """Find the code, unless it was used or its time is over."""
        found: AuthorizationCode | None = self.server.store.find_code(code)
        return found

    def authenticate_user(self, code: AuthorizationCode) -> Approval | None:
        """Use the code up: it is the last step, the verifier is checked, so a wrong one burns no code."""
        return code.approval if self.server.store.use_code(code) else None

    def delete_authorization_code(self, code: AuthorizationCode) -> None:
        """Keep it: a used code that comes again must be recognized."""


class RefreshGrant(grants.RefreshTokenGrant):
    """RFC 6749 §6, with rotation (RFC 9700 §4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, value: str) -> Token | None:
        """Find the token, unless it was rotated or revoked."""
        found: Token | None = self.server.store.find_refresh_token(value)
        return found

    def authenticate_user(self, token: Token) -> Approval:
        """Return what the token came of."""
        return token.approval

    def issue_token(self, approval: Approval, token: Token) -> dict[str, Any]:
        """Make new tokens, then use the old one up: a request that is refused must not cost it."""
        response: dict[str, Any] = super().issue_token(approval, token)
        if not self.server.store.rotate(token):
            raise InvalidGrantError
        return response

    def revoke_old_credential(self, token: Token) -> None:
        """Do nothing: it was rotated in one step with the check that this was its first use."""


class DeviceGrant(DeviceCodeGrant):
    """RFC 8628 §3.4."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
    device: DeviceSignIn

    def query_device_credential(self, device_code: str) -> DeviceSignIn:
        """Find the device; for none, Authlib would not answer with the code of RFC 6749 §5.2."""
        found: DeviceSignIn | None = self.server.store.find_device(device_code)
        if found is None:
            raise InvalidGrantError
        self.device = found
        return found

    def validate_device_credential(self, device: DeviceSignIn) -> Approval:
        """Use the device code up once somebody has allowed it."""
        approval: Approval = super().validate_device_credential(device)
        if not self.server.store.use_device(device):
            raise InvalidGrantError
        return approval

    def query_user_grant(self, _user_code: str) -> tuple[Approval | None, bool] | None:
        """Return the answer and whether it was a yes, or None while there is no answer."""
        return (self.device.approval, not self.device.denied) if self.device.answered else None

    def should_slow_down(self, device: DeviceSignIn) -> bool:
        """Tell whether this poll came too soon after the last one."""
        too_soon: bool = self.server.store.polls_too_fast(device)
        return too_soon
