"""Every code block of the README and the documentation runs, but for those that `NOT_RUN` names."""

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
from oidc_widget.oauth.callback_address import own_address
from oidc_widget.relay import parse_providers

README, VERIFY = ROOT / "README.md", ROOT / "docs/verify.md"


#: By page and first line: why a block does not run, and what does instead.
NOT_RUN = {
    ("CONTRIBUTING.md", "make demo"): "what .ci/run does, and it takes long",
    ("CONTRIBUTING.md", " kernel                     browser"): "a drawing",
    ("docs/administrators.md", "https://YOUR-SERVER/BASE-URL/oidc-widget/callback"): "an address",
    (
        "docs/administrators.md",
        "POST {base_url}oidc-widget/api/providers/NAME/token",
    ): "a request's first line",
    (
        "docs/administrators.md",
        "map $http_upgrade $connection_upgrade",
    ): "needs nginx; run by hand, as the page says",
    (
        "docs/how-to/without-a-window.md",
        'w.paste("',
    ): "a made-up answer; tests/signin/device/test_paste_back.py",
    ("docs/remembered.md", "$ oidc-widget sessions"): "a screen; tests/signin/remembered/test_processes.py",
    ("docs/verify.md", "HTTP/1.1 401 UNAUTHORIZED"): "an answer; tests/verify/test_flask.py",
    ("docs/providers/github.md", 'w = OIDCLogin(provider="github")'): "ui-tests/test_configured_providers.py",
    ("docs/providers/google.md", 'w = OIDCLogin(provider="google")'): "ui-tests/test_configured_providers.py",
}


def is_not_run(block):
    return any(name_of(block.page) == page and block.code.startswith(start) for page, start in NOT_RUN)


@pytest.mark.parametrize("file", PAGES, ids=name_of)
def test_each_block_is_run_by_one_test_or_is_named_with_a_reason(file):
    for block in blocks_of(file):
        runs = [
            block.language == "sh",
            block.language == "yaml",
            block.language == "python" and of_a_notebook(block),
            block.language == "python" and is_configuration(block),
            block.language == "python" and of_an_api(block),
            is_not_run(block),
        ]
        assert runs.count(True) == 1, block


@pytest.mark.parametrize(("page", "start"), NOT_RUN)
def test_what_is_not_run_is_still_there(page, start):
    assert [block for block in blocks_of(ROOT / page) if block.code.startswith(start)]


def pages_with(*languages, where=lambda _: True):
    return [
        pytest.param(page, id=name_of(page))
        for page in PAGES
        if any(where(block) for block in blocks_of(page, *languages))
    ]


def of_a_notebook(block):
    return not is_configuration(block) and not of_an_api(block)


def of_an_api(block):
    """Whether `test_api_blocks.py` runs it."""
    return block.page == VERIFY or (block.page == README and "oidc_widget.verify" in block.code)


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
def test_a_command_is_there_and_succeeds(file, reader, provider, capsys):
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
            elif (
                "--jupyter" in arguments
            ):  # of a server that is not there; what it prints is what is asked for
                main(arguments)
                callback = f"{arguments[-1]}oidc-widget/callback"
                said = capsys.readouterr().out
                assert f": {callback}\n" in said
                assert f": {own_address(callback, provider.issuer)}\n" in said
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
