"""`oidc-widget doctor`: each thing that may be wrong with a provider is found and comes with advice."""

from __future__ import annotations

import pytest

from oidc_widget.cli import main
from oidc_widget.diagnosis.doctor import examine
from providers.django_provider import DjangoProvider
from providers.oidc_provider import OidcProvider

REDIRECT_URI = "http://localhost:8888/oidc-widget/callback"


def doctor(provider, **changes):
    return examine(
        provider.issuer, **{"client_id": provider.client_id, "redirect_uri": REDIRECT_URI, **changes}
    )


def finding(report, checked):
    (found,) = [one for one in report if one.checked == checked]
    return found


def test_where_all_is_well_the_exit_code_says_so(provider, capsys):
    arguments = ["doctor", provider.issuer, "--client-id", "notebooks", "--redirect-uri", REDIRECT_URI]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("No problem was found.\n")
    assert "✗" not in printed
    assert all(
        finding(doctor(provider), name).verdict == "ok" for name in ("Keys", "Client", "Clock", "PKCE")
    )


def test_every_problem_comes_with_advice(provider):
    provider.configure(cors="none", redirect_uris=["http://localhost:1/"], clock_offset=3600)
    provider.discovery_response(set={"code_challenge_methods_supported": ["plain"]})
    report = doctor(provider)
    assert {one.checked for one in report.problems} == {
        "PKCE",
        "Clock",
        "Redirect address",
        "CORS, discovery",
        "CORS, keys",
    }
    assert all(one.advice for one in report if one.verdict != "ok")
    assert repr(report).endswith("5 problems were found.")
    assert main(["doctor", provider.issuer]) == 1


def test_a_provider_that_is_not_there_is_told_at_once(provider, capsys):
    provider.down()
    assert main(["doctor", provider.issuer]) == 1
    assert "can't be reached" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "checked"),
    [
        ({"set": {"issuer": "https://other.example"}}, "Issuer"),
        ({"omit": ["issuer"]}, "Discovery"),
        ({"omit": ["token_endpoint"]}, "token_endpoint"),
        ({"set": {"authorization_endpoint": "http://idp.example.com/auth"}}, "authorization_endpoint"),
        ({"omit": ["jwks_uri"]}, "Keys"),
        ({"set": {"code_challenge_methods_supported": []}}, "PKCE"),
    ],
    ids=str,
)
def test_what_is_wrong_with_the_metadata_is_a_problem(provider, change, checked):
    provider.discovery_response(**change)
    assert finding(doctor(provider), checked).verdict == "problem"


@pytest.mark.parametrize(
    ("change", "checked"),
    [
        ({"omit": ["code_challenge_methods_supported"]}, "PKCE"),
        ({"omit": ["revocation_endpoint"]}, "Signing out"),
        ({"omit": ["device_authorization_endpoint"]}, "Without a browser"),
        ({"set": {"grant_types_supported": ["authorization_code"]}}, "Staying signed in"),
    ],
    ids=str,
)
def test_what_is_only_missing_is_a_note(provider, change, checked):
    provider.discovery_response(**change)
    report = doctor(provider)
    assert finding(report, checked).verdict == "note"
    assert report.ok


def test_keys_that_sign_nothing_are_no_keys(provider):
    provider.fault("jwks", "status", status=200, body={"keys": [{"kty": "RSA", "use": "enc"}]})
    assert finding(doctor(provider), "Keys").verdict == "problem"


def test_a_client_that_needs_a_secret_is_sent_to_the_servers_configuration(provider):
    found = finding(doctor(provider, client_id="confidential"), "Client")
    assert found.verdict == "problem"
    assert "administrator configure" in found.advice


def test_a_slash_at_the_end_is_forgiven(provider):
    found = finding(examine(f"{provider.issuer}/"), "Issuer")
    assert (found.verdict, "that is fine" in found.found) == ("ok", True)


def test_a_token_endpoint_that_is_down_is_named(provider):
    provider.fault("token", "status", status=503)
    assert finding(doctor(provider), "Token endpoint").verdict == "problem"


def test_what_was_not_given_is_not_judged(provider):
    report = examine(provider.issuer)
    assert finding(report, "Client").verdict == "unknown"
    assert finding(examine(provider.issuer, client_id="notebooks"), "Redirect address").verdict == "unknown"
    assert report.ok


def test_plain_http_to_another_machine_is_refused():
    (found, *_) = examine("http://idp.example.com")
    assert found.verdict == "problem"
    assert "https" in found.advice


def test_a_second_provider_with_few_cors_headers(tmp_path):
    with DjangoProvider(
        tmp_path, redirect_uris=[REDIRECT_URI], origins=["http://localhost:8888"]
    ) as provider:
        report = doctor(provider)
    assert report.ok
    assert finding(report, "CORS, token endpoint").verdict == "note"
    assert "same-origin" in finding(report, "Sign-in page").found


def test_nobody_is_signed_in_and_nothing_is_issued(provider):
    doctor(provider)
    issued = provider.secrets("access_token", "refresh_token", "id_token", "code")
    assert {secret.value for secret in issued} <= {"made-up-by-oidc-widget-doctor"}


def test_the_report_is_a_list_of_findings():
    with OidcProvider() as provider:
        report = doctor(provider)
    assert len(report) == len(list(report)) == len(report[:])
    assert report[0].checked == "Discovery"
