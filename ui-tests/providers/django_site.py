"""A provider as many have it: `django-oauth-toolkit` in a Django project, here the smallest one.

    python django_site.py '{"redirect_uris": [...], "origins": [...], "folder": "/tmp/…", "settings": {…}}'

prints one line of JSON, `{"issuer": …}`, when it is ready, and ends when its standard input is closed.

It differs from the certified one as real providers do: Django sends its pages, the sign-in page too, with
`Cross-Origin-Opener-Policy: same-origin`; there are CORS headers on the token endpoint's good answers only,
not on errors and not on revocation; authorization responses have no `iss`.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

from oidc_widget.oauth.callback_address import own_address

if TYPE_CHECKING:
    from oauthlib.common import Request

LOGIN_PAGE = """<!doctype html><title>Sign in</title><h1>Sign in</h1>
<form method="post">{% csrf_token %}{{ form.non_field_errors }}
<label>Login <input name="username" required></label>
<label>Password <input name="password" type="password" required></label>
<button type="submit">Sign in</button></form>"""

# The package's own page frame wants static files, which this project doesn't serve.
FRAME = "<!doctype html><title>{% block title %}{% endblock %}</title>{% block content %}{% endblock %}"


def _configure(given: dict[str, Any]) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    settings.configure(
        SECRET_KEY=secrets.token_urlsafe(),
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="__main__",
        USE_TZ=True,
        LOGIN_URL="/login/",
        SESSION_COOKIE_NAME=f"session_{secrets.token_hex(4)}",  # cookies know no ports
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(given["folder"]) / "db.sqlite3"}
        },
        # The strong one is slow by design, and nobody here has anything to lose.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "context_processors": ["django.template.context_processors.request"],
                    "loaders": [
                        (
                            "django.template.loaders.locmem.Loader",
                            {"registration/login.html": LOGIN_PAGE, "oauth2_provider/base.html": FRAME},
                        ),
                        "django.template.loaders.app_directories.Loader",
                    ],
                },
            }
        ],
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": pem.decode(),
            "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
            "OAUTH2_VALIDATOR_CLASS": "__main__.Validator",
            "ALLOWED_SCHEMES": ["http"],
            "SCOPES": {
                "openid": "who you are",
                "profile": "your name",
                "email": "your address",
                "read": "read your data",
            },
            "REQUEST_APPROVAL_PROMPT": "auto",
            **given.get("settings", {}),
        },
    )
    django.setup()


def _populate(given: dict[str, Any], issuer: str) -> None:
    from django.contrib.auth import get_user_model  # noqa: PLC0415 - Django's models need its settings first
    from django.core.management import call_command  # noqa: PLC0415 - likewise
    from oauth2_provider.models import Application  # noqa: PLC0415 - likewise

    call_command("migrate", verbosity=0)
    get_user_model().objects.create_user(
        "alice", "alice@example.com", "alice-password", first_name="Alice", last_name="Adams"
    )
    Application.objects.create(
        client_id="notebooks",
        name="Notebooks",
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=" ".join(
            [*given["redirect_uris"], *(own_address(each, issuer) for each in given["callbacks"])]
        ),
        post_logout_redirect_uris=" ".join(given.get("post_logout_redirect_uris", [])),
        allowed_origins=" ".join(given["origins"]),
        algorithm=Application.RS256_ALGORITHM,
    )


class Server(ThreadingMixIn, WSGIServer):
    """A server that a browser may hold several connections to."""

    daemon_threads = True


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    # Else pages from http://localhost get no CORS headers.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    _given = json.loads(sys.argv[1])
    _configure(_given)

    from django.contrib.auth.views import LoginView
    from django.core.wsgi import get_wsgi_application
    from django.urls import include, path
    from oauth2_provider.oauth2_validators import OAuth2Validator

    class Validator(OAuth2Validator):
        """Puts the person's name and address into the ID token."""

        oidc_claim_scope = OAuth2Validator.oidc_claim_scope | {"name": "profile", "email": "email"}

        def get_additional_claims(self, request: Request) -> dict[str, str]:
            return {"name": request.user.get_full_name(), "email": request.user.email}

    urlpatterns = [path("login/", LoginView.as_view()), path("o/", include("oauth2_provider.urls"))]
    server = Server(("127.0.0.1", 0), WSGIRequestHandler)
    _issuer = f"http://127.0.0.1:{server.server_port}/o"
    _populate(_given, _issuer)
    server.set_app(get_wsgi_application())
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.stdout.write(json.dumps({"issuer": _issuer}) + "\n")
    sys.stdout.flush()
    server.serve_forever()
