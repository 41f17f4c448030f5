"""A notebook that was saved with a sign-in in it, and is opened when its kernel is gone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from signing_in import expect_kernel, login_cell, sign_in

SENTENCE = "A sign-in button stood here. Run this cell to sign in"


def test_a_sentence_stands_where_the_widget_is_no_more(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    nb.save()
    nb.restart_kernel()
    lab.reload()
    nb.wait_for_kernel()
    expect(nb.cell(0)).to_contain_text(SENTENCE)
    expect(nb.cell(0)).not_to_contain_text("Error displaying widget")
    nb.run(0)
    expect(nb.region).to_be_visible()
    expect(nb.cell(0)).not_to_contain_text(SENTENCE)


def test_a_restart_takes_the_widget_with_it(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    nb.restart_kernel()
    expect(nb.cell(0)).to_contain_text(SENTENCE)
    expect(nb.region).to_have_count(0)
    nb.run(0)
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect(nb.cell(0)).not_to_contain_text(SENTENCE)


#: Without the option that lets the worker outlive its pages, as in a browser that doesn't have it.
SHORT_LIVED = """
const Worker = window.SharedWorker;
window.SharedWorker = class extends Worker {
  constructor(url, { type, name }) { super(url, { type, name }); }
};
"""


@pytest.mark.own_page
def test_a_session_that_the_reload_ended_is_told_in_one_sentence_everywhere(lab, provider):
    lab.page.add_init_script(SHORT_LIVED)
    lab.server.set_settings(
        "oidc-widget:sign-ins",
        {"providers": [{"authority": provider.issuer, "client_id": provider.client_id}]},
    )
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    nb.save()
    lab.reload()
    nb.wait_for_kernel()
    ended = "The sign-in ended when this page was reloaded"
    expect(nb.region.get_by_role("status")).to_have_text(ended)
    expect(nb.region.get_by_role("button")).to_have_count(1)
    expect(lab.sidebar("Sign-ins").get_by_role("status")).to_have_text(ended)
    nb.region.get_by_role("button", name="Sign in").click()  # the provider knows the person still
    expect(nb.region.get_by_role("status")).to_have_text("Signed in as Alice Adams")


def test_a_second_notebook_on_the_same_kernel_shows_its_widgets_too(lab, provider):
    first = lab.notebook([login_cell(provider)])
    first.run(0)
    kernel = lab.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.id")
    second = lab.notebook(["w"])
    second.activate()
    lab.page.evaluate(
        "(id) => jupyterapp.shell.currentWidget.sessionContext.changeKernel({id}).then(() => {})", kernel
    )
    second.run(0)
    expect(second.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect(second.cell(0)).not_to_contain_text(SENTENCE)
    sign_in(second)
    first.activate()
    expect(first.region).to_contain_text("Signed in as Alice Adams")


def test_a_widget_whose_kernel_runs_on_comes_back_after_a_reload(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    nb.save()
    lab.reload()
    nb.wait_for_kernel()
    expect(nb.region).to_contain_text("Signed in as Alice Adams")
    expect(nb.cell(0)).not_to_contain_text(SENTENCE)
