"""Who is signed in at the demo provider in this browser (a signed cookie, good until the demo stops)."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass

import flask

from oidc_widget.demo.people import PEOPLE, Person
from oidc_widget.demo.records import Approval


@dataclass(frozen=True)
class SignedIn:
    """A person, and since when they are signed in.

    Attributes
    ----------
    person : Person
    auth_time : int
        Seconds since 1970 (OIDC Core §2).
    session_id : str
        What they allow is revoked when this session ends.
    """

    person: Person
    auth_time: int
    session_id: str

    def approve(self, scope: str, resources: tuple[str, ...]) -> Approval:
        """Make the record of what the person allows now."""
        return Approval(self.person, scope, resources, self.auth_time, self.session_id)


def signed_in() -> SignedIn | None:
    """Return who is signed in, or None."""
    person = PEOPLE.get(flask.session.get("person", ""))
    if person is None:
        return None
    return SignedIn(person, flask.session["auth_time"], flask.session["sid"])


def sign_in_by_form() -> bool:
    """Sign a person in when the form says which one; true when it did."""
    person = PEOPLE.get(flask.request.form.get("person", ""))
    if person is None or "csrf" not in flask.request.form:
        return False
    flask.session.update(person=person.subject, auth_time=int(time.time()), sid=secrets.token_urlsafe(16))
    return True


def csrf_token() -> str:
    """Return what a form must send back to be believed."""
    token: str = flask.session.setdefault("csrf", secrets.token_urlsafe(16))
    return token


def is_forged() -> bool:
    """Tell whether a posted form claims to be one of ours, and is not from this browser's session."""
    sent = flask.request.form.get("csrf")
    return sent is not None and not hmac.compare_digest(
        sent.encode(), flask.session.get("csrf", "").encode() or secrets.token_bytes(16)
    )


def decision() -> str | None:
    """Return which button was pressed, when a form of ours was posted."""
    return flask.request.form.get("decision") if "csrf" in flask.request.form else None


def is_decision_of(person: Person) -> bool:
    """Tell whether the form was shown to this person: another tab may have signed in another meanwhile."""
    return flask.request.form.get("subject") == person.subject
