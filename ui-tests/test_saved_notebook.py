"""A notebook that was saved with a sign-in in it, and is opened when its kernel is gone."""

from __future__ import annotations

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
