"""The command as a person starts it: a process, its output, its signals."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from oidc_widget import cli

posix_only = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@contextmanager
def demo(*arguments, **environment):
    command = [sys.executable, "-m", "oidc_widget.cli", "demo", "--no-browser", *arguments]
    process = subprocess.Popen(  # noqa: S603  our own interpreter
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    family = [process]
    try:
        yield process, family
    finally:
        for member in family:
            if psutil.pid_exists(member.pid):
                member.kill()
        process.communicate()


def until(process, beginning):
    """Read its output up to a line that begins so; returns the rest of that line."""
    for line in process.stdout:
        if line.startswith(beginning):
            return line.removeprefix(beginning).strip()
    pytest.fail(f"it ended before {beginning!r}: {process.stderr.read()}")


@pytest.fixture(scope="module")
def session():
    """One demo for all tests that only look at it, and for the last one, which stops it."""
    with tempfile.TemporaryDirectory() as directory, demo(TMPDIR=directory) as (process, family):
        provider = until(process, "Provider: ").split()[0]
        api = until(process, "Demo API: ")
        lab = httpx.URL(until(process, "JupyterLab: "))
        family.extend(psutil.Process(process.pid).children(recursive=True))
        headers = {"Authorization": f"token {lab.params['token']}"}
        with httpx.Client(base_url=f"http://{lab.host}:{lab.port}", headers=headers, timeout=30) as jupyter:
            yield (
                process,
                family,
                jupyter,
                {"provider": provider, "api": api, "lab": lab, "directory": directory},
            )


def test_everything_answers_once_the_address_is_printed(session):
    _, _, jupyter, at = session
    assert at["lab"].host == "localhost"
    assert httpx.get(at["lab"]).status_code == 200
    assert httpx.get(at["api"]).status_code == 401
    assert httpx.get(f"{at['provider']}/.well-known/openid-configuration").json()["issuer"] == at["provider"]
    notebook = jupyter.get("/api/contents/quickstart.ipynb").json()
    assert "OIDCLogin" in str(notebook["content"]["cells"])


def test_jupyterlab_lets_nobody_in_without_the_token(session):
    _, _, jupyter, _ = session
    assert httpx.get(jupyter.base_url.join("/api/contents")).status_code == 403


def test_jupyterlab_asks_the_internet_nothing(session):
    _, _, jupyter, _ = session
    page = jupyter.get("/lab").text
    assert re.search(r'"news": \{"disabled": true\}', page)
    assert re.search(r'"disabledExtensions": \[[^]]*"@jupyterlab/apputils-extension:announcements"', page)


def test_everything_listens_on_loopback_only(session):
    demo_itself = psutil.Process(session[0].pid)
    connections = [
        each for member in (demo_itself, *demo_itself.children()) for each in member.net_connections("inet")
    ]
    listening = {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
    assert listening
    assert listening <= {"127.0.0.1", "::1"}


def test_no_secret_is_in_the_list_of_processes(session):
    process, _, _, at = session
    [jupyterlab] = psutil.Process(process.pid).children()
    assert "jupyterlab" in jupyterlab.cmdline()
    assert at["lab"].params["token"] not in " ".join(jupyterlab.cmdline())


@posix_only
def test_ctrl_c_stops_all_of_it_kernels_included(session):
    process, family, jupyter, at = session
    kernel = jupyter.post("/api/kernels", json={"name": "python3"}).raise_for_status().json()
    assert kernel["id"]
    children = psutil.Process(process.pid).children(recursive=True)
    family.extend(child for child in children if child not in family)
    assert any("ipykernel_launcher" in child.cmdline() for child in children)

    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output.endswith("Stopped.\n")
    assert errors == ""
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert not list(Path(at["directory"]).iterdir())
    with pytest.raises(httpx.ConnectError):
        httpx.get(at["provider"])


@posix_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_can_be_stopped_while_it_starts(number):
    with demo() as (process, family):
        until(process, "Starting JupyterLab")
        [jupyterlab] = psutil.Process(process.pid).children()
        family.append(jupyterlab)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert output.endswith("Stopped.\n")
        assert "JupyterLab:" not in output
        assert errors == ""
        assert not jupyterlab.is_running()


@posix_only
def test_a_second_ctrl_c_ends_even_what_hangs():
    with demo() as (process, family):
        until(process, "Starting JupyterLab")
        [jupyterlab] = psutil.Process(process.pid).children()
        family.append(jupyterlab)
        jupyterlab.suspend()
        process.send_signal(signal.SIGINT)
        until(process, "Stopping")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)
        assert process.returncode == 0
        assert errors == ""
        assert not jupyterlab.is_running()


def test_a_taken_port_is_said_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo("--port", str(port)) as (process, _):
            output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == ""
    assert errors == (
        f"oidc-widget: Port {port} is taken by another program. "
        "Choose another one with --port, or leave it out. "
        "https://oidc-widget.readthedocs.io/en/stable/troubleshooting/#port_unavailable\n"
    )


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "٣"])
def test_what_is_no_port_is_refused(port, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["demo", f"--port={port}"])
    assert stopped.value.code == 2
    assert "is not a port" in capsys.readouterr().err


def test_jupyterlab_that_cannot_start_is_explained():
    # A module that shadows JupyterLab's: what a broken installation looks like.
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "jupyterlab.py").write_text("raise SystemExit('broken on purpose')")
        with demo(PYTHONPATH=os.pathsep.join([directory, *sys.path])) as (process, _):
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("oidc-widget: JupyterLab could not be started.")
    assert "broken on purpose" in errors
    assert "Traceback" not in errors


def test_a_missing_package_is_said_with_the_cure(monkeypatch, capsys):
    # What find_spec sees where Flask is not installed.
    monkeypatch.setitem(sys.modules, "flask", None)
    monkeypatch.setattr("oidc_widget.demo.find_spec", lambda name: None if name == "flask" else object())
    assert cli.main(["demo"]) == 1
    error = capsys.readouterr().err
    assert "not installed: flask" in error
    assert 'pip install "oidc-widget[demo]"' in error
    assert error.count("\n") == 1


def test_the_help_needs_no_extra():
    hide_and_ask = (
        "import sys; sys.modules.update(flask=None, authlib=None, jupyterlab=None);"
        "from oidc_widget import cli; cli.main(['--help'])"
    )
    command = [sys.executable, "-c", hide_and_ask]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own interpreter
    assert done.returncode == 0
    assert "demo" in done.stdout
