"""The built wheel: what is in it, and that it installs and works where there is no Node."""

# ruff: noqa: S603 - what is run is this test's own
from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LABEXTENSION = "share/jupyter/labextensions/oidc-widget/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel around the frontend as it was built last."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT],
        env={**os.environ, "SKIP_JUPYTER_BUILDER": "1"},
        check=True,
        capture_output=True,
    )
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_everything_is_in_it_once(names):
    assert [name for name, count in Counter(names).items() if count > 1] == []
    package = {name.removeprefix("oidc_widget/") for name in names if name.startswith("oidc_widget/")}
    assert {"py.typed", "login.py", "static/widget.js", "static/widget.css", "static/callback.js"} <= package
    [info] = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert f"{info}/licenses/LICENSE" in names


def test_the_labextension_is_there_as_shared_data_only(names):
    data = [name.partition(".data/data/")[2] for name in names if ".data/data/" in name]
    lab = {name.removeprefix(LABEXTENSION) for name in data if name.startswith(LABEXTENSION)}
    assert {"package.json", "install.json", "static/vault.js", "static/style.js"} <= lab
    assert any(name.startswith("static/remoteEntry.") for name in lab)
    assert "etc/jupyter/jupyter_server_config.d/oidc_widget.json" in data
    assert [name for name in names if name.startswith("oidc_widget/labextension")] == []


def test_nothing_else_is_in_it(names):
    """Neither tests nor sources of the frontend."""
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 3, tops  # the package, its metadata, its data
    sources = (".ts", ".map", ".pyc", ".tsbuildinfo")
    assert [name for name in names if name.endswith(sources) or "node_modules" in name] == []


def lines_of(name, text):
    lines = (line.strip() for line in text.splitlines())
    return " | ".join(line for line in lines if line.startswith(f"{name} "))


def test_it_installs_and_works_without_node(wheel, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "clean"], check=True)
    programs = tmp_path / "clean" / ("Scripts" if os.name == "nt" else "bin")
    # Nothing but the environment itself: no Node, and nothing of the machine's own Jupyter.
    alone = {
        "PATH": str(programs),
        "HOME": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    pip = [sys.executable, "-m", "pip", "--python", programs / "python"]
    subprocess.run(
        [*pip, "install", "-q", "--no-compile", wheel, "jupyterlab"],
        env={**os.environ, "PATH": str(programs)},
        check=True,
    )

    def said(*command: str) -> str:
        done = subprocess.run(command, env=alone, capture_output=True, text=True, check=True, cwd=tmp_path)
        return done.stdout + done.stderr

    for listing in (
        lines_of("oidc-widget", said(programs / "jupyter-labextension", "list")),
        lines_of("oidc_widget", said(programs / "jupyter-server", "extension", "list")),
    ):
        assert "enabled" in listing
        assert "OK" in listing
    program = "from oidc_widget import OIDCLogin; print(OIDCLogin('https://idp.example.com', 'notebooks'))"
    assert "status='signed_out'" in said(programs / "python", "-c", program)
