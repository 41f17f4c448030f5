"""What the demo provider remembers, in memory, until it stops.

One lock guards all of it: the server answers on several threads, and "use this code" or "rotate this refresh
token" must happen once even when two requests come together.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oidc_widget.demo.records import Approval, AuthorizationCode, DeviceSignIn, Token

if TYPE_CHECKING:
    from oidc_widget.demo.people import Person


@dataclass
class Store:
    """All of it. Times are those of the monotonic clock, in seconds."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    _access_tokens: dict[str, Token] = field(default_factory=dict)
    _refresh_tokens: dict[str, Token] = field(default_factory=dict)
    _devices: dict[str, DeviceSignIn] = field(default_factory=dict)
    _consents: dict[str, set[str]] = field(default_factory=dict)
    _approvals: list[Approval] = field(default_factory=list)

    # --- codes ----------------------------------------------------------------------------------

    def add_code(self, value: str, code: AuthorizationCode) -> None:
        """Remember a code that is about to be sent out."""
        with self._lock:
            self._codes[value] = code
            self._approvals.append(code.approval)

    def find_code(self, value: str) -> AuthorizationCode | None:
        """Return a code that may still be used; a used one takes its whole family down (RFC 6749 §4.1.2)."""
        with self._lock:
            code = self._codes.get(value)
            if code is None:
                return None
            if code.used:
                code.approval.revoked = True
            return None if code.approval.revoked or code.expires_at <= time.monotonic() else code

    def use_code(self, code: AuthorizationCode) -> bool:
        """Use a code up; false when another request was faster."""
        with self._lock:
            first, code.used = not code.used, True
            if not first:
                code.approval.revoked = True
            return first

    # --- tokens ---------------------------------------------------------------------------------

    def add_tokens(self, response: dict[str, Any], approval: Approval) -> None:
        """Remember the tokens of a token response (RFC 6749 §5.1)."""
        expires_at = time.monotonic() + response["expires_in"]
        access_token = Token(approval, response.get("scope", ""), expires_at)
        with self._lock:
            self._access_tokens[response["access_token"]] = access_token
            if "refresh_token" in response:
                # A narrowed request narrows its access token, never the refresh token (RFC 6749 §6).
                self._refresh_tokens[response["refresh_token"]] = Token(approval, approval.scope, None)

    def find_token(self, value: str, hint: str | None = None) -> Token | None:
        """Return a token, good or not; ``hint`` names a kind to look at alone."""
        with self._lock:
            kinds = {"access_token": self._access_tokens, "refresh_token": self._refresh_tokens}
            found = [kind[value] for name, kind in kinds.items() if hint in {None, name} and value in kind]
            return found[0] if found else None

    def find_refresh_token(self, value: str) -> Token | None:
        """Return a refresh token that may be used; a rotated one takes its family down (RFC 9700 §4.14.2)."""
        with self._lock:
            token = self._refresh_tokens.get(value)
            if token is None:
                return None
            if token.used:
                token.approval.revoked = True
            return None if token.is_revoked() else token

    def rotate(self, token: Token) -> bool:
        """Use a refresh token up; false when another request was faster."""
        with self._lock:
            first, token.used = not token.used, True
            if not first:
                token.approval.revoked = True
            return first

    def revoke(self, token: Token) -> None:
        """Revoke an access token alone, or with a refresh token its whole family (RFC 7009 §2.1)."""
        with self._lock:
            token.revoked = True
            if token.expires_at is None:
                token.approval.revoked = True

    def end_session(self, session_id: str) -> None:
        """Revoke all that a person allowed since they signed in at the provider."""
        with self._lock:
            for approval in self._approvals:
                if approval.session_id == session_id:
                    approval.revoked = True

    # --- devices --------------------------------------------------------------------------------

    def add_device(self, device_code: str, device: DeviceSignIn) -> None:
        """Remember a device that asks for a sign-in."""
        with self._lock:
            self._devices[device_code] = device

    def find_device(self, device_code: str) -> DeviceSignIn | None:
        """Return a device by its own, long code, as long as it got no token."""
        with self._lock:
            device = self._devices.get(device_code)
            return None if device is None or device.used else device

    def find_waiting_device(self, user_code: str) -> DeviceSignIn | None:
        """Return a device by the code that a person entered, when it still waits for an answer."""
        with self._lock:
            for device in self._devices.values():
                if device.user_code == user_code and not device.answered and not device.is_expired():
                    return device
            return None

    def answer_device(self, device: DeviceSignIn, approval: Approval | None) -> bool:
        """Allow (with an approval) or deny; false when it was answered or its time ended meanwhile."""
        with self._lock:
            if device.answered or device.is_expired():
                return False
            device.approval, device.denied = approval, approval is None
            if approval is not None:
                self._approvals.append(approval)
            return True

    def use_device(self, device: DeviceSignIn) -> bool:
        """Use a device code up; false when another request was faster."""
        with self._lock:
            first, device.used = not device.used, True
            return first

    def polls_too_fast(self, device: DeviceSignIn) -> bool:
        """Note a poll; true when the last one was less than the interval ago (RFC 8628 §3.5)."""
        with self._lock:
            last, device.polled_at = device.polled_at, time.monotonic()
            if last is None or device.polled_at - last >= device.interval:
                return False
            device.interval += 5
            return True

    # --- consent --------------------------------------------------------------------------------

    def remember_consent(self, person: Person, wanted: set[str]) -> None:
        """Note what a person allowed: scopes, resources and where the client runs."""
        with self._lock:
            self._consents.setdefault(person.subject, set()).update(wanted)

    def has_consent(self, person: Person, wanted: set[str]) -> bool:
        """Tell whether a person has allowed all of this before."""
        with self._lock:
            return wanted <= self._consents.get(person.subject, set())
