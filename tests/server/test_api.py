"""``GET oidc-widget/api/providers``: what a real server tells browsers of its configuration."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from oidc_widget.server.extension import _leave_untracked

SECRET = "obvious-test-secret"
REDIRECT_URI = "https://hub.example.com/services/oidc-widget/callback"


@pytest.fixture(scope="module")
def configured(start_server, tmp_path_factory):
    secret_file = tmp_path_factory.mktemp("secrets") / "git"
    secret_file.write_text(SECRET)
    providers = {
        "corp": {
            "label": "Corp",
            "authority": "https://idp.example.com",
            "client_id": "notebooks",
            "client_secret_env": "CORP_SECRET",
        },
        "wrong": {"authority": "https://idp.example.com", "client_secret": "literal-secret"},
        "git": {
            "oidc": False,
            "client_id": "hub",
            "client_secret_file": str(secret_file),
            "authorization_endpoint": "https://git.example.com/authorize",
            "token_endpoint": "https://git.example.com/token",
        },
    }
    return start_server(
        config={"OIDCWidget": {"providers": providers}},
        env={"CORP_SECRET": SECRET, "OIDC_WIDGET_REDIRECT_URI": REDIRECT_URI},
    )


@pytest.fixture
def answer(configured):
    with configured.client() as client:
        return client.get("api/providers")


def test_the_providers_are_listed_in_order_and_without_secrets(answer):
    listed = answer.json()
    assert answer.status_code == 200
    assert [provider["name"] for provider in listed["providers"]] == ["corp", "git"]
    assert listed["providers"][0]["label"] == "Corp"
    assert listed["providers"][0]["relay"] is True
    assert SECRET not in answer.text
    assert "CORP_SECRET" not in answer.text


def test_the_redirect_address_of_the_hub_is_passed_on(answer):
    assert answer.json()["redirect_uri"] == REDIRECT_URI


def test_without_configuration_there_is_an_empty_list(server):
    with server.client() as client:
        assert client.get("api/providers").json() == {"redirect_uri": None, "providers": []}


def test_a_wrong_entry_is_told_in_the_log_without_its_value(configured):
    assert "c.OIDCWidget.providers['wrong']['client_id']: is missing." in configured.log
    assert "This provider is left out" in configured.log
    assert "literal-secret" not in configured.log
    assert SECRET not in configured.log


def test_only_signed_in_users_are_answered(configured):
    with configured.client(signed_in=False) as client:
        answer = client.get("api/providers")
    assert answer.status_code == 403
    assert answer.json()["error"] == "not_signed_in_to_jupyter"


def test_a_server_that_is_open_by_default_is_no_more_open_here(start_server):
    headers = {"Content-Security-Policy": "frame-ancestors *", "Cache-Control": "public"}
    open_server = start_server(
        config={
            "ServerApp": {
                "allow_unauthenticated_access": True,
                "tornado_settings": {"headers": headers},
            }
        }
    )
    with open_server.client(signed_in=False) as client:
        xsrf = {"Cookie": "_xsrf=test", "X-XSRFToken": "test"}
        form = {"grant_type": "refresh_token", "refresh_token": "test"}
        for answer in (
            client.get("api/providers"),
            client.get("api/providers/corp/metadata"),
            client.post("api/providers/corp/token", data=form, headers=xsrf),
            client.post("api/providers/corp/revoke", data=form, headers=xsrf),
        ):
            assert answer.status_code == 403
            assert answer.json()["error"] == "not_signed_in_to_jupyter"
        for answer in client.get("callback"), client.get("api/providers"):
            assert answer.headers["Cache-Control"] == "no-store"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "*" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("signed_in", [True, False])
def test_every_answer_has_the_security_headers(configured, signed_in):
    with configured.client(signed_in=signed_in) as client:
        headers = client.get("api/providers").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Content-Type"].startswith("application/json")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc to look into")
def test_kernels_do_not_inherit_the_secret(configured):
    jupyter = configured.jupyter
    headers = {"Authorization": f"token {jupyter.token}"}
    with httpx.Client(base_url=jupyter.url, headers=headers, trust_env=False) as client:
        kernel = client.post("api/kernels", json={"name": "python3"}).json()["id"]
        processes = environments_of(f"kernel-{kernel}.json")
        client.delete(f"api/kernels/{kernel}")
    assert processes
    for environ in processes:
        assert b"OIDC_WIDGET_REDIRECT_URI" in environ
        assert b"CORP_SECRET" not in environ


def environments_of(argument):
    """Return what processes with this in their command line were given as environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may end meanwhile
            if argument in (process / "cmdline").read_text():
                found.append((process / "environ").read_bytes())
    return found


def test_what_browsers_do_by_themselves_is_no_activity_of_the_server(configured):
    def last_activity():
        return status.get(f"{configured.jupyter.url}api/status").json()["last_activity"]

    with configured.client() as client, configured.client() as status:
        before = last_activity()
        renewal = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "notebooks"}
        assert client.post("api/providers/corp/token", data=renewal).json()["error"]
        waiting = {"browser": "a", "working": None}
        assert client.post("api/terminal-token/next", json=waiting).json()["error"]
        assert last_activity() == before
        # A page that nobody looks at has the next sign-in ready every five minutes.
        assert client.get("api/providers").is_success
        client.get("api/providers/corp/metadata")
        assert last_activity() == before
        status.get(f"{configured.jupyter.url}api/contents")
        assert last_activity() > before


def test_what_goes_to_kernels_by_itself_is_left_out_of_what_servers_and_pages_count(start_server):
    extensions = {"oidc_widget": True, "jupyterlab": True}
    lab = start_server(config={"ServerApp": {"jpserver_extensions": extensions}})
    with lab.client() as client:
        page = client.get(f"{lab.jupyter.url}lab").text
    [untracked] = re.findall(r'"untracked_message_types": (\[[^\]]*\])', page)
    ours = {"oidc_widget_deliver", "oidc_widget_deliver_reply"}
    assert {"debug_request", *ours} <= set(json.loads(untracked))


def test_a_server_that_leaves_no_type_out_is_left_as_it_is():
    older = SimpleNamespace(kernel_manager=SimpleNamespace(), web_app=SimpleNamespace(settings={}))
    _leave_untracked(older)
    assert (vars(older.kernel_manager), older.web_app.settings) == ({}, {})
