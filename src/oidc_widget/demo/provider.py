"""The demo provider as one Flask application."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import flask
from joserfc.jwk import KeySet, RSAKey

from oidc_widget.demo.authorization_server import DemoAuthorizationServer
from oidc_widget.demo.authorize import create_authorize
from oidc_widget.demo.client import CALLBACK
from oidc_widget.demo.endpoints import create_endpoints
from oidc_widget.demo.pages import create_pages
from oidc_widget.demo.realm import ALGORITHM, Realm
from oidc_widget.demo.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

# A form's redirect counts as its target, so the client's addresses must be in form-action.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self' http://localhost:* http://127.0.0.1:*"
)


def create_provider(
    issuer: str, *, resources: Sequence[str], token_lifetime: int = 300, callback: str | None = None
) -> flask.Flask:
    """Make an OpenID provider for demonstrations: two people without passwords, one client, no storage.

    Its client is called ``demo`` and may be sent back to any loopback address that ends in
    ``/oidc-widget/callback`` or an issuer's own below that. Its key, sessions and tokens live as long as the
    process.

    Parameters
    ----------
    issuer : str
        Its own address, without a trailing slash.
    resources : sequence of str
        The APIs that access tokens can be for (RFC 8707); the first is the default.
    token_lifetime : int, optional
        How long access tokens are good for, in seconds.
    callback : str, optional
        A callback that is registered besides, with an issuer's own below it.

    Returns
    -------
    flask.Flask
        To be served on loopback, or to one person: everybody may sign in as anybody.
    """
    address = urlsplit(issuer)
    app = flask.Flask(__name__)
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        # Cookies are shared by all ports of a host: two demos at once must not sign each other out.
        SESSION_COOKIE_NAME=f"oidc-demo-{re.sub('[^A-Za-z0-9]+', '-', issuer)}",
        SESSION_COOKIE_PATH=address.path or "/",
        SESSION_COOKIE_SECURE=address.scheme == "https",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Against DNS rebinding, where another site's name leads to loopback.
        TRUSTED_HOSTS=["127.0.0.1", "localhost", address.hostname],
        MAX_CONTENT_LENGTH=64 * 1024,
        **{CALLBACK: callback},
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    realm = Realm(issuer, tuple(resources), token_lifetime, KeySet([key]), Store())
    server = DemoAuthorizationServer(app, realm)
    app.extensions["oidc_demo"] = server
    for create in (create_endpoints, create_authorize, create_pages):
        app.register_blueprint(create(server))
    app.after_request(_protect)
    return app


def _protect(response: flask.Response) -> flask.Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
        response.headers["Cache-Control"] = "no-store"
    return response
