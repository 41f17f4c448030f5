"""The client that docs/providers/keycloak.md has an administrator register, setting by setting."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lab import Lab
from login_form import KeycloakForm
from oidc_widget.oauth.callback_address import own_address
from providers.keycloak import provide
from signing_in import expect_kernel, login_cell, sign_in

PAGE = Path(__file__).parents[2] / "docs/providers/keycloak.md"
DEVICE_FLOW = "oauth2.device.authorization.grant.enabled"
HOST, ISSUER = "https://notebooks.example.com", "https://sso.example.com/realms/main"


def documented():
    """Return the table's settings."""
    return dict(re.findall(r"^\| \*([^|]+)\* \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE))


def register(keycloak, jupyter):
    """Register what the table says, for this server and this issuer."""
    table = documented()
    shared, own = re.findall("`(.+?)`", table["Valid redirect URIs"])
    assert own == own_address(shared, ISSUER)
    callback = shared.replace(HOST, jupyter.origin)
    assert callback == jupyter.redirect_uri
    keycloak.register(
        table["Client ID"].strip("`"),
        publicClient=table["Client authentication"] == "off",
        standardFlowEnabled="*Standard flow*" in table["Authentication flow"],
        redirect_uris=[callback, own_address(callback, keycloak.issuer)],
        origins=[
            origin.replace(HOST, jupyter.origin) for origin in re.findall("`(.+?)`", table["Web origins"])[:1]
        ],
        attributes={
            **({DEVICE_FLOW: "true"} if "Device Authorization Grant" in table["Authentication flow"] else {}),
            "pkce.code.challenge.method": table["PKCE Method"],
        },
    )


@pytest.fixture
def configured(page, start_jupyter, bare_keycloak):
    entry = {"label": "Main", "authority": bare_keycloak.issuer, "client_id": "notebooks"}
    page.set_default_timeout(30_000)
    return Lab(page, start_jupyter(config={"OIDCWidget": {"providers": {"main": entry}}}))


def test_the_settings_are_called_so_in_the_admin_console():
    [archive] = provide()[0].glob("lib/lib/main/org.keycloak.keycloak-admin-ui-*.jar")
    with zipfile.ZipFile(archive) as files:
        messages = files.read("theme/keycloak.v2/admin/messages/messages_en.properties").decode()
    shown = set(re.findall(r"^\w+=(.+)$", messages, re.MULTILINE))
    table = documented()
    flows = re.findall(r"\*(.+?)\*", table["Authentication flow"])
    assert {*table, *flows} - shown == set()


def test_it_serves_notebooks_that_name_the_provider(lab, bare_keycloak, jupyter):
    register(bare_keycloak, jupyter)
    nb = lab.notebook([login_cell(bare_keycloak)])
    nb.run(0)
    sign_in(nb, form=KeycloakForm)
    nb.execute("before = w.access_token; w.refresh()")
    expect_kernel(nb, "w.access_token not in (None, before), w.error", (True, None))
    nb.region.get_by_role("button", name="Sign out", exact=True).click()
    expect_kernel(nb, "w.status", "signed_out")
    bare_keycloak.wait_for_sessions([])


def test_it_serves_a_configured_provider(configured, bare_keycloak):
    register(bare_keycloak, configured.server)
    nb = configured.notebook(['from oidc_widget import OIDCLogin\nw = OIDCLogin(provider="main")\nw'])
    nb.run(0)
    sign_in(nb, button="Sign in to Main", form=KeycloakForm)
    expect_kernel(nb, "w.status, w.error", ("signed_in", None))
    assert nb.execute("print(w.redirect_uri)") == configured.server.redirect_uri


def test_it_serves_where_there_is_no_window(lab, bare_keycloak, jupyter):
    register(bare_keycloak, jupyter)
    nb = lab.notebook([login_cell(bare_keycloak, flow="device")])
    nb.run(0)
    nb.region.get_by_role("button", name="Sign in").click()
    expect(nb.region.locator("code")).to_have_text(re.compile("[A-Z]{4}-[A-Z]{4}"))
