"""The sidebar `Sign-ins`: providers and sessions, and what a person does with them.

Pictures of its states are in `test-results/screenshots/` after a run.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

import leak_search
from lab import Lab
from login_form import LoginForm
from signing_in import expect_kernel, login_cell, sign_in, sign_in_at

pytestmark = pytest.mark.own_page

SETTINGS = "oidc-widget:sign-ins"
#: What is wider than its place.
CUT = """(panel) => [...panel.querySelectorAll('button, [role=status], [role=alert], .oidc-row-title')]
  .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .filter((node) => getComputedStyle(node).display !== 'inline')
  .map((node) => node.textContent)"""
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def corp(provider, **more):
    return {"label": "Corp", "authority": provider.issuer, "client_id": provider.client_id, **more}


def sign_in_from(row, page, login="alice", button="Sign in"):
    with page.expect_popup() as popup:
        row.get_by_role("button", name=button).click()
    LoginForm(popup.value).sign_in(login)


def rows_of(panel):
    return panel.get_by_role("listitem")


@pytest.fixture
def pictures(output_path):
    folder = Path(output_path).parent / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_signing_in_before_any_cell_runs(lab, provider):
    lab.server.set_settings(SETTINGS, {"providers": [corp(provider)]})
    nb = lab.notebook(["1"])
    panel = lab.sidebar("Sign-ins")
    row = rows_of(panel)
    expect(row).to_have_count(1)
    sign_in_from(row, lab.page)
    expect(row).to_contain_text("Signed in as Alice Adams")
    row.get_by_role("button", name="Insert code").click()
    expect(nb.cell(1)).to_be_in_viewport()
    nb.run(1)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    nb.add("token = w.wait(10); w.claims['name']")
    assert nb.run(2) == "'Alice Adams'"
    # What uses the session is listed, and a click goes there.
    lab.notebook(["2"])
    row.get_by_role("button", name=f"Go to {nb.path}").click()
    expect(nb.region).to_be_visible()
    row.get_by_role("button", name="Sign out", exact=True).click()
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))
    expect(rows_of(panel).first.get_by_role("button", name=sign_in_at(provider))).to_be_visible()


def test_a_session_from_a_notebook_is_listed(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    row = rows_of(lab.sidebar("Sign-ins"))
    expect(row).to_contain_text("Signed in as Alice Adams")
    expect(row.get_by_role("button", name=f"Go to {nb.path}")).to_be_visible()
    row.get_by_role("button", name="Sign out", exact=True).click()
    expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))


def test_a_second_account_has_a_row_of_its_own(lab, provider):
    lab.server.set_settings(SETTINGS, {"providers": [corp(provider)]})
    lab.open()
    panel = lab.sidebar("Sign-ins")
    sign_in_from(rows_of(panel), lab.page)
    alice = rows_of(panel).filter(has_text="Alice Adams")
    sign_in_from(alice, lab.page, "bob", button="Add account")
    expect(rows_of(panel).filter(has_text="Signed in as Bob Brown")).to_have_count(1)
    expect(rows_of(panel).filter(has_text="Signed in as Alice Adams")).to_have_count(1)
    expect(rows_of(panel)).to_have_count(2)


def test_inserted_code_signs_in_with_the_account_of_its_row(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    panel = lab.sidebar("Sign-ins")
    alice = rows_of(panel).filter(has_text="Alice Adams")
    sign_in_from(alice, lab.page, "bob", button="Add account")
    expect(rows_of(panel).filter(has_text="Signed in as Bob Brown")).to_have_count(1)
    alice.get_by_role("button", name="Insert code").click()
    nb.run(1)
    expect(nb.cell(1)).to_contain_text("Signed in as Alice Adams")


def test_the_palette_has_the_same_actions(lab, provider):
    lab.server.set_settings(SETTINGS, {"providers": [corp(provider)]})
    nb = lab.notebook(["1"])
    lab.command("oidc-widget:show")
    expect(rows_of(lab.page.get_by_role("region", name="Sign-ins"))).to_have_count(1)
    with lab.page.expect_popup() as popup:
        lab.command("oidc-widget:sign-in")
    LoginForm(popup.value).sign_in("alice")
    expect(lab.page.get_by_text("Signed in as Alice Adams")).to_be_visible()
    lab.command("oidc-widget:insert-code")
    nb.run(1)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    lab.command("oidc-widget:sign-out")
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()


def test_it_stands_in_notebook_7_too(page, start_jupyter, start_provider, pictures):
    jupyter = start_jupyter(app="notebook")
    provider = start_provider()
    provider.configure(redirect_uris=jupyter.redirect_uris(provider.issuer))
    jupyter.set_settings(SETTINGS, {"providers": [corp(provider)]})
    page.set_default_timeout(30_000)
    lab = Lab(page, jupyter)
    (jupyter.root / "seven.ipynb").write_text(
        '{"nbformat": 4, "nbformat_minor": 5, "cells": [],'
        ' "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}}'
    )
    page.goto(jupyter.address("notebooks/seven.ipynb"))
    lab.wait()
    lab.command("oidc-widget:show")
    panel = page.get_by_role("region", name="Sign-ins")
    sign_in_from(rows_of(panel), page)
    expect(rows_of(panel)).to_contain_text("Signed in as Alice Adams")
    page.screenshot(path=pictures / "notebook7-sidebar.png", animations="disabled")


def test_no_secret_is_left_behind_with_the_sidebar_refreshes_and_two_tabs(lab, provider, jupyter):
    lab.server.set_settings("@jupyter-widgets/jupyterlab-manager:plugin", {"saveState": True})
    lab.server.set_settings(SETTINGS, {"providers": [corp(provider)]})
    provider.configure(access_token_ttl=6)
    first = lab.notebook([login_cell(provider)])
    lab.sidebar("Sign-ins")
    other = lab.another_tab()
    second = other.notebook([login_cell(provider)])
    other.sidebar("Sign-ins")
    first.run(0)
    sign_in(first)
    second.run(0)
    for nb in (first, second):
        expect_kernel(nb, "w.status", "signed_in")
        nb.execute("before = w.access_token")
        expect_kernel(nb, "w.access_token not in (None, before)", True)
    secrets = provider.secrets()
    assert len([secret for secret in secrets if secret.kind == "refresh_token"]) > 1
    for nb in (first, second):
        nb.save()
        assert leak_search.found(secrets, leak_search.places(nb, jupyter)) == []
        assert leak_search.found_in_globals(secrets, nb) == []


@pytest.mark.parametrize("theme", THEMES)
def test_how_it_looks(lab, provider, pictures, theme):
    """Empty, one provider, two sessions, expired, error; a person looks at the pictures."""
    lab.server.set_settings("@jupyterlab/apputils-extension:themes", {"theme": THEMES[theme]})
    lab.open()
    panel = lab.sidebar("Sign-ins")

    def picture(state):
        lab.page.mouse.move(600, 600)
        panel.screenshot(path=pictures / f"sidebar-{theme}-{state}.png", animations="disabled")

    expect(panel.get_by_role("button", name="Add a provider")).to_be_visible()
    picture("empty")
    lab.server.set_settings(
        SETTINGS,
        {
            "providers": [
                corp(provider),
                {**corp(provider), "label": "Nobody", "authority": "http://127.0.0.1:9"},
            ]
        },
    )
    lab.reload()
    panel = lab.sidebar("Sign-ins")
    expect(panel.get_by_role("alert").filter(has_text="127.0.0.1:9")).to_be_visible()
    picture("provider-and-error")
    row = rows_of(panel).filter(has_text="Corp")
    provider.configure(access_token_ttl=600)
    sign_in_from(row, lab.page)
    expect(row).to_contain_text("Signed in as Alice Adams")
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    expect(row.get_by_role("button", name=f"Go to {nb.path}")).to_be_visible()
    sign_in_from(row, lab.page, "bob", button="Add account")
    expect(row).to_have_count(2)
    expect(row.filter(has_text="Bob Brown")).to_have_count(1)
    picture("two-sessions")
    provider.revoke("bob")
    provider.revoke("alice")
    nb.execute("w.refresh()")
    expect(row.filter(has_text="Signed out by the provider")).to_have_count(1)
    picture("expired")
    lab.page.mouse.move(600, 600)
    panel.evaluate("(panel) => { panel.style.minWidth = panel.style.width = '160px'; }")
    assert panel.bounding_box()["width"] == 160
    assert panel.evaluate(CUT) == []
    picture("narrow")
    ended = row.filter(has_text="Signed out by the provider")
    ended.get_by_role("button", name="Dismiss").click()
    expect(ended).to_have_count(0)
