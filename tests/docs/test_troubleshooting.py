"""Each error code, of both languages, has its paragraph, and messages say where."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.blocks import ROOT
from tests.syntax_tree import parse

from oidc_widget import errors
from oidc_widget.errors import OIDCError

PAGE = ROOT / "docs/troubleshooting.md"
SOURCES = sorted((ROOT / "src/oidc_widget").rglob("*.py"))
#: What answers of servers are made with: its second argument is the code.
ANSWERS = {"Refusal", "cls"}


def codes_in_python():
    for file in SOURCES:
        for node in ast.walk(parse(file.read_text("utf-8"))):
            for value in values_for_codes(node):
                constants = (part.value for part in ast.walk(value) if isinstance(part, ast.Constant))
                yield from (each for each in constants if isinstance(each, str))


def values_for_codes(node):
    if isinstance(node, ast.keyword) and node.arg in {"code", "otherwise"}:
        yield node.value
    if isinstance(node, ast.Assign) and "default_code" in map(ast.unparse, node.targets):
        yield node.value
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ANSWERS:
        yield from (each for each in node.args[1:2] if isinstance(each, ast.Constant) and len(node.args) > 2)


def codes_in_typescript():
    file = (ROOT / "frontend/oauth/errors.ts").read_text("utf-8")
    return re.findall(r'\| "(\w+)"', file.partition("export interface")[0])


def headings():
    return re.findall(r"^### `(\w+)`$", PAGE.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def anchors(tmp_path_factory):
    """What can be linked to on the page as it is built; alone, which is quicker."""
    source = tmp_path_factory.mktemp("source")
    shutil.copy(PAGE, source / "index.md")
    settings = ("extensions=myst_parser", "myst_heading_anchors=4")
    subprocess.run(  # noqa: S603  # ours
        [
            sys.executable,
            "-m",
            "sphinx",
            "-q",
            "-C",
            *(f"-D{each}" for each in settings),
            source,
            source / "built",
        ],
        check=True,
        capture_output=True,
    )
    return set(re.findall(r'id="([^"]+)"', (source / "built/index.html").read_text("utf-8")))


def test_every_code_has_one_paragraph():
    codes = {*codes_in_python(), *codes_in_typescript()}
    assert len(codes) > 60
    assert codes - set(headings()) == set()
    assert len(headings()) == len(set(headings()))


def test_a_message_names_the_address_of_its_paragraph():
    for name in errors.__all__:
        kind = getattr(errors, name)
        error = kind.__new__(kind)
        OIDCError.__init__(error, "Something happened.", hint="Do something.")
        said, _, address = str(error).rpartition(" ")
        assert said == "Something happened. Do something."
        page, _, anchor = address.partition("#")
        assert (Path(page).name, anchor) == (PAGE.stem, kind.default_code)


def test_each_paragraph_is_where_messages_say(anchors):
    assert set(headings()) <= anchors
