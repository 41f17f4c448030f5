"""Tokens reach the kernel at once: while a cell runs, whatever observers do, and without the labextension."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from notebook_page import CellError
from signing_in import expect_kernel, login_cell, sign_in

KERNELS = ["python3", "ipykernel6"]

BLOCKING = """
import time
print("blocking")
while w.access_token is None:
    time.sleep(0.02)
print(w.status, w.claims["name"])
"""

RENEWING = """
import time
before = w.access_token
w.refresh()
while w.access_token == before:
    time.sleep(0.02)
"""

WORKING = """
print("working")
while True:
    time.sleep(0.02)
"""

OBSERVED = """
import threading
seen, gate = [], threading.Event()
def slow(change):
    seen.append(change.new)
    print("slow saw token", len(seen))
    gate.wait()
def raising(change):
    raise RuntimeError(f"a mistake, made {len(seen)} times")
w.observe(slow, "access_token")
w.observe(raising, "access_token")
w
"""


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_token_arrives_while_a_cell_blocks(lab, provider, kernel):
    nb = lab.notebook([login_cell(provider), BLOCKING], kernel=kernel)
    nb.run(0)
    nb.start(1)
    expect(nb.cell(1)).to_contain_text("blocking")
    sign_in(nb)
    assert nb.finish(1) == "blocking\nsigned_in Alice Adams"


#: Writes each token's arrival down, for who can't ask the kernel without being its activity.
NOTED = """
import pathlib, time
arrived = pathlib.Path("arrived.txt")
w.observe(lambda change: change.new and arrived.open("a").write("token\\n"), "access_token")
w
"""


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_token_is_no_activity_of_the_kernel_that_is_shown_or_counted(lab, provider, kernel):
    provider.configure(access_token_ttl=5)
    nb = lab.notebook([login_cell(provider) + NOTED, WORKING], kernel=kernel)
    nb.run(0)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    arrived = lab.server.root / "arrived.txt"

    def wait_for_renewals(count):
        before = arrived.stat().st_size
        while arrived.stat().st_size < before + count * len("token\n"):
            nb.page.wait_for_timeout(100)

    def of_the_server(what):
        sessions = nb.page.evaluate("async () => (await fetch('/api/sessions')).json()")
        return next(session["kernel"][what] for session in sessions if session["path"] == nb.path)

    wait_for_renewals(1)
    before = of_the_server("last_activity")
    wait_for_renewals(2)
    assert of_the_server("last_activity") == before
    nb.start(1)
    expect(nb.cell(1)).to_contain_text("working")
    wait_for_renewals(2)
    assert of_the_server("execution_state") == "busy"
    assert nb.status() == "busy"
    nb.interrupt_kernel()
    with pytest.raises(CellError, match="KeyboardInterrupt"):
        nb.finish(1)


@pytest.mark.parametrize("kernel", KERNELS)
def test_observers_hear_of_each_token_once_and_hold_nothing_up(lab, provider, kernel):
    nb = lab.notebook([login_cell(provider) + OBSERVED, RENEWING, WORKING], kernel=kernel)
    nb.run(0)
    sign_in(nb)
    # What an observer prints is where a person looks: under the cell that made the widget.
    expect(nb.cell(0)).to_contain_text("slow saw token 1")
    nb.run(1)  # the next token comes while the observer of the first one still waits, and while a cell runs
    nb.start(2)
    expect(nb.cell(2)).to_contain_text("working")
    nb.interrupt_kernel()
    with pytest.raises(CellError, match="KeyboardInterrupt"):
        nb.finish(2)
    nb.execute("gate.set()")
    expect(nb.cell(0)).to_contain_text("slow saw token 2")
    # One that raises is shown, and stops nobody.
    expect(nb.cell(0)).to_contain_text("RuntimeError: a mistake, made 2 times")
    issued = [secret.value for secret in provider.secrets("access_token")]
    assert len(issued) == 2
    expect_kernel(nb, "seen", issued)


@pytest.mark.own_page
def test_the_widgets_own_comm_delivers_where_there_is_no_labextension(lab, provider, jupyter):
    page_config = jupyter.root.parent / "config/labconfig/page_config.json"
    page_config.write_text(json.dumps({"disabledExtensions": {"oidc-widget": True}}))
    try:
        nb = lab.notebook([login_cell(provider), "w.access_token is not None, w.status"])
        assert not lab.page.evaluate("jupyterapp.hasPlugin('oidc-widget:delivery')")
        nb.run(0)
        sign_in(nb)
        expect_kernel(nb, "w.status", "signed_in")
        assert nb.run(1) == "(True, 'signed_in')"
        nb.region.get_by_role("button", name="Sign out", exact=True).click()
        expect_kernel(nb, "w.status, w.access_token", ("signed_out", None))
    finally:
        page_config.unlink()


@pytest.mark.own_page
def test_a_kernel_that_takes_another_ones_ids_gets_nothing_of_it(lab, provider):
    """A copied notebook, or one that lies: its widget has the very id of a widget in another kernel."""
    lab.server.set_settings("oidc-widget:sign-ins", {"confirmSharing": True})
    first = lab.notebook([login_cell(provider)])
    first.run(0)
    sign_in(first)
    expect_kernel(first, "w.status", "signed_in")
    identity = first.execute("print(w._link_id)")
    forged = f"""
import uuid
from types import SimpleNamespace
from unittest.mock import patch
with patch('oidc_widget.login.uuid', SimpleNamespace(uuid4=lambda: uuid.UUID({identity!r}))):
    """
    made = login_cell(provider).replace("\nw = ", f"{forged}w = ")
    other = lab.notebook([made])
    other.run(0)
    expect(other.region.get_by_role("button", name="Use session of Alice Adams")).to_be_visible()
    assert other.execute("print(w._link_id)") == identity
    # The next token of the first one, too, goes to the kernel that asked for it.
    first.execute("before = w.access_token; w.refresh()")
    expect_kernel(first, "w.access_token not in (None, before)", True)
    assert other.execute("w.access_token, w.status") == "(None, 'signed_out')"
