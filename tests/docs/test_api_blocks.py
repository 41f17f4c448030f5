"""The code blocks for the API's end: `docs/verify.md` and the README's."""

from __future__ import annotations

import types
from dataclasses import replace

import flask
import pytest
from tests.docs.blocks import ROOT, blocks_of

from oidc_widget import OIDCLogin
from oidc_widget.verify import DPoP

README, VERIFY = ROOT / "README.md", ROOT / "docs/verify.md"


@pytest.fixture
def names(provider, reader):
    """What the pages take for granted, and a token for their API."""
    api = "https://api.example.com"
    provider.configure(resources={api: {"scope": "read", "audience": api}})
    del reader.instead[api]
    w = OIDCLogin(provider.issuer, "notebooks", resource=api)
    reader.names["w"] = w  # signed out at the end
    reader.display(w)
    return {
        "API": api,
        "DPoP": DPoP,
        "ISSUER": provider.issuer,
        "User": types.new_class("User"),
        "request": flask.request,
        "secret": "obvious-test-secret",
        "token": w.token(),
    }


def test_the_readmes_api_is_one(reader, names):
    [block] = [block for block in blocks_of(README, "python") if "oidc_widget.verify" in block.code]
    reader.names.update(names, app=flask.Flask("app"))
    reader.run(block)
    client = reader.names["app"].test_client()
    assert client.get("/data").status_code == 401


def test_a_page_about_verifying_runs_from_top_to_bottom(reader, names):
    of_flask = {}
    for block in blocks_of(VERIFY, "python"):
        reader.names.update(names)  # also where a block before gave its name to something else
        # One block shows the same for both frameworks; the page has come to FastAPI by then.
        for_flask, _, rest = block.code.rpartition('\n\n\n@app.delete("/jobs")  # FastAPI')
        if for_flask:
            of_fastapi = {name: reader.names[name] for name in of_flask}
            reader.names.update(of_flask)
            reader.run(replace(block, code=for_flask))
            reader.names.update(of_fastapi)
        reader.run(replace(block, code=f'@app.delete("/jobs"){rest}') if for_flask else block)
        of_flask = of_flask or {name: reader.names[name] for name in ("app", "protect")}
    assert reader.names["claims"]["sub"] == "a-1001"
