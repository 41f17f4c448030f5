"""JupyterLab's own editor for the settings: what it makes of the schema, and a provider typed in there.

Pictures of it are in `test-results/screenshots/` after a run.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from signing_in import sign_in_at
from test_sidebar import THEMES, rows_of

pytestmark = pytest.mark.own_page


@pytest.mark.parametrize("theme", THEMES)
def test_a_provider_is_typed_in_there_field_by_field(lab, provider, output_path, theme):
    folder = Path(output_path).parent / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    lab.server.set_settings("@jupyterlab/apputils-extension:themes", {"theme": THEMES[theme]})
    lab.open()
    sidebar = lab.sidebar("Sign-ins")
    sidebar.get_by_role("button", name="Add a provider").click()
    form = lab.page.get_by_role("group", name="Sign-ins")
    form.get_by_role("button", name="Add item").press("Enter")
    entry = form.get_by_role("group", name="Provider")
    titles = ["Authority", "Client ID", "Label", "Scopes", "Resource", "Audience", "Redirect address"]
    expect(entry.get_by_role("heading")).to_have_text(titles)
    expect(entry.get_by_role("group")).to_have_accessible_name("More parameters")
    expect(form).not_to_contain_text(re.compile(r"providers-\d|extra_params|client_id|redirect_uri"))
    typing = lab.page.keyboard
    entry.get_by_role("textbox").first.focus()
    typing.type(provider.issuer)
    typing.press("Tab")
    typing.type("notebooks")
    typing.press("Tab")
    typing.type("Corp")
    expect(rows_of(sidebar).get_by_role("button", name=sign_in_at(provider))).to_be_visible()
    expect(rows_of(sidebar)).to_contain_text("Corp")
    expect(form).not_to_contain_text("required")
    lab.page.screenshot(path=folder / f"settings-{theme}.png", animations="disabled")
