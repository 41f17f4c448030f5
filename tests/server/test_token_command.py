"""`oidc-widget token` as a terminal runs it, and what it says of whatever is in its way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.server.test_terminal_tokens import TOKEN, Browser

from oidc_widget.terminal import PID_VARIABLE


def pid_of(server):
    [record] = (server.jupyter.root.parent / "runtime").glob("jpserver-*.json")
    return str(json.loads(record.read_text())["pid"])


@pytest.fixture(scope="module")
def place(server):
    """What JupyterLab's terminals have in their environment."""
    return {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("JUPYTER", "OIDC_WIDGET"))
        },
        "JUPYTER_RUNTIME_DIR": str(server.jupyter.root.parent / "runtime"),
        PID_VARIABLE: pid_of(server),
    }


@pytest.fixture
def start(place):
    """Start the command."""
    started = []

    def start(*arguments, **env):
        environment = {name: value for name, value in {**place, **env}.items() if value is not None}
        process = subprocess.Popen(  # noqa: S603  # our own
            [sys.executable, "-m", "oidc_widget.cli", "token", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start):
    """Run it: exit code, stdout and stderr."""

    def run(*arguments, **env):
        process = start(*(arguments or ("--provider", "corp")), **env)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    return run


@pytest.fixture
def vault(server):
    """A browser that listens, until the test is over."""
    with server.client() as client, ThreadPoolExecutor(1) as pool:

        def wait_until(*, refused):
            asking = {"provider": "none", "timeout": 0.1}
            deadline = time.monotonic() + 20
            while (client.post("api/terminal-token", json=asking).status_code == 409) is not refused:
                assert time.monotonic() < deadline

        vault = Browser(client)
        coming = pool.submit(vault.next)
        wait_until(refused=False)
        coming.result(20)
        yield vault
        # It counts as listening for a moment.
        wait_until(refused=True)


def test_it_prints_the_token_and_nothing_else(vault, start):
    process = start("--provider", "corp")
    vault.answer(question_of(vault), access_token=TOKEN)
    assert process.communicate(timeout=60) == (f"{TOKEN}\n", "")
    assert process.returncode == 0


def question_of(vault):
    """Wait for a question: until then the vault listens again and again."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        answer = vault.next()
        if answer.status_code == 200:
            assert answer.json()["provider"] == "corp"
            return answer.json()
    raise AssertionError("nobody asked")


@pytest.mark.parametrize(("code", "status"), [("no_token", 1), ("unknown_provider", 2)])
def test_what_the_page_says_is_said_and_steers_no_terminal(vault, start, code, status):
    process = start("--provider", "corp")
    sentence = "There is “corp”.\x1b]0;evil\x07\r\n"
    vault.answer(question_of(vault), error=code, error_description=sentence)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (status, "")
    assert err.startswith("oidc-widget: There is “corp”. ]0;evil")
    assert "\x1b" not in err
    assert f"#{code}" in err


def test_where_no_page_listens_it_says_what_to_do(run):
    status, out, err = run()
    assert (status, out) == (1, "")
    assert "switch on “Access tokens for terminals”" in err
    assert "#terminal_not_allowed" in err


def test_ctrl_c_ends_it_and_its_question(vault, start):
    process = start("--provider", "corp")
    question = question_of(vault)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130
    assert vault.answer(question, access_token=TOKEN).status_code == 404


def test_a_page_that_says_nothing_is_given_up_in_time(vault, start):
    process = start("--provider", "corp", "--timeout", "1")
    question_of(vault)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "within 1 s" in err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--provider", "corp", "--timeout", "0"), ("--provider", "corp", "--timeout", "301")],
    ids=["no provider", "no time", "too long"],
)
def test_arguments_that_can_not_be_used_are_refused(start, arguments):
    process = start(*arguments)
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == 2


# ---- which server ----------------------------------------------------------------------------------------


def write(folder, number, **info):
    (folder / f"jpserver-{number}.json").write_text(json.dumps({"pid": number, "token": "t", **info}))


def test_a_shell_that_jupyter_has_not_made_finds_the_only_server(run):
    assert "#terminal_not_allowed" in run(**{PID_VARIABLE: None})[2]


def test_of_several_servers_the_one_is_asked_that_the_terminal_is_of(run, server, tmp_path):
    [own] = (server.jupyter.root.parent / "runtime").glob("jpserver-*.json")
    write(tmp_path, 1, url="http://localhost:1/")
    write(tmp_path, 2, **{**json.loads(own.read_text()), "pid": 2})
    env = {"JUPYTER_RUNTIME_DIR": str(tmp_path)}
    assert "#terminal_not_allowed" in run(**env, **{PID_VARIABLE: "2"})[2]
    status, _, err = run(**env, **{PID_VARIABLE: None})
    assert status == 2
    assert f"http://localhost:1/, {server.jupyter.url}" in err


def test_without_a_server_it_says_so(run, tmp_path):
    status, out, err = run(JUPYTER_RUNTIME_DIR=str(tmp_path))
    assert (status, out) == (1, "")
    assert "no terminal of a Jupyter server that still runs" in err
    assert "#server_unavailable" in err


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 5}', "{"])
def test_what_a_server_is_writing_is_passed_over(run, tmp_path, content):
    (tmp_path / "jpserver-1.json").write_text(content)
    assert "no terminal of a Jupyter server" in run(JUPYTER_RUNTIME_DIR=str(tmp_path))[2]


def test_a_server_that_is_gone_is_told(run, tmp_path):
    write(tmp_path, 1, url="http://localhost:9/")
    status, _, err = run(JUPYTER_RUNTIME_DIR=str(tmp_path), **{PID_VARIABLE: "1"})
    assert status == 1
    assert "http://localhost:9/ can't be reached" in err


@pytest.mark.parametrize("token", ["wrong", ""])
def test_a_token_that_the_server_does_not_take_is_told_and_not_shown(run, server, tmp_path, token):
    write(tmp_path, 1, url=server.jupyter.url, token=token)
    status, _, err = run(JUPYTER_RUNTIME_DIR=str(tmp_path), **{PID_VARIABLE: "1"})
    assert status == 1
    assert "#not_signed_in_to_jupyter" in err
    assert "wrong" not in err


@pytest.mark.parametrize("url", ["http://db.example.com:8888/", "http+unix://%2Ftmp%2Fsock/", "file:///etc/"])
def test_the_servers_token_goes_to_this_machine_or_over_tls_only(run, tmp_path, url):
    write(tmp_path, 1, url=url)
    status, _, err = run(JUPYTER_RUNTIME_DIR=str(tmp_path), **{PID_VARIABLE: "1"})
    assert status == 1
    assert "The Jupyter server's address" in err


def test_a_server_that_ends_meanwhile_is_told(start_server, start):
    server = start_server()
    with server.client() as client, ThreadPoolExecutor(1) as pool:
        vault = Browser(client)
        coming = pool.submit(vault.next)
        with contextlib.suppress(TimeoutError):
            coming.result(1)  # it listens by now, as far as anybody can tell
        process = start(
            "--provider",
            "corp",
            JUPYTER_RUNTIME_DIR=str(server.jupyter.root.parent / "runtime"),
            **{PID_VARIABLE: pid_of(server)},
        )
        coming.result(60)
        begun = time.monotonic()
        server.jupyter.stop()
        assert time.monotonic() - begun < 20
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "can't be reached" in err


def test_a_server_without_any_sign_in_is_asked_too(start_server, run):
    open_server = start_server(config={"IdentityProvider": {"token": ""}, "PasswordIdentityProvider": {}})
    runtime = open_server.jupyter.root.parent / "runtime"
    err = run(JUPYTER_RUNTIME_DIR=str(runtime), **{PID_VARIABLE: pid_of(open_server)})[2]
    assert "#terminal_not_allowed" in err
