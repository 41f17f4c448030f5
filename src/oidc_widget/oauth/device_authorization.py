"""The device authorization grant (RFC 8628): a code that the person enters elsewhere."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import ConfigurationError, SignInError
from oidc_widget.oauth import clock
from oidc_widget.oauth.authorization_request import code_challenge, refusal
from oidc_widget.oauth.http import require_secure_url
from oidc_widget.oauth.reserved import without_reserved
from oidc_widget.oauth.retry import RetrySchedule
from oidc_widget.oauth.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oidc_widget.oauth.answer import Answer
    from oidc_widget.oauth.token_endpoint import TokenEndpoint, TokenResponse

__all__ = ["GRANT", "DeviceAuthorization"]

GRANT = "urn:ietf:params:oauth:grant-type:device_code"

_INTERVAL = 5.0  # seconds, unless the provider says otherwise (§3.2)
_SLOWER = 5.0  # seconds more, each time the provider asks for it (§3.5)
_LONGEST_CODE = 100  # characters; somebody is to type it in
_OK = 200
#: RFC 6749 §5.2, RFC 8628 §3.2
_NOT_FOR_THIS_CLIENT = frozenset({"unauthorized_client", "unsupported_grant_type"})


@dataclass
class DeviceAuthorization:
    """One device authorization: what to show, and when to ask again.

    Parameters
    ----------
    user_code, verification_uri, verification_uri_complete : str
        What to show (§3.2).
    expires : float
        When the code ends, on ``now``'s clock.
    interval : float
        Seconds between two requests.
    """

    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires: float
    interval: float
    _device_code: Secret = field(repr=False)
    _verifier: Secret = field(repr=False)
    _endpoint: TokenEndpoint = field(repr=False)
    _now: Callable[[], float] = field(repr=False)
    _retry: RetrySchedule = field(default_factory=RetrySchedule, repr=False)

    @classmethod
    def request(
        cls,
        endpoint: TokenEndpoint,
        request: Mapping[str, Any],
        *,
        now: Callable[[], float] = clock.now,
    ) -> DeviceAuthorization | None:
        """Ask for a code (§3.1).

        Parameters
        ----------
        endpoint : TokenEndpoint
            Of the provider and the client.
        request : mapping
            ``scopes``, ``resource``, ``audience`` and ``extra_params``, as in ``OIDCLogin``.
        now : callable
            Seconds, ever growing.

        Returns
        -------
        DeviceAuthorization, optional
            ``None`` where this client may not use the grant, though it is announced.

        Raises
        ------
        SignInError
            If the provider refuses or can't be reached, or its answer is not usable.
        DiscoveryError
            If it has no device authorization endpoint.
        """
        form = {
            **without_reserved(request.get("extra_params") or {}),
            **{name: request[name] for name in ("resource", "audience") if request.get(name)},
        }
        if request.get("scopes"):
            form["scope"] = " ".join(request["scopes"])
        # Some providers demand PKCE of a client in every flow (RFC 7636 §4.3); the others ignore it (RFC 6749
        # §3.1).
        verifier = Secret(secrets.token_urlsafe(32))
        form |= {"code_challenge": code_challenge(verifier.reveal()), "code_challenge_method": "S256"}
        asked = now()
        answer = endpoint.post("device_authorization_endpoint", lambda: form)
        if answer.error in _NOT_FOR_THIS_CLIENT:
            return None
        if answer.status != _OK:
            raise _refused(answer, endpoint)
        shown = _shown(answer)
        if shown is None:
            raise SignInError(
                "The provider's device authorization response is not what RFC 8628 §3.2 asks for.",
                code="authorization_failed",
                hint="Ask the provider's administrator.",
            )
        expires_in = _number(answer.document.get("expires_in"), 600.0)
        return cls(
            **shown,
            expires=asked + expires_in,
            interval=_number(answer.document.get("interval"), _INTERVAL),
            _device_code=Secret(answer.document["device_code"]),
            _verifier=verifier,
            _endpoint=endpoint,
            _now=now,
        )

    @property
    def expires_in(self) -> float:
        """Seconds that the code has left."""
        return max(0.0, self.expires - self._now())

    def poll(self) -> tuple[TokenResponse | None, float]:
        """Ask whether the person is done (§3.4).

        Returns
        -------
        tuple
            The tokens, or ``None`` and the seconds to wait before asking again.

        Raises
        ------
        SignInError
            If the person declined, the code has expired, or the provider refuses for another reason.
        """
        if self.expires_in <= 0:
            raise _expired()
        answer = self._endpoint.post(
            "token_endpoint",
            lambda: {
                "grant_type": GRANT,
                "device_code": self._device_code.reveal(),
                "code_verifier": self._verifier.reveal(),
            },
        )
        if answer.passing:
            # §3.5: after a time-out, an ever longer wait; or as long as the provider says.
            return None, max(self.interval, self._retry.failed(), answer.retry_after or 0.0)
        self._retry.succeeded()
        if answer.error == "slow_down":
            self.interval += _SLOWER
        if answer.error in {"slow_down", "authorization_pending"}:
            return None, self.interval
        if answer.error == "expired_token":
            raise _expired()
        return self._endpoint.tokens(answer), 0.0


def _shown(answer: Answer) -> dict[str, Any] | None:
    document = answer.document
    # `verification_url` is what it was called before it was a standard, and what some still send.
    uri = document.get("verification_uri") or document.get("verification_url")
    complete = document.get("verification_uri_complete")
    code, device_code = document.get("user_code"), document.get("device_code")
    if not all(isinstance(value, str) and value for value in (uri, code, device_code)):
        return None
    # It is printed in terminals, which control characters steer.
    if not str(code).isprintable() or len(str(code)) > _LONGEST_CODE:
        return None
    try:
        # The person opens it: nothing but a web address (a `javascript:` one would run in the page).
        require_secure_url(uri, what="The verification_uri")
        if complete is not None:
            require_secure_url(complete, what="The verification_uri_complete")
    except ConfigurationError:
        return None
    return {"user_code": code, "verification_uri": uri, "verification_uri_complete": complete}


def _refused(answer: Answer, endpoint: TokenEndpoint) -> SignInError:
    if answer.error is not None:
        return refusal(answer.error, answer.description, endpoint.client_id)
    why = answer.failure or f"status {answer.status}"
    return SignInError(
        f"The provider's device authorization endpoint gave no code ({why}).",
        code="token_endpoint_unreachable" if answer.passing else "authorization_failed",
        hint="Try again in a while." if answer.passing else "Ask the provider's administrator.",
    )


def _expired() -> SignInError:
    return SignInError(
        "The code has expired before anybody entered it.",
        code="expired_token",
        hint="Start again, and enter the new code.",
    )


def _number(value: Any, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        return default
    return float(value)
