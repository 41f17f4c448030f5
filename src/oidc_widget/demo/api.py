"""The protected demo API: it tells a person who they are, when their access token is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
from flask.json.provider import DefaultJSONProvider

from oidc_widget.verify.flask import OIDCProtect, current_claims, token_required

if TYPE_CHECKING:
    from collections.abc import Mapping


class _AsWritten(DefaultJSONProvider):
    """Keeps the order: people read the answer in the notebook, and it begins with their name."""

    sort_keys = False


def create_api(*, issuer: str, audience: str, keys: Mapping[str, Any] | None = None) -> flask.Flask:
    """Make the API.

    Parameters
    ----------
    issuer : str
        The provider whose tokens are accepted.
    audience : str
        The API's own address: tokens for anybody else are refused (RFC 9068 §4).
    keys : mapping, optional
        The provider's keys, as a JWK Set; fetched from there otherwise.

    Returns
    -------
    flask.Flask
        With one protected route, ``GET /me``.
    """
    app = flask.Flask(__name__, static_folder=None)
    app.config.update(OIDC_ISSUER=issuer, OIDC_AUDIENCE=audience, OIDC_KEYS=keys)
    app.json = _AsWritten(app)
    OIDCProtect(app)

    @app.get("/")
    def index() -> dict[str, str]:
        return {"message": "GET /me with an access token tells you who you are."}

    @app.get("/me")
    @token_required
    def me() -> dict[str, Any]:
        # A claim is there when the person allowed the scope that it belongs to.
        return {name: current_claims[name] for name in ("name", "email", "sub") if name in current_claims}

    return app
