"""Every code block of the README and the documentation that can run, runs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from importlib.metadata import metadata
from itertools import dropwhile

import pytest
import yaml
from tests.docs.blocks import PAGES, ROOT, Block, blocks_of, is_configuration, name_of
from traitlets.config import Config

from oidc_widget.cli import main
from oidc_widget.hub.configuration import PROVIDERS_VARIABLE
from oidc_widget.relay import parse_providers

#: Of the API's end; it has a test of its own.
VERIFY = ROOT / "docs/verify.md"


def pages_with(*languages, where=lambda _: True):
    return [
        pytest.param(page, id=name_of(page))
        for page in PAGES
        if any(where(block) for block in blocks_of(page, *languages))
    ]


def of_a_notebook(block):
    return block.page != VERIFY and not is_configuration(block) and "oidc_widget.verify" not in block.code


@pytest.mark.parametrize("file", pages_with("python", where=of_a_notebook))
def test_a_notebook_of_a_page_runs_from_top_to_bottom(file, reader, api):
    for block in filter(of_a_notebook, blocks_of(file, "python")):
        reader.run(block)
    assert set(api.answers) <= {200}
    asks = any(re.search(r"(get|fetch,)\(?.*api\.example", block.code) for block in blocks_of(file, "python"))
    assert bool(api.answers) == asks


@pytest.mark.parametrize("file", pages_with("python", where=is_configuration))
def test_a_configuration_is_accepted(file, monkeypatch, tmp_path):
    monkeypatch.setenv("CORP_SECRET", "obvious-test-secret")
    for name in ("corp", "github", "google"):
        (tmp_path / name).write_text("obvious-test-secret")
    names = {}
    for block in filter(is_configuration, blocks_of(file, "python")):
        code = f"c.OIDCWidget.providers = {{\n{block.code}}}" if block.code.startswith('"') else block.code
        code = code.replace("/run/secrets", tmp_path.as_posix())
        names["c"] = c = Config()
        exec(compile(code, str(block), "exec"), names)  # noqa: S102  # our own documentation
        providers = c.OIDCWidget.get("providers", {})
        if "services" in c.JupyterHub:
            [service] = c.JupyterHub.services.get_value([])
            providers = json.loads(service["environment"].get(PROVIDERS_VARIABLE, "{}"))
        accepted, errors = parse_providers(providers)
        assert (list(accepted), errors) == (list(providers), []), block


@pytest.mark.parametrize("file", pages_with("yaml"))
def test_a_yaml_file_is_one(file):
    for block in blocks_of(file, "yaml"):
        assert isinstance(yaml.safe_load(block.code), dict)


@pytest.mark.parametrize("file", pages_with("sh"))
def test_a_command_is_there_and_succeeds(file, reader, capsys):
    """What installs or starts something long is tried in `test_wheel.py`, `demo/`; here, that it exists."""
    for command in (line for block in blocks_of(file, "sh") for line in block.code.splitlines()):
        for part in command.partition("#")[0].split("&&"):
            words = shlex.split(reader.here(part))
            program, *arguments = dropwhile(lambda word: re.match(r"[A-Z_]+=", word), words)
            if program == "jupyter":
                assert shutil.which(f"jupyter-{arguments[0]}")
            elif program == "make":
                assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
            elif program == "pip":
                assert_installable(arguments[-1])
            elif arguments[:1] == ["doctor"]:
                assert main(arguments) == 0, capsys.readouterr().out
            else:
                assert program == "oidc-widget"
                with pytest.raises(SystemExit) as ended:
                    main([*arguments, "--help"])
                assert ended.value.code == 0


def assert_installable(requirement):
    name, _, extras = requirement.rstrip("]").partition("[")
    assert set(filter(None, extras.split(","))) <= set(metadata(name).get_all("Provides-Extra", []))


def test_a_block_that_fails_fails_its_page(reader):
    with pytest.raises(ZeroDivisionError):
        reader.run(Block(ROOT / "README.md", 1, "python", "1 / 0"))
