"""The authorization endpoint: who are you, and may this client have what it asks for (OIDC Core §3.1.2)."""

# mypy: disable-error-code="import-untyped"
# (Authlib ships no types)

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import flask
from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError, UnsupportedResponseTypeError
from authlib.oidc.core.errors import ConsentRequiredError, LoginRequiredError

from oidc_widget.demo.browser_session import decision, is_decision_of, sign_in_by_form, signed_in
from oidc_widget.demo.client import REDIRECT_URI_FORM, find_client
from oidc_widget.demo.pages import consent_page, problem, see_other, sign_in_page

if TYPE_CHECKING:
    from oidc_widget.demo.authorization_server import DemoAuthorizationServer
    from oidc_widget.demo.browser_session import SignedIn


class _Next(Enum):
    """What is to be done for the person now."""

    SIGN_IN = "show the sign-in page"
    ASK = "show the consent page"
    ALLOW = "send them back with a code"
    DENY = "send them back with access_denied"


def create_authorize(server: DemoAuthorizationServer) -> flask.Blueprint:
    """Make the route."""
    blueprint = flask.Blueprint("authorize", __name__)

    @blueprint.route("/authorize", methods=["GET", "POST"])
    def authorize() -> flask.Response | str:
        # Nothing goes to the redirect address before it is known to be the client's (RFC 9700 §4.11.2).
        return _refuse_to_redirect() or _authorize(server)

    return blueprint


def _refuse_to_redirect() -> flask.Response | None:
    client_id = flask.request.values.get("client_id", "")
    client = find_client(client_id)
    if client is None:
        return problem(
            "The demo provider doesn't know this client", "Its one client is called “demo”.", value=client_id
        )
    addresses = flask.request.values.getlist("redirect_uri")
    if len(addresses) == 1 and client.check_redirect_uri(addresses[0]):
        return None
    return problem(
        "The demo provider doesn't know this redirect address",
        f"It sends people back to addresses of this form only: {REDIRECT_URI_FORM}",
        value=" ".join(addresses),
    )


def _authorize(server: DemoAuthorizationServer) -> flask.Response | str:
    parameters = flask.request.values
    redirect_uri = parameters["redirect_uri"]
    just_signed_in = sign_in_by_form()
    now_signed_in = signed_in()
    try:
        if parameters.get("response_type") != "code":
            # Authlib would put it into a description, where not every character is allowed, and fail.
            raise UnsupportedResponseTypeError("?")
        resources = server.realm.granted_resources(parameters)
        grant = server.get_consent_grant(end_user=now_signed_in)
        scope = grant.request.scope
        # Where the client runs is all that tells it from another program with its name (RFC 8252 §8.6).
        wanted = {*scope.split(), *resources, _origin(redirect_uri)}
        has_consent = now_signed_in is not None and server.store.has_consent(now_signed_in.person, wanted)
        todo = _next(now_signed_in, just_signed_in=just_signed_in, has_consent=has_consent)
    except OAuth2Error as error:
        return see_other(server.error_to_client(error, redirect_uri, parameters.get("state")))

    if todo is _Next.DENY:
        return see_other(server.create_authorization_response(grant_user=None, grant=grant))
    if todo is _Next.SIGN_IN or now_signed_in is None:
        return sign_in_page(_origin(redirect_uri))
    if todo is _Next.ASK:
        return consent_page(scope, resources, now_signed_in, _origin(redirect_uri))
    server.store.remember_consent(now_signed_in.person, wanted)
    approval = now_signed_in.approve(scope, resources)
    return see_other(server.create_authorization_response(grant_user=approval, grant=grant))


def _next(who: SignedIn | None, *, just_signed_in: bool, has_consent: bool) -> _Next:
    """Decide by the request's ``prompt`` and ``max_age`` and by the button that was pressed."""
    prompts = set(flask.request.values.get("prompt", "").split())
    if decision() == "deny":
        return _Next.DENY
    answered = who is not None and is_decision_of(who.person)
    if (
        who is None
        or decision() == "switch"
        or (_must_sign_in(who, prompts) and not (just_signed_in or answered))
    ):
        if "none" in prompts:
            raise LoginRequiredError
        return _Next.SIGN_IN
    if (decision() == "allow" and answered) or (has_consent and "consent" not in prompts):
        return _Next.ALLOW
    if "none" in prompts:
        raise ConsentRequiredError
    return _Next.ASK


def _must_sign_in(who: SignedIn, prompts: set[str]) -> bool:
    """Tell whether the client asks for a new sign-in (OIDC Core §3.1.2.1; ``max_age`` is in seconds)."""
    max_age: Any = flask.request.values.get("max_age")
    if max_age is not None and not (max_age.isascii() and max_age.isdigit()):
        raise InvalidRequestError("Invalid 'max_age'.")
    is_too_old = max_age is not None and time.time() - who.auth_time > int(max_age)
    return is_too_old or bool(prompts & {"login", "select_account"})


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
