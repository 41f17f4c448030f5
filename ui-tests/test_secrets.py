"""No secret is left behind: not in the notebook, the page, the log, nor in what the kernel prints."""

from __future__ import annotations

import re
import time

import pytest

import leak_search
from signing_in import expect_kernel, login_cell, sign_in

pytestmark = pytest.mark.own_page

#: A mistake that is easily made: the token is in the state that all clients of the kernel get and save.
SYNCED = """
import copy
import oidc_widget
class OIDCLogin(oidc_widget.OIDCLogin):
    access_token = copy.copy(oidc_widget.OIDCLogin.access_token).tag(sync=True)
w = OIDCLogin(authority={authority!r}, client_id="notebooks")
w.observe(lambda change: w.send_state("access_token"), "access_token")
w
"""

RENEW = "before = w.access_token\nw.refresh()\nwhile w.access_token == before: time.sleep(0.02)"

#: A traceback with the values of all variables.
FAIL = """
get_ipython().run_line_magic("xmode", "Verbose")
def use(login):
    raise RuntimeError("a mistake")
use(w)
"""


@pytest.fixture
def saving(lab):
    """Return a notebook that is saved with the widgets' state."""
    lab.server.set_settings("@jupyter-widgets/jupyterlab-manager:plugin", {"saveState": True})
    return lambda cell: lab.notebook(["import time", cell, RENEW, FAIL])


def saved_states(nb):
    states = nb.save()["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    return [model["state"].get("status") for model in states.values()]


def signed_in_and_saved(nb, provider):
    nb.run(0)
    nb.run(1)
    sign_in(nb)
    expect_kernel(nb, "w.status", "signed_in")
    nb.run(2)
    nb.run(3, check=False)
    assert "OIDCLogin(authority=" in re.sub("\x1b\\[[0-9;]*m", "", "".join(nb.outputs(3)[-1]["traceback"]))
    deadline = time.monotonic() + 20
    while "signed_in" not in (saved := saved_states(nb)):  # what the kernel syncs takes a while to be saved
        assert time.monotonic() < deadline, saved
    secrets = provider.secrets()
    assert {secret.kind for secret in secrets} == {
        "state", "nonce", "code", "code_verifier", "access_token", "refresh_token", "id_token",
    }  # fmt: skip
    return secrets


def test_no_secret_is_left_behind(saving, provider, jupyter):
    nb = saving(login_cell(provider))
    secrets = signed_in_and_saved(nb, provider)
    assert leak_search.found(secrets, leak_search.places(nb, jupyter)) == []
    assert leak_search.found_in_globals(secrets, nb) == []


def test_the_search_finds_a_token_that_is_synced(saving, provider, jupyter):
    nb = saving(SYNCED.format(authority=provider.issuer))
    secrets = signed_in_and_saved(nb, provider)
    found = leak_search.found(secrets, leak_search.places(nb, jupyter))
    assert {
        "access_token in notebook",
        "access_token in checkpoint",
        "access_token in kernel's reprs",
    } <= set(found)
    assert any(
        line.startswith("access_token in window.") for line in leak_search.found_in_globals(secrets, nb)
    )
