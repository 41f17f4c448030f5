"""`oidc-widget doctor`: each thing that may be wrong with a provider is found and comes with advice."""

from __future__ import annotations

import pytest

from oidc_widget.cli import main
from oidc_widget.diagnosis.doctor import callback_of, examine
from oidc_widget.diagnosis.provider_checks import ProviderChecks
from oidc_widget.diagnosis.report import Report
from oidc_widget.oauth.callback_address import own_address
from oidc_widget.oauth.http import open_client
from providers.django_provider import DjangoProvider
from providers.oidc_provider import OidcProvider

REDIRECT_URI = "http://localhost:8888/oidc-widget/callback"


def doctor(provider, **changes):
    return examine(
        provider.issuer, **{"client_id": provider.client_id, "redirect_uri": REDIRECT_URI, **changes}
    )


def check(report, checked):
    (made,) = [one for one in report if one.checked == checked]
    return made


def test_where_all_is_well_the_exit_code_says_so(provider, capsys):
    arguments = ["doctor", provider.issuer, "--client-id", "notebooks", "--redirect-uri", REDIRECT_URI]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("No problem was found.\n")
    assert "✗" not in printed
    assert all(check(doctor(provider), name).verdict == "ok" for name in ("Keys", "Client", "Clock", "PKCE"))


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
    assert check(doctor(provider), checked).verdict == "problem"


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
    assert check(report, checked).verdict == "note"
    assert report.ok


def test_keys_that_sign_nothing_are_no_keys(provider):
    provider.fault("jwks", "status", status=200, body={"keys": [{"kty": "RSA", "use": "enc"}]})
    assert check(doctor(provider), "Keys").verdict == "problem"


def test_a_client_that_needs_a_secret_is_sent_to_the_servers_configuration(provider):
    found = check(doctor(provider, client_id="confidential"), "Client")
    assert found.verdict == "problem"
    assert "administrator configure" in found.advice


def test_a_slash_at_the_end_is_forgiven(provider):
    found = check(examine(f"{provider.issuer}/"), "Issuer")
    assert (found.verdict, "that is fine" in found.found) == ("ok", True)


def test_a_token_endpoint_that_is_down_is_named(provider):
    provider.fault("token", "status", status=503)
    assert check(doctor(provider), "Token endpoint").verdict == "problem"


def test_what_was_not_given_is_not_judged(provider):
    report = examine(provider.issuer)
    assert check(report, "Client").verdict == "unknown"
    assert check(examine(provider.issuer, client_id="notebooks"), "Redirect address").verdict == "unknown"
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
    assert check(report, "CORS, token endpoint").verdict == "note"
    assert "same-origin" in check(report, "Sign-in page").found


def test_nobody_is_signed_in_and_nothing_is_issued(provider):
    doctor(provider)
    issued = provider.secrets("access_token", "refresh_token", "id_token", "code")
    assert {secret.value for secret in issued} <= {"made-up-by-oidc-widget-doctor"}


def test_the_report_is_a_list_of_checks():
    with OidcProvider() as provider:
        report = doctor(provider)
    assert len(report) == len(list(report)) == len(report[:])
    assert report[0].checked == "Discovery"


def test_no_problem_is_said_to_be_found_only_in_what_was_checked(provider):
    assert repr(doctor(provider)).endswith("No problem was found.")
    assert repr(examine(provider.issuer)).endswith("No problem was found in what could be checked.")


def test_a_device_flow_that_is_not_this_clients_is_said_to_be_none(provider):
    clients = provider.settings()["clients"]
    without = {**clients["notebooks"], "grant_types": ["authorization_code", "refresh_token"]}
    provider.configure(clients={**clients, "notebooks": without})
    made = check(doctor(provider), "Without a browser")
    assert (made.verdict, "not for this client" in made.found) == ("note", True)
    assert made.advice


def test_a_device_flow_that_is_announced_only_by_half_is_asked_for_all_the_same(provider):
    provider.discovery_response(set={"grant_types_supported": ["authorization_code", "refresh_token"]})
    assert check(doctor(provider), "Without a browser").verdict == "ok"
    assert check(examine(provider.issuer), "Without a browser").verdict == "note"


@pytest.mark.parametrize(
    ("metadata", "checked", "words"),
    [
        ({"require_pushed_authorization_requests": True}, "Sign-in request", "PAR"),
        ({"require_signed_request_object": True}, "Sign-in request", "signed"),
        ({"response_types_supported": ["id_token"]}, "Sign-in request", "code"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "Keys", "HS256 only"),
    ],
)
def test_what_no_page_can_do_is_named(provider, metadata, checked, words):
    provider.discovery_response(set=metadata)
    made = check(doctor(provider), checked)
    assert made.verdict == "problem"
    assert words in made.found
    assert made.advice


