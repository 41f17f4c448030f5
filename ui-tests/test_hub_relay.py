"""A JupyterHub's own providers: the secret is with the Hub, and on nobody's server."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from playwright.sync_api import expect

from hub import PASSWORD, USERS, Hub
from lab import Lab
from providers.oidc_provider import OidcProvider
from signing_in import expect_kernel, sign_in

SECRET = OidcProvider.confidential.client_secret
FORM = {"grant_type": "refresh_token", "refresh_token": "obvious-test-value"}


@pytest.fixture(scope="module")
def corp(tmp_path_factory):
    log_file = tmp_path_factory.mktemp("corp") / "provider.log"
    with log_file.open("w") as log, OidcProvider(log, consent="skip") as provider:
        yield provider


@pytest.fixture(scope="module")
def corp_hub(corp, tmp_path_factory):
    """A Hub with a provider whose client secret is in its environment; everybody's server runs."""
    settings = {
        "label": "Corp",
        "authority": corp.issuer,
        "client_id": corp.confidential.client_id,
        "client_secret_env": "CORP_SECRET",
    }
    hub = Hub(
        tmp_path_factory.mktemp("hub"),
        base_url="/some/hub/",
        providers={"corp": settings, "wrong": {**settings, "client_secret": "literal"}},
        env={"CORP_SECRET": SECRET},
    )
    with contextlib.closing(hub):
        hub.start_servers(USERS)
        corp.configure(redirect_uris=[hub.redirect_uri])
        yield hub


def test_a_user_signs_in_with_the_hub_s_secret_and_never_has_it(corp, corp_hub, page, evidence):
    evidence.watch_log(corp_hub.log)
    page.set_default_timeout(30_000)
    page.goto(f"{corp_hub.url}hub/login")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{corp_hub.user_url('alice')}**")
    nb = Lab(page, corp_hub.server("alice")).notebook(
        ['from oidc_widget import OIDCLogin\nw = OIDCLogin(provider="corp")\nw']
    )
    nb.run(0)
    sign_in(nb, button="Sign in to Corp")
    expect(nb.region.get_by_role("status")).to_contain_text("Signed in as Alice Adams")
    expect_kernel(nb, "w.status, w.access_token is not None", ("signed_in", True))
    assert SECRET not in nb.execute("import os; print(dict(os.environ))")
    for secret in corp.secrets("code", "state", "code_verifier", "access_token", "refresh_token"):
        assert secret.value not in corp_hub.logged(), f"{secret.kind} in a log"
    assert SECRET not in corp_hub.logged()


@pytest.fixture
def environments(corp_hub):
    """What Alice's processes were given as environment."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("there is no /proc to look into")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may end meanwhile
            environ = (process / "environ").read_bytes().decode(errors="replace")
            if "JUPYTERHUB_USER=alice\0" in environ and str(corp_hub.log.parent) in environ:
                found.append(dict(one.partition("=")[::2] for one in environ.split("\0")))
    assert found
    return found


def test_the_secret_is_in_no_process_of_a_user(environments):
    for environ in environments:
        assert "OIDC_WIDGET_HUB_URL" in environ
        assert SECRET not in environ.values()


def test_the_service_answers_users_servers_alone(corp, corp_hub):
    path = "services/oidc-widget/api/providers"
    corp.forget()
    for headers in ({}, {"Authorization": "token wrong"}, {"Authorization": "Basic YTpi"}):
        answer = corp_hub.request("GET", path, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"] == "not_signed_in_to_jupyter"
        answer = corp_hub.request("POST", f"{path}/corp/token", headers=headers, data=FORM)
        assert answer.status_code == 403
    assert corp.requests("token") == []


def test_what_users_servers_are_told_has_no_secret(corp_hub, environments):
    headers = {"Authorization": f"token {environments[0]['JUPYTERHUB_API_TOKEN']}"}
    answer = corp_hub.request("GET", "services/oidc-widget/api/providers", headers=headers)
    assert [provider["name"] for provider in answer.json()["providers"]] == ["corp"]
    assert "secret" not in answer.text.lower()
    assert answer.headers["Cache-Control"] == "no-store"
    answer = corp_hub.request(
        "POST", "services/oidc-widget/api/providers/corp/token", headers=headers, data=FORM
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    answer = corp_hub.request(
        "POST", "services/oidc-widget/api/providers/nobody/token", headers=headers, data=FORM
    )
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_provider")


def test_nobody_redeems_a_code_that_came_to_somebody_elses_server(corp, corp_hub):
    token = corp_hub.api("POST", "users/bob/tokens").json()["token"]
    corp.forget()
    form = {"grant_type": "authorization_code", "code": "overheard", "code_verifier": "v" * 43}
    for name, refused in (("alice", "invalid_request"), ("bob", "invalid_grant")):
        answer = corp_hub.request(
            "POST",
            "services/oidc-widget/api/providers/corp/token",
            headers={"Authorization": f"token {token}"},
            data={**form, "redirect_uri": f"{corp_hub.user_url(name)}oidc-widget/callback"},
        )
        assert (answer.status_code, answer.json()["error"]) == (400, refused)
        assert len(corp.requests("token")) == (name == "bob")


def test_a_wrong_entry_is_told_in_the_hub_s_log(corp_hub):
    assert "c.OIDCWidget.providers['wrong']['client_secret']" in corp_hub.logged()
    assert 'literal"' not in corp_hub.logged()
