"""A Flask API that people call from notebooks: who you are, and jobs for those who may.

OIDC_ISSUER=https://idp.example.com OIDC_AUDIENCE=https://api.example.com flask --app flask_api run
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from flask import Flask

from oidc_widget.verify.flask import OIDCProtect, current_claims, current_identity

if TYPE_CHECKING:
    from collections.abc import Mapping


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Make the API; its settings are the environment's, unless a test gives others."""
    app = Flask(__name__)
    app.config.update(settings or {name: os.environ[name] for name in ("OIDC_ISSUER", "OIDC_AUDIENCE")})
    protect = OIDCProtect(app)
    jobs: list[str] = []

    @app.get("/me")
    @protect.token_required
    def me() -> dict[str, Any]:
        return {"you": str(current_identity), "until": current_claims["exp"]}

    @app.get("/jobs")
    @protect.token_required(scopes=["jobs.read"])
    def read() -> dict[str, Any]:
        return {"jobs": jobs}

    @app.post("/jobs")
    @protect.token_required(scopes=["jobs.write"])
    def submit() -> tuple[dict[str, Any], int]:
        jobs.append(f"{len(jobs) + 1}, of {current_identity}")
        return {"job": jobs[-1]}, 201

    return app
