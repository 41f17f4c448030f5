"""A server whose people each have a token of their own, as on a Hub; loaded by the server under test."""

from __future__ import annotations

from jupyter_server.auth.identity import IdentityProvider, User


class People(IdentityProvider):
    """`Authorization: token NAME` is NAME."""

    def get_user(self, handler):
        scheme, _, name = handler.request.headers.get("Authorization", "").partition(" ")
        handler._token_authenticated = scheme == "token"
        return User(username=name) if scheme == "token" else None