def test_a_client_that_must_prove_a_key_is_named(provider):
    provider.fault("token", "status", status=400, body={"error": "use_dpop_nonce"})
    made = check(doctor(provider), "Client")
    assert (made.verdict, "DPoP" in made.found) == ("problem", True)


def test_where_refreshing_works_without_nobody_is_sent_for_offline_access(provider):
    provider.discovery_response(set={"scopes_supported": ["openid", "offline_access"]})
    made = check(doctor(provider), "Staying signed in")
    assert (made.verdict, made.advice) == ("ok", None)


def test_a_provider_that_hangs_is_said_to_hang(provider, monkeypatch):
    for module in ("provider_checks", "client_checks", "cors"):
        monkeypatch.setattr(f"oidc_widget.diagnosis.{module}._TIMEOUT", 0.3)
    monkeypatch.setattr("oidc_widget.oauth.token_endpoint._TIMEOUT", 0.3)
    provider.fault("token", "hang")
    report = doctor(provider)
    assert "did not answer within" in check(report, "Token endpoint").found
    assert check(report, "CORS, token endpoint").verdict == "unknown"
    assert check(report, "Clock").verdict == "ok"
    provider.fault("discovery", "hang")
    (only,) = [one for one in doctor(provider) if one.verdict == "problem"]
    assert (only.checked, "did not answer within" in only.found) == ("Discovery", True)


def test_a_relayed_client_is_not_asked_for_the_secret_that_the_server_has(provider):
    request = {
        "authority": provider.issuer,
        "client_id": "confidential",
        "redirect_uri": REDIRECT_URI,
        "scopes": ["openid"],
        "relay": True,
    }
    with open_client() as client:
        report = Report(ProviderChecks(client, request).run(origin="http://localhost:8888"))
    assert report.ok
    assert not [one for one in report if one.checked.startswith("CORS")]
    assert provider.requests("token") == []


JUPYTER = "http://localhost:8888"


@pytest.mark.parametrize(
    ("jupyter", "callback"),
    [
        (JUPYTER, f"{JUPYTER}/oidc-widget/callback"),
        (f"{JUPYTER}/", f"{JUPYTER}/oidc-widget/callback"),
        (f"{JUPYTER}/lab?token=x", f"{JUPYTER}/oidc-widget/callback"),
        (
            "https://hub.example.com/user/alice/lab/tree/a.ipynb#x",
            "https://hub.example.com/user/alice/oidc-widget/callback",
        ),
        ("https://example.com/labs/tree", "https://example.com/labs/oidc-widget/callback"),
        ("https://example.com/base/notebooks/a/lab/b.ipynb", "https://example.com/base/oidc-widget/callback"),
        ("https://hub.example.com/services/", "https://hub.example.com/services/oidc-widget/callback"),
    ],
)
def test_the_callback_of_a_jupyter_server_follows_from_the_address_of_any_of_its_pages(jupyter, callback):
    assert callback_of(jupyter) == callback


@pytest.mark.parametrize("jupyter", ["localhost:8888", "", "ftp://x", "http://[", "http://x:y"])
def test_what_is_no_address_of_a_server_is_refused(jupyter, capsys):
    assert main(["doctor", "https://idp.example.com", "--jupyter", jupyter]) == 2
    assert "--jupyter" in capsys.readouterr().err


def test_both_addresses_are_told(provider, capsys):
    main(["doctor", provider.issuer, "--jupyter", JUPYTER])
    printed = capsys.readouterr().out
    assert f"Redirect, configured       {JUPYTER}/oidc-widget/callback\n" in printed
    own = own_address(f"{JUPYTER}/oidc-widget/callback", provider.issuer)
    assert f"Redirect, not configured   {own}\n" in printed


def test_of_both_addresses_one_is_enough(provider):
    own = own_address(REDIRECT_URI, provider.issuer)

    def verdicts(*registered):
        provider.configure(redirect_uris=[*registered])
        report = examine(provider.issuer, client_id="notebooks", jupyter=JUPYTER)
        names = ("Redirect, configured", "Redirect, not configured")
        return [check(report, name).verdict for name in names]

    assert verdicts(REDIRECT_URI, own) == ["ok", "ok"]
    assert verdicts(REDIRECT_URI) == ["ok", "note"]
    assert verdicts(own) == ["note", "ok"]
    assert verdicts("http://localhost:1/") == ["problem", "problem"]


def test_the_address_of_before_is_recognised_and_the_one_to_register_is_named(provider):
    own = own_address(REDIRECT_URI, provider.issuer)
    made = check(doctor(provider, redirect_uri=own), "Redirect address")
    assert made.verdict == "problem"
    assert f"{REDIRECT_URI} is registered" in made.advice
    assert f"Register {own}," in made.advice


def test_a_server_without_the_extension_is_named(provider):
    made = check(examine(provider.issuer, client_id="notebooks", jupyter=provider.issuer), "Callback page")
    assert (made.verdict, "Install oidc-widget" in made.advice) == ("problem", True)
