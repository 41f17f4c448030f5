"""What the demo provider gives out, and what each of these came of."""

# mypy: allow-subclassing-any, disable-error-code="import-untyped"
# (Authlib ships no types)

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from authlib.oauth2.rfc6749 import TokenMixin
from authlib.oauth2.rfc8628 import DeviceCredentialMixin
from authlib.oidc.core import AuthorizationCodeMixin

from oidc_widget.demo.client import DEMO_CLIENT, DemoClient

if TYPE_CHECKING:
    from oidc_widget.demo.people import Person


@dataclass(eq=False)
class Approval:
    """What a person allowed the client in one sign-in: the family of all codes and tokens that come of it.

    This is what Authlib calls a *user*. When a code is replayed or a rotated refresh token used again, the
    whole family is revoked (RFC 9700 §4.14.2).
    """

    person: Person
    scope: str
    resources: tuple[str, ...]
    auth_time: int
    session_id: str
    revoked: bool = False

    def get_user_id(self) -> str:
        """Return the subject (Authlib's name for it)."""
        return self.person.subject


@dataclass(eq=False)
class AuthorizationCode(AuthorizationCodeMixin):
    """A code and what its authorization request said."""

    approval: Approval
    redirect_uri: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    expires_at: float
    used: bool = False

    def get_redirect_uri(self) -> str:
        """Return the address that the code was sent to."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return the granted scopes."""
        return self.approval.scope

    def get_nonce(self) -> str | None:
        """Return the nonce for the ID token (OIDC Core §3.1.2.1)."""
        return self.nonce

    def get_auth_time(self) -> int:
        """Return when the person signed in, in seconds since 1970."""
        return self.approval.auth_time


@dataclass(eq=False)
class Token(TokenMixin):
    """An access token or a refresh token."""

    approval: Approval
    scope: str
    expires_at: float | None
    revoked: bool = False
    used: bool = False

    def check_client(self, client: DemoClient) -> bool:
        """Tell whether it was issued to this client."""
        return client is DEMO_CLIENT

    def get_scope(self) -> str:
        """Return the scopes."""
        return self.scope

    def is_expired(self) -> bool:
        """Tell whether its time is over."""
        return self.expires_at is not None and self.expires_at <= time.monotonic()

    def is_revoked(self) -> bool:
        """Tell whether it, or its whole family, was revoked."""
        return self.revoked or self.approval.revoked

    def get_client(self) -> DemoClient:
        """Return the client that it was issued to."""
        return DEMO_CLIENT

    def get_user(self) -> Approval:
        """Return the approval that it came of."""
        return self.approval


@dataclass(eq=False)
class DeviceSignIn(DeviceCredentialMixin):
    """A device that waits for somebody to enter its code (RFC 8628 §3.2)."""

    user_code: str
    scope: str
    resources: tuple[str, ...]
    interval: float
    expires_at: float
    approval: Approval | None = None
    denied: bool = False
    used: bool = False
    polled_at: float | None = None

    @property
    def answered(self) -> bool:
        """Whether somebody allowed or denied it."""
        return self.denied or self.approval is not None

    def get_client_id(self) -> str:
        """Return whose device it is."""
        return DEMO_CLIENT.client_id

    def get_scope(self) -> str:
        """Return the requested scopes."""
        return self.scope

    def get_user_code(self) -> str:
        """Return what the person enters."""
        return self.user_code

    def is_expired(self) -> bool:
        """Tell whether its time is over."""
        return self.expires_at <= time.monotonic()
