"""`w.diagnose()`: what the browser, the kernel and the provider say, in one list."""

from __future__ import annotations

import re

import pytest

from signing_in import login_cell, sign_in

REPORT = "w.diagnose()"


def verdicts(report):
    """Return the mark of each line, by what was checked."""
    lines = [re.match(r"([✓!✗?]) (.+?)\s{2,}", line) for line in report.splitlines()]
    return {line[2]: line[1] for line in lines if line}


@pytest.fixture
def diagnose(lab):
    def run(provider, **options):
        nb = lab.notebook([login_cell(provider, **options), REPORT])
        nb.run(0)
        nb.region.get_by_role("button").first.wait_for()
        return nb.run(1, timeout=60)

    return run


def test_where_all_is_well_it_says_so(lab, provider):
    nb = lab.notebook([login_cell(provider), REPORT])
    nb.run(0)
    sign_in(nb)
    report = nb.run(1, timeout=60)
    marks = verdicts(report)
    assert {name for name, mark in marks.items() if mark not in "✓!"} == set(), report
    for checked in (
        "Secure context",
        "Callback page",
        "CORS, discovery",
        "CORS, keys",
        "CORS, token endpoint",
        "CORS, revocation endpoint",
        "Browser's clock",
        "Issuer",
        "PKCE",
        "Client",
        "Redirect address",
        "Clock",
        "Token",
    ):
        assert marks[checked] == "✓", report
    assert report.rstrip().endswith("No problem was found.")
    assert not [secret for secret in provider.secrets() if secret.value in report]


@pytest.mark.own_page  # another may have its answers still
def test_a_provider_without_cors_is_found_out_by_the_browser(diagnose, provider):
    provider.configure(cors="none")
    report = diagnose(provider)
    marks = verdicts(report)
    assert marks["CORS, discovery"] == "✗", report
    assert "administrator configure the provider" in report


def test_an_endpoint_alone_without_cors_is_named(diagnose, django_provider):
    report = diagnose(django_provider)
    marks = verdicts(report)
    assert (marks.get("CORS, discovery"), marks.get("CORS, keys")) == ("✓", "✓"), report
    assert marks["CORS, token endpoint"] == "!"
    assert marks["Sign-in page"] == "✓"


def test_an_unregistered_redirect_address_is_named(diagnose, provider, jupyter):
    provider.configure(redirect_uris=["http://localhost:1/callback"])
    report = diagnose(provider)
    assert verdicts(report)["Redirect address"] == "✗"
    assert f"doesn't know this redirect address: {jupyter.redirect_uris(provider.issuer)[0]}" in report


def test_a_redirect_address_of_the_other_name_of_this_machine_is_seen(diagnose, provider, jupyter):
    other = jupyter.redirect_uri.replace("localhost", "127.0.0.1")
    provider.configure(redirect_uris=[other])
    report = diagnose(provider, redirect_uri=other)
    assert verdicts(report)["Callback page"] == "✗", report
    assert "Open Jupyter at http://127.0.0.1" in report


def test_a_clock_that_is_off_is_told(diagnose, provider):
    provider.configure(clock_offset=120)
    report = diagnose(provider)
    assert verdicts(report)["Clock"] == "!"
    assert re.search(r"this machine's clock is 1[12]\d s behind the provider's", report)


def test_where_no_window_can_be_opened_it_says_how_to_sign_in(lab, provider):
    nb = lab.notebook([login_cell(provider, flow="device"), REPORT])
    nb.run(0)
    nb.region.get_by_role("button").first.wait_for()
    report = nb.run(1, timeout=60)
    marks = verdicts(report)
    assert marks["Without a browser"] == "✓"
    assert marks["Browser"] == "?", report
    assert "can't answer while this cell runs" in report
