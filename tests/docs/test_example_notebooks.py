"""Example notebooks, run from top to bottom by a reader; those of one click in a browser too."""

from __future__ import annotations

import json

import pytest
from tests.docs.blocks import ROOT, Block

EXAMPLES = ROOT / "examples"
MOVED = EXAMPLES / "from_ipython_oidc_client"


def cells_of(path):
    return [
        "".join(cell["source"])
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]


@pytest.fixture
def run(reader, provider, api, monkeypatch):
    monkeypatch.setenv("OIDC_DEMO_AUTHORITY", provider.issuer)
    monkeypatch.setenv("OIDC_DEMO_API", api.url)
    reader.instead['client_id="demo"'] = 'client_id="notebooks"'

    def run(path):
        for number, code in enumerate(cells_of(path)):
            reader.run(Block(path, number, "python", code))
        return reader

    return run


def test_each_of_several_apis_gets_the_token_of_its_own_widget(run, api):
    reader = run(EXAMPLES / "several_apis.ipynb")
    assert reader.displayed[-1] == [{}, {}]
    assert api.answers == [200, 200]
    assert reader.names["me"].token() != reader.names["anybody"].token()


def test_a_long_job_outlives_its_tokens(run, provider, api):
    provider.configure(access_token_ttl=2)
    reader = run(EXAMPLES / "long_job.ipynb")
    assert reader.displayed[-2:] == [[200] * 10, 200]
    assert len(set(api.tokens)) > 2


def test_workers_of_a_cluster_get_tokens(run, api):
    assert [200] * 4 in run(EXAMPLES / "dask.ipynb").displayed
    assert len(api.answers) == 4


def test_to_move_from_ipython_oidc_client_is_to_change_the_import():
    before, after = (cells_of(MOVED / name) for name in ("before.ipynb", "after.ipynb"))
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [
        ("from ipython_oidc_client import authenticate", "from oidc_widget import authenticate")
    ]


def test_a_notebook_that_moved_gets_its_answer(run, api):
    assert run(MOVED / "after.ipynb").displayed[-1] == {}
    assert api.answers == [200]
