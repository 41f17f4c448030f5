"""The demo provider's one client, and the addresses it may be sent back to."""

# mypy: allow-subclassing-any, disable-error-code="import-untyped"
# (Authlib ships no types)

from __future__ import annotations

import re

import flask
from authlib.oauth2.rfc6749 import ClientMixin

from oidc_widget.oauth.callback_address import TAIL_PATTERN

CLIENT_ID = "demo"

#: What each scope lets the client do, as the consent page says it.
SCOPES = {
    "openid": "Know that it is you",
    "profile": "See your name",
    "email": "See your e-mail address",
    "offline_access": "Stay signed in while you are away",
}

GRANT_TYPES = (
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
)

# A whole-string pattern of harmless characters, because a URL parser and a browser can disagree about which
# host an address with a backslash, an "@" or a control character names. The port is free (RFC 8252 §7.3), and
# the path may start with the Jupyter server's base URL. An issuer's own address has a tail; where a process
# listens by itself, the tail is all of the path.
_LOOPBACK_CALLBACK = re.compile(
    r"http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?"
    rf"(?:(?:/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*)?/oidc-widget/callback(?:/{TAIL_PATTERN})?|/{TAIL_PATTERN})",
)

REDIRECT_URI_FORM = "http://localhost:PORT/…/oidc-widget/callback, or http://127.0.0.1:PORT/HOST.HASH"


#: The setting of the application that holds one more address, where a Jupyter server is behind a proxy.
CALLBACK = "OIDC_DEMO_CALLBACK"


def is_registered_redirect_uri(uri: str, callback: str | None = None) -> bool:
    """Tell whether the demo client may be sent back to an address.

    Parameters
    ----------
    uri : str
        The ``redirect_uri`` or ``post_logout_redirect_uri`` of a request.
    callback : str, optional
        A Jupyter server's callback that is registered too, with an issuer's own below it.

    Returns
    -------
    bool
        True for ``http://localhost`` and ``http://127.0.0.1`` with any port (RFC 8252 §7.3) and a path that
        ends in ``/oidc-widget/callback``, or in an issuer's own tail after that or after nothing; false for
        all else.
    """
    if callback and uri.startswith(callback):
        return re.fullmatch(rf"(?:/{TAIL_PATTERN})?", uri[len(callback) :]) is not None
    return _LOOPBACK_CALLBACK.fullmatch(uri) is not None


class DemoClient(ClientMixin):
    """A public client: no secret, PKCE instead (RFC 6749 §2.1, RFC 7636)."""

    client_id = CLIENT_ID
    name = "Notebook demo"
    #: Read by Authlib's userinfo endpoint, which asks whether to sign its answer.
    client_metadata: dict[str, str] = {}  # noqa: RUF012  never written

    def get_client_id(self) -> str:
        """Return the identifier (RFC 6749 §2.2)."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """Return none: a request must name its redirect address."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the known ones among the requested scopes, or ``openid`` (RFC 6749 §3.3)."""
        return " ".join(part for part in dict.fromkeys((scope or "openid").split()) if part in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """See :func:`is_registered_redirect_uri`."""
        return is_registered_redirect_uri(redirect_uri, flask.current_app.config[CALLBACK])

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Accept ``none`` alone: a public client has nothing to authenticate with (RFC 7591 §2)."""
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        """Accept codes only: a token in an address would be in the browser's history (RFC 9700 §2.1.2)."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Accept codes, refresh tokens and device codes."""
        return grant_type in GRANT_TYPES


DEMO_CLIENT = DemoClient()


def find_client(client_id: str) -> DemoClient | None:
    """Look a client up by its identifier."""
    return DEMO_CLIENT if client_id == CLIENT_ID else None
