"""A service that takes the ID token as its credential and decides by `groups`, as Kubernetes does.

    OIDC_ISSUER=https://idp.example.com OIDC_CLIENT_ID=reports OIDC_OTHER_CLIENTS=notebooks \\
        flask --app groups_service run

From a notebook, whose own client is `notebooks`:

    w = OIDCLogin("https://idp.example.com", "notebooks", share_id_token=True,
                  scopes=("openid", "groups", "audience:server:client_id:reports"))  # Dex's way to ask
    requests.get("http://127.0.0.1:5000/reports", headers={"Authorization": f"Bearer {w.id_token}"})

The token was issued to the client `notebooks` (`azp`), and is for this service too (`aud` is a list). So this
service must say which other clients it trusts to ask people for such tokens; any other client's are refused,
also when their `aud` is right.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask, abort

from oidc_widget.errors import InvalidClaim
from oidc_widget.verify.flask import OIDCProtect, current_identity, token_required

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# No provider can say that somebody is in `system:masters`, since what it says gets this before it.
PREFIX = "oidc:"


@dataclass(frozen=True)
class User:
    """Who makes a request."""

    name: str
    groups: frozenset[str]


def user_from(claims: Mapping[str, Any]) -> User:
    """Read `groups` as Kubernetes does: a string or a list of strings, and nothing else."""
    groups = claims.get("groups", [])
    if isinstance(groups, str):
        groups = [groups]
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise InvalidClaim("The token's 'groups' is neither a string nor a list of strings.", claim="groups")
    return User(PREFIX + claims["sub"], frozenset(PREFIX + group for group in groups))


def create_service(
    issuer: str, client_id: str, other_clients: Collection[str] = (), **settings: Any
) -> Flask:
    """Make the service: `other_clients` are those whose ID tokens it takes besides its own."""
    app = Flask(__name__)
    protect = OIDCProtect(
        app,
        issuer=issuer,
        audience=client_id,
        token_type="id",
        authorized_parties=[client_id, *other_clients] if other_clients else None,
        **settings,
    )
    protect.identity_handler(user_from)

    @app.get("/whoami")
    @token_required
    def whoami() -> dict[str, Any]:
        return {"username": current_identity.name, "groups": sorted(current_identity.groups)}

    @app.get("/reports")
    @token_required
    def reports() -> dict[str, Any]:
        if f"{PREFIX}analysts" not in current_identity.groups:
            abort(403)
        return {"reports": ["2026-Q1", "2026-Q2"]}

    return app


def create_app() -> Flask:
    """Make the service as the environment says (`flask --app groups_service run` calls this)."""
    return create_service(
        os.environ["OIDC_ISSUER"],
        os.environ["OIDC_CLIENT_ID"],
        os.environ.get("OIDC_OTHER_CLIENTS", "").split(),
    )
