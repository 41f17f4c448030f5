"""What people see at the demo provider, besides the sign-in for a client: device code, sign-out, problems.

No page keeps anything on the server between two clicks: each form posts back to the address it was shown
under, with the request's own parameters still in it.
"""

# mypy: disable-error-code="import-untyped"
# (Authlib ships no types)

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import flask
from authlib.oauth2.rfc6749 import OAuth2Error

from oidc_widget.demo.browser_session import (
    csrf_token,
    decision,
    is_decision_of,
    is_forged,
    sign_in_by_form,
    signed_in,
)
from oidc_widget.demo.client import DEMO_CLIENT, SCOPES
from oidc_widget.demo.people import PEOPLE

if TYPE_CHECKING:
    from oidc_widget.demo.authorization_server import DemoAuthorizationServer
    from oidc_widget.demo.browser_session import SignedIn
    from oidc_widget.demo.records import DeviceSignIn
    from oidc_widget.demo.store import Store

#: The names of the pages' own form fields; all others belong to the request that brought the person here.
_OWN_FIELDS = {"csrf", "person", "decision", "subject"}


def create_pages(server: DemoAuthorizationServer) -> flask.Blueprint:
    """Make the routes."""
    pages = flask.Blueprint("pages", __name__)

    @pages.before_app_request
    def refuse_forged_forms() -> flask.Response | None:
        if not is_forged():
            return None
        return problem("This page is out of date", "Go back to the notebook and start again.")

    @pages.get("/")
    def home() -> str:
        return flask.render_template("home.html", signed_in=signed_in(), csrf=csrf_token())

    @pages.route("/device", methods=["GET", "POST"])
    def device() -> flask.Response | str:
        entered = flask.request.values.get("user_code", "")
        waiting = server.store.find_waiting_device(_as_user_code(entered))
        if waiting is None:
            return flask.render_template("device.html", entered=entered)
        return _answer_device(server.store, waiting)

    @pages.route("/end_session", methods=["GET", "POST"])
    def end_session() -> flask.Response | str:
        try:
            request = server.validate_endpoint_request("end_session")
        except OAuth2Error:
            return problem("This sign-out request can't be used", "Its ID token is not from this provider.")
        now_signed_in = signed_in()
        hinted = (request.id_token_claims or {}).get("sub")
        # Any site can link here, so without a token of the same person's they are asked (§6 there).
        if now_signed_in and hinted != now_signed_in.person.subject and decision() != "sign out":
            return flask.render_template(
                "sign_out.html", signed_in=now_signed_in, csrf=csrf_token(), action=_same_request()
            )
        response = server.create_endpoint_response("end_session", request)
        return note("Signed out", "You can close this page.") if response is None else see_other(response)

    return pages


def _answer_device(store: Store, waiting: DeviceSignIn) -> flask.Response | str:
    sign_in_by_form()
    now_signed_in = signed_in()
    where = f"the device that shows the code {waiting.user_code}"
    if decision() == "deny":
        store.answer_device(waiting, None)
        return note("Denied", "The device was not signed in. You can close this page.")
    if now_signed_in is None or decision() == "switch":
        return sign_in_page(where)
    if decision() != "allow" or not is_decision_of(now_signed_in.person):
        return consent_page(waiting.scope, waiting.resources, now_signed_in, where, waiting.user_code)
    if store.answer_device(waiting, now_signed_in.approve(waiting.scope, waiting.resources)):
        return note("Signed in", "The device goes on by itself. You can close this page.")
    return problem("Too late", "The time for this code is over. Start again on the device.")


def sign_in_page(where: str) -> str:
    """Ask who the person is."""
    return flask.render_template(
        "sign_in.html",
        client=DEMO_CLIENT,
        where=where,
        people=PEOPLE.values(),
        csrf=csrf_token(),
        action=_same_request(),
    )


def consent_page(
    scope: str, resources: tuple[str, ...], by: SignedIn, where: str, user_code: str | None = None
) -> str:
    """Ask whether the client may have what it asks for."""
    return flask.render_template(
        "consent.html",
        client=DEMO_CLIENT,
        where=where,
        wants=[SCOPES[name] for name in scope.split()],
        resources=resources,
        signed_in=by,
        user_code=user_code,
        csrf=csrf_token(),
        action=_same_request(),
    )


def note(title: str, text: str) -> flask.Response:
    """Say that something is done."""
    return flask.make_response(flask.render_template("note.html", title=title, text=text))


def problem(title: str, text: str, *, value: str | None = None) -> flask.Response:
    """Say what is wrong and what to do, with the value that it is about."""
    page = flask.render_template("note.html", title=title, text=text, value=value, problem=True)
    return flask.make_response(page, 400)


def see_other(response: Any) -> flask.Response:
    """Make the browser go on with GET after a posted form (RFC 9700 §4.12)."""
    if response.status_code == 302:  # noqa: PLR2004  what Authlib sends
        response.status_code = 303
    answer: flask.Response = response
    return answer


def _same_request() -> str:
    """Where a form posts to: this address with the parameters that brought the person here."""
    parameters = flask.request.values.items(multi=True)
    kept = urlencode([item for item in parameters if item[0] not in _OWN_FIELDS])
    return f"{flask.request.script_root}{flask.request.path}?{kept}"


def _as_user_code(entered: str) -> str:
    """Accept the code in small letters and without its hyphen (RFC 8628 §6.1)."""
    letters = "".join(letter for letter in entered.upper() if letter.isalnum())
    return f"{letters[:4]}-{letters[4:]}"
