"""What pages say and the code decides."""

from __future__ import annotations

import re

import pytest
from tests.docs.blocks import PAGES, ROOT, name_of

from oidc_widget.cli import _COMMANDS, main
from oidc_widget.oauth.callback_address import issuer_tail

#: An issuer's own redirect address, and issuers as a page writes them.
TAIL = re.compile(r"(?<![\w.-])[a-z0-9-]+(?:\.[a-z0-9-]+)+\.[0-9a-f]{16}\b")
ISSUER = re.compile(r"https://[^\s`\"'|)]+")


@pytest.mark.parametrize(
    "file", [page for page in PAGES if TAIL.search(page.read_text("utf-8"))], ids=name_of
)
def test_an_example_of_a_redirect_address_is_that_of_an_issuer_on_the_page(file):
    text = file.read_text("utf-8")
    assert set(TAIL.findall(text)) <= {issuer_tail(issuer) for issuer in ISSUER.findall(text)}


@pytest.mark.parametrize("command", _COMMANDS)
def test_each_option_of_a_command_is_in_the_reference(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    reference = (ROOT / "docs/reference/command-line.md").read_text("utf-8")
    [row] = re.findall(rf"^\| `oidc-widget {command}\b.*", reference, re.MULTILINE)
    assert options_in(row) == options_in(capsys.readouterr().out) - {"--help"}


def options_in(text):
    return set(re.findall(r"--[a-z-]+", text))
