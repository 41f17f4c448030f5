"""Where nobody could sign in, a wait ends at once and says what to set."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import nbformat
import pytest

SCRIPT = """
from oidc_widget import OIDCLogin
w = OIDCLogin(%r, "notebooks", flow=%r)
%s
"""
WAITS = ["print(w.wait())", "print(w.token())", "import asyncio; print(asyncio.run(w._wait_async()))"]
CELLS = ["print(w.wait())", "print(await w)", "print(w.token())", "print(await w.token_async())"]
SENT = "next(w.auth.sync_auth_flow(httpx.Request('GET', 'https://a.example'))).headers['Authorization']"
CELLS.append(f"import httpx; print({SENT})")


@pytest.fixture
def run(provider):
    def start(code, flow="auto", *, before=(), **variables):
        return subprocess.run(  # noqa: S603  # ours
            [*before, sys.executable, "-c", SCRIPT % (provider.issuer, flow, code)],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return start


@pytest.mark.parametrize("flow", ["auto", "device", "loopback", "paste"])
@pytest.mark.parametrize("code", WAITS)
def test_a_ci_job_is_told_what_to_set(run, code, flow):
    ended = run(code, flow, CI="true")
    assert ended.returncode == 1
    assert "Nobody can sign in here: this is a CI job. Set OIDC_WIDGET_TOKEN_FILE" in ended.stderr


def test_a_ci_job_with_a_token_has_it(run):
    assert run("print(w.wait())", CI="true", OIDC_WIDGET_TOKEN="the-token").stdout == "the-token\n"


def test_what_cron_runs_is_told_what_to_set(run, tmp_path):
    # Whatever is called so is cron to its children: the name is all that Linux tells of a process.
    cron = tmp_path / "cron"
    cron.symlink_to("/bin/bash")
    ended = run(WAITS[0], before=[str(cron), "-c", '"$@"; exit $?', "cron"])
    assert "Nobody can sign in here: cron runs it." in ended.stderr


def test_a_system_service_is_told_what_to_set(run):
    script = 'export JOURNAL_STREAM=$(stat -Lc %d:%i /dev/stderr); exec "$@"'
    ended = run(WAITS[0], before=["/bin/sh", "-c", script, "sh"])
    assert "Nobody can sign in here: this is a system service." in ended.stderr


# ---- notebooks ---------------------------------------------------------------------------------------


@pytest.fixture
def notebook(provider, tmp_path):
    """Write a notebook that makes a widget, and tries each cell; all of them are run."""

    def write(*cells, flow="auto"):
        made = f"w = OIDCLogin({provider.issuer!r}, 'notebooks', flow={flow!r})"
        first = f"from oidc_widget import OIDCLogin\n{made}\nw"
        sources = [first, "import time; began = time.monotonic()"]
        for code in cells:
            told = "print(type(error).__name__, error)"
            sources.append(f"try:\n    {code}\nexcept Exception as error:\n    {told}")
        sources.append("print('after', time.monotonic() - began, 's')")
        path = tmp_path / "unchanged.ipynb"
        code_cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=code_cells), path)
        return path

    return write


def nbconvert(path, **variables):
    return subprocess.run(  # noqa: S603  # ours
        [
            *(sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook"),
            *("--output", "executed.ipynb", str(path)),
        ],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def papermill(path, **variables):
    return subprocess.run(  # noqa: S603  # ours
        [
            sys.executable,
            "-m",
            "papermill",
            "--kernel",
            "python3",
            str(path),
            str(path.with_name("executed.ipynb")),
        ],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


RUNNERS = pytest.mark.parametrize("runner", [nbconvert, papermill], ids=["nbconvert", "papermill"])


def printed(path):
    cells = json.loads(path.with_name("executed.ipynb").read_text("utf-8"))["cells"]
    return ["".join("".join(out.get("text", "")) for out in cell.get("outputs", [])) for cell in cells]


@RUNNERS
def test_the_unchanged_notebook_has_the_token_of_the_environment(notebook, runner):
    path = notebook(*CELLS)
    runner(path, OIDC_WIDGET_TOKEN="the-token")
    assert printed(path)[2:-1] == ["the-token\n"] * 4 + ["Bearer the-token\n"]


@RUNNERS
@pytest.mark.parametrize("flow", ["auto", "device"])
def test_without_one_it_fails_within_two_seconds_and_says_what_to_set(notebook, runner, flow):
    path = notebook(*CELLS, flow=flow)
    runner(path)
    *outputs, after = printed(path)[2:]
    for output in outputs:
        assert "Error Nobody can sign in here: nbconvert, papermill or the like runs it." in output
        assert "OIDC_WIDGET_TOKEN_FILE" in output
    assert float(after.split()[1]) < 2 * len(CELLS)


def test_in_voila_it_is_said_what_to_do_instead(notebook):
    path = notebook(*CELLS)
    nbconvert(path, SERVER_SOFTWARE="voila/0.5.13")  # as Voilà runs them
    for output in printed(path)[2:-1]:
        assert "Nobody can sign in yet: Voilà runs all cells before it shows their page." in output
        assert "w.observe" in output


@RUNNERS
def test_no_token_of_the_environment_is_in_the_notebook(notebook, runner):
    path = notebook("print(len(w.wait()), repr(w), w.status)")
    runner(path, OIDC_WIDGET_TOKEN="the-token-itself")
    assert "the-token-itself" not in path.with_name("executed.ipynb").read_text("utf-8")
    assert printed(path)[2].startswith("16 OIDCLogin")


@RUNNERS
def test_no_browser_is_opened_there(notebook, runner, tmp_path):
    path = notebook("w.sign_in(); w.wait()", "w.wait()", flow="loopback")
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f"#!/bin/sh\ntouch {opened}\n", "utf-8")
    browser.chmod(0o755)
    runner(path, BROWSER=str(browser))
    assert "Nobody can sign in here" in printed(path)[3]
    assert not opened.exists()
