"""One sign-in serves all: views, widgets, notebooks and tabs of one browser agree with each other."""

from __future__ import annotations

from playwright.sync_api import expect

from login_form import LoginForm
from signing_in import expect_kernel, login_cell, open_popup, sign_in

#: What another person's browser sends, over the control channel (`oidc_widget_deliver`).
DELIVER = """async ([linkId, event, payload]) => {
  const {kernel} = jupyterapp.shell.currentWidget.sessionContext.session;
  const header = {
    msg_id: crypto.randomUUID(), msg_type: 'oidc_widget_deliver', session: kernel.clientId,
    username: '', date: new Date().toISOString(), version: '5.3',
  };
  const content = {link_id: linkId, event, payload};
  const message = {header, parent_header: {}, metadata: {}, content, channel: 'control', buffers: []};
  const reply = await kernel.sendControlMessage(message, true, true).done;
  return reply.content.status;
}"""


def region(nb, cell):
    return nb.cell(cell).get_by_role("region", name="OIDC sign-in")


def test_two_widgets_share_one_session(lab, provider):
    nb = lab.notebook([login_cell(provider), login_cell(provider, name="v")])
    nb.run_all()
    sign_in(nb, region=region(nb, 0))
    expect(region(nb, 1)).to_contain_text("Signed in as Alice Adams")
    expect_kernel(
        nb, "w.status, v.status, w.access_token == v.access_token", ("signed_in", "signed_in", True)
    )
    assert len(provider.requests("token")) == 1
    region(nb, 1).get_by_role("button", name="Sign out", exact=True).click()
    expect(region(nb, 0).get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(nb, "w.status, v.status", ("signed_out", "signed_out"))
    expect_kernel(nb, "w.access_token, v.access_token", (None, None))


def test_a_widget_that_came_after_the_sign_in_hears_of_the_sign_out(lab, provider):
    nb = lab.notebook([login_cell(provider), login_cell(provider, name="v")])
    nb.run(0)
    sign_in(nb)
    nb.run(1)
    expect(region(nb, 1)).to_contain_text("Signed in as Alice Adams")
    region(nb, 0).get_by_role("button", name="Sign out", exact=True).click()
    expect(region(nb, 1).get_by_role("button", name="Sign in")).to_be_visible()
    expect(region(nb, 1)).not_to_contain_text("Signed in as")


def test_two_widgets_that_ask_for_different_apis_have_a_token_each(lab, provider):
    data = "https://data.example.com/"
    nb = lab.notebook([login_cell(provider), login_cell(provider, name="v", resource=data)])
    nb.run_all()
    sign_in(nb, region=region(nb, 0))
    expect_kernel(nb, "w.status", "signed_in")
    with nb.popup() as popup:
        region(nb, 1).get_by_role("button", name="Sign in").click()
    LoginForm(popup.value).allow()
    expect(region(nb, 1)).to_contain_text("Signed in as Alice Adams")
    expect_kernel(
        nb, "v.status, w.status, w.access_token != v.access_token", ("signed_in", "signed_in", True)
    )
    # As the API would read it.
    assert data in nb.execute(
        "import base64; print(base64.urlsafe_b64decode(v.access_token.split('.')[1] + '=='))"
    )


def test_views_of_one_widget_agree(lab, provider):
    nb = lab.notebook([login_cell(provider), "w", "w.status"])
    nb.run_all()
    first, second = region(nb, 0), region(nb, 1)
    open_popup(nb, first)
    expect(second).to_contain_text("Waiting for the sign-in window")
    second.get_by_role("button", name="Cancel").click()
    expect(first.get_by_role("button", name="Sign in")).to_be_visible()
    sign_in(nb, region=second)
    expect(first).to_contain_text("Signed in as Alice Adams")
    first.get_by_role("button", name="Sign out", exact=True).click()
    expect(second.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_notebook_in_another_tab_needs_no_sign_in(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    other = lab.another_tab().notebook([login_cell(provider)])
    other.run(0)
    expect(other.region).to_contain_text("Signed in as Alice Adams")
    expect_kernel(other, "w.status, w.access_token is not None", ("signed_in", True))
    assert len(provider.requests("token")) == 1
    other.region.get_by_role("button", name="Sign out", exact=True).click()
    expect(nb.region.get_by_role("button", name="Sign in")).to_be_visible()
    expect_kernel(nb, "w.status", "signed_out")


def test_two_people_on_one_kernel_see_whose_token_it_holds(lab, provider):
    nb = lab.notebook([login_cell(provider)])
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    link = nb.execute("print(w._link_id)")

    def another_browser_sends(event, **payload):
        sent = {"seq": another_browser_sends.count, "vault": "of another browser", **payload}
        another_browser_sends.count += 1
        assert lab.page.evaluate(DELIVER, [link, event, sent]) == "ok"

    another_browser_sends.count = 1
    another_browser_sends("token", access_token="bobs", expires_in=600, account="Bob Brown", session="bobs")
    expect(nb.region.get_by_role("status")).to_have_text("Signed in as Bob Brown")
    expect(nb.region).to_contain_text("in another browser")
    assert nb.execute("w.access_token") == "'bobs'"
    another_browser_sends("status", status="signed_out", ended=True)
    expect(nb.region).to_contain_text("Alice Adams is signed in in this browser; the kernel has no token")
    assert nb.execute("print(w.access_token)") == "None"
