"""What a widget, its page and the provider say, put together."""

from __future__ import annotations

import time

import pytest

from oidc_widget.diagnosis.clock import ProviderClock, least_skew
from oidc_widget.diagnosis.diagnose import Known, PageAnswer, diagnose
from oidc_widget.errors import SignInError
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.oauth.answer import Answer

ORIGIN = "http://localhost:8888"
REDIRECT_URI = f"{ORIGIN}/oidc-widget/callback"
READABLE = {"discovery": True, "keys": True, "token endpoint": True, "revocation endpoint": True}


def page_of(request, *, took=0.1, **changes):
    asked_at = time.time() - took
    facts = {
        "origin": ORIGIN,
        "secure": True,
        "window": True,
        "callback": 200,
        "readable": READABLE,
        "now": asked_at,
        "request": request,
        **changes,
    }
    return PageAnswer(facts, asked_at=asked_at, answered_at=asked_at + took)


@pytest.fixture
def request_of(provider):
    return {
        "authority": provider.issuer,
        "client_id": "notebooks",
        "redirect_uri": REDIRECT_URI,
        "scopes": ["openid"],
    }


def check(report, checked):
    (made,) = [one for one in report if one.checked == checked]
    return made


def test_a_problem_stands_beside_no_sentence_that_there_is_none(request_of):
    known = Known(request_of, page_of(request_of), token=AccessToken.lasting("t", 600))
    assert repr(diagnose(known)).endswith("No problem was found.")
    failed = Known(request_of, page_of(request_of), error=SignInError("It went wrong.", hint="Do this."))
    report = diagnose(failed)
    assert check(report, "Last error").verdict == "problem"
    assert repr(report).endswith("1 problem was found.")


def test_a_provider_that_hangs_is_no_matter_of_cors_or_of_clocks(request_of, provider, monkeypatch):
    monkeypatch.setattr("oidc_widget.diagnosis.provider_checks._TIMEOUT", 0.3)
    provider.fault("discovery", "hang")
    page = page_of(request_of, took=14.0, readable={"discovery": False})
    report = diagnose(Known(request_of, page))
    assert [one.checked for one in report.problems] == ["Discovery"]
    assert check(report, "Browser's clock").verdict == "ok"


def test_a_token_endpoint_that_hangs_is_told_as_that_alone(request_of, provider, monkeypatch):
    monkeypatch.setattr("oidc_widget.oauth.token_endpoint._TIMEOUT", 0.3)
    provider.fault("token", "hang")
    report = diagnose(Known(request_of, page_of(request_of, readable={**READABLE, "token endpoint": False})))
    assert [one.checked for one in report.problems] == ["Token endpoint"]
    assert not [one for one in report if one.checked == "CORS, token endpoint"]


def test_what_the_page_may_not_read_of_a_provider_that_answers_is_cors(request_of):
    report = diagnose(Known(request_of, page_of(request_of, readable={"discovery": False})))
    assert check(report, "CORS, discovery").verdict == "problem"


@pytest.mark.parametrize(("off", "verdict"), [(0, "ok"), (60, "note"), (-60, "note"), (3600, "problem")])
def test_a_browsers_clock_that_is_off_is_told(request_of, off, verdict):
    page = page_of(request_of, now=time.time() + off)
    made = check(diagnose(Known(request_of, page)), "Browser's clock")
    assert made.verdict == verdict
    if off:
        assert ("ahead of" if off > 0 else "behind") in made.found


@pytest.mark.parametrize(
    ("facts", "checked", "words"),
    [
        ({"callback": 404}, "Callback page", "Install oidc-widget"),
        ({"callback": 403}, "Callback page", "local_hostnames"),
        ({"storage": "Cookies are blocked."}, "Browser's storage", "Allow cookies"),
    ],
)
def test_what_the_page_meets_is_named(request_of, facts, checked, words):
    made = check(diagnose(Known(request_of, page_of(request_of, **facts))), checked)
    assert made.verdict == "problem"
    assert words in made.advice


@pytest.mark.parametrize("missing", ["no page", "busy", "silent"])
def test_why_no_page_was_asked_is_said(request_of, missing):
    made = check(diagnose(Known(request_of, PageAnswer(missing=missing))), "Browser")
    assert (made.verdict, bool(made.advice)) == ("unknown", True)


def test_facts_of_any_kind_do_no_harm(request_of):
    facts = {"readable": 5, "now": "soon", "callback": None, "request": None, "window": True}
    assert len(diagnose(Known(request_of, PageAnswer(facts)))) > 5


def test_a_provider_that_only_the_server_knows_is_asked_for_in_a_page():
    report = diagnose(Known({"provider": "corp"}, PageAnswer(missing="no page")))
    assert check(report, "Provider").verdict == "unknown"


@pytest.mark.parametrize(
    ("there", "here", "skew"),
    [
        ((100, 101), (100, 100.2), 0),
        ((100, 101), (90, 110), 0),  # a slow answer: the clocks may agree
        ((160, 161), (100, 110), 50),
        ((40, 41), (100, 110), -59),
    ],
)
def test_clocks_differ_by_what_no_delay_explains(there, here, skew):
    assert least_skew(there, here) == skew


def test_a_caches_copy_tells_no_time():
    clock = ProviderClock(lambda: 1_000_000.0)
    with clock.watch() as take:
        take(Answer(200, headers={"date": "Mon, 12 Jan 1970 13:46:40 GMT", "age": "500"}))
    assert clock.skew is None
    with clock.watch() as take:
        take(Answer(200, headers={"date": "Mon, 12 Jan 1970 13:46:40 GMT"}))
    assert clock.skew == 0
