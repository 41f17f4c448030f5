"""What programs call at the demo provider: discovery, keys, token, revocation, userinfo, device codes."""

# mypy: disable-error-code="import-untyped"
# (Authlib ships no types)

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import flask
from authlib.oauth2.rfc6749 import OAuth2Error

from oidc_widget.demo.client import GRANT_TYPES, SCOPES
from oidc_widget.demo.people import CLAIMS_OF_SCOPE
from oidc_widget.demo.realm import ALGORITHM

if TYPE_CHECKING:
    from oidc_widget.demo.authorization_server import DemoAuthorizationServer
    from oidc_widget.demo.realm import Realm

# The demo client's pages are Jupyter's, on loopback with any port; no other page may read an answer.
_CLIENT_ORIGIN = re.compile(r"http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?")

# Where a script in a page has business. Not: the pages for people, and the device endpoint, which is for
# programs that have no browser.
_FOR_SCRIPTS = {"discovery", "keys", "token", "revoke", "userinfo"}


def create_endpoints(server: DemoAuthorizationServer) -> flask.Blueprint:
    """Make the routes."""
    endpoints = flask.Blueprint("endpoints", __name__)
    metadata = _metadata(server.realm)
    public_keys = server.realm.keys.as_dict(private=False)

    @endpoints.get("/.well-known/openid-configuration")
    def discovery() -> dict[str, Any]:
        return metadata

    @endpoints.get("/jwks")
    def keys() -> dict[str, Any]:
        return dict(public_keys)

    @endpoints.post("/token")
    def token() -> flask.Response:
        return _answer(server.create_token_response())

    @endpoints.post("/revoke")
    def revoke() -> flask.Response:
        return _answer(server.create_endpoint_response("revocation"))

    @endpoints.route("/userinfo", methods=["GET", "POST"])
    def userinfo() -> flask.Response:
        return _answer(server.create_endpoint_response("userinfo"))

    @endpoints.post("/device_authorization")
    def device_authorization() -> flask.Response:
        return _answer(server.create_endpoint_response("device_authorization"))

    @endpoints.errorhandler(OAuth2Error)
    def refused(error: OAuth2Error) -> flask.Response:
        return _answer(server.handle_error_response(None, error))

    @endpoints.after_request
    def allow_client(response: flask.Response) -> flask.Response:
        name = (flask.request.endpoint or "").removeprefix("endpoints.")
        if name in _FOR_SCRIPTS:
            _add_cors(response)
        return response

    return endpoints


def _answer(response: Any) -> flask.Response:
    answer: flask.Response = response
    # Authlib says it for tokens; an error must not be kept either (RFC 6749 §5.1, §5.2).
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _add_cors(response: flask.Response) -> None:
    """Let the client's page read the answer (Fetch Standard, "CORS protocol"); no cookies go with it."""
    response.vary.add("Origin")
    origin = flask.request.headers.get("Origin", "")
    if not _CLIENT_ORIGIN.fullmatch(origin):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    if flask.request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
    else:
        # Why a token was refused is in this header (RFC 6750 §3).
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate"


def _metadata(realm: Realm) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0 §3, RFC 8414 §2 and what later documents add."""
    issuer = realm.issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "revocation_endpoint": f"{issuer}/revoke",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "end_session_endpoint": f"{issuer}/end_session",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": list(SCOPES),
        "claims_supported": ["sub", "auth_time", *chain.from_iterable(CLAIMS_OF_SCOPE.values())],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
    }
