"""`w.token_file()` and `w.environment()`: what other processes read, and what is left of it."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

try:
    import resource
except ImportError:  # Windows
    resource = None

from oidc_widget import OIDCLogin
from oidc_widget.errors import ConfigurationError
from oidc_widget.fresh_tokens import FreshTokens
from oidc_widget.oauth.access_token import AccessToken
from oidc_widget.token_file import TokenFile

POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes and users are otherwise here")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A place of the test's own for what is the user's."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return runtime


def give(w, token, **how):
    w.receive("token", {"access_token": token, "expires_in": 3600, **how}, express=True)


@pytest.fixture
def w():
    w = OIDCLogin("https://idp.example", "notebooks", flow="popup")
    give(w, "token-1", claims={"sub": "a-1001"}, account="Alice Adams")
    yield w
    w.close()


def settled(w):
    """Wait for the thread that writes."""
    for file in w._token_files.values():
        done = threading.Event()
        file._worker.put(done.set)
        assert done.wait(20)


def left_in(place):
    return [file for file in place.rglob("*") if file.is_file()]


def test_the_file_holds_the_token_for_its_owner_alone(w, place):
    path = w.token_file()
    assert path.read_text("utf-8") == "token-1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert place in path.parents
    assert w.token_file() == path
    assert "token-1" not in repr(w._token_files)


def test_the_file_is_there_from_the_sign_in_on(tmp_path):
    w = OIDCLogin("https://idp.example", "notebooks", flow="popup")
    path = w.token_file(tmp_path / "token")
    assert not path.exists()
    give(w, "token-1")
    settled(w)
    assert path.read_text("utf-8") == "token-1"
    w.close()


def test_it_follows_each_renewal_and_goes_at_the_sign_out_at_once(w, tmp_path):
    path = w.token_file(tmp_path / "token")
    give(w, "token-2")
    settled(w)
    assert path.read_text("utf-8") == "token-2"
    w.sign_out()
    assert left_in(tmp_path / "runtime") != []  # the claim
    assert not path.exists()
    give(w, "token-3")
    settled(w)
    assert path.read_text("utf-8") == "token-3"
    w.close()
    assert left_in(tmp_path) == []


@POSIX
def test_a_full_disk_leaves_no_old_token_and_is_told_once(w, tmp_path):
    path = w.token_file(tmp_path / "token")
    with full_disk(), pytest.warns(RuntimeWarning, match="the file is gone") as told:  # noqa: PT031  # twice
        for token in ("token-2", "token-3"):
            give(w, token)
            settled(w)
            assert left_in(tmp_path) == [lock for lock in left_in(tmp_path) if lock.suffix == ".lock"]
    assert len(told) == 1
    assert "token-" not in str(told[0].message)
    give(w, "token-4")
    settled(w)
    assert path.read_text("utf-8") == "token-4"


@contextlib.contextmanager
def full_disk():
    """Let no file of this process grow: the kernel refuses it, as it does where the disk is full."""
    former, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
        signal.signal(signal.SIGXFSZ, handler)


def test_it_goes_with_a_sign_in_that_nobody_refers_to_any_more(tmp_path):
    class Source:
        def held(self):
            return AccessToken("token-1")

    listeners = []
    file = TokenFile(
        FreshTokens(Source()), lambda call: listeners.append(call) or (lambda: None), tmp_path / "t"
    )
    assert (tmp_path / "t").exists()
    del file
    gc.collect()
    assert left_in(tmp_path) == []
    listeners[0]()  # what is called later does nothing
    assert left_in(tmp_path) == []


READER = """
import sys, pathlib
path, seen = pathlib.Path(sys.argv[1]), []
print("ready", flush=True)
while len(seen) < 100 or len(set(seen)) < 4:
    seen.append(path.read_text())
for token in seen:
    head, _, tail = token.partition(".")
    assert head == tail and len(head) == 200_000, f"half of one: {len(token)}"
print(len(set(seen)))
"""


def test_a_process_that_reads_it_across_renewals_never_sees_half_of_one(w, tmp_path):
    def token(letter):
        return f"{letter * 200_000}.{letter * 200_000}"

    give(w, token("a"))
    path = w.token_file(tmp_path / "token")
    with subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, "-c", READER, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout.readline() == "ready\n"
        number = 0
        while reader.poll() is None:
            number += 1
            give(w, token(chr(ord("a") + number % 26)))
            settled(w)
        assert reader.returncode == 0, reader.stderr.read()
        assert int(reader.stdout.read()) >= 4


@pytest.mark.parametrize("names", [("BEARER_TOKEN_FILE",), ("AWS_WEB_IDENTITY_TOKEN_FILE", "OTHER")])
def test_the_environment_names_it_to_what_is_started_within_the_block(w, place, monkeypatch, names):
    monkeypatch.setenv("BEARER_TOKEN_FILE", "before")
    read = "import os, sys; print([open(os.environ[name]).read() for name in sys.argv[1:]])"
    with w.environment(*names) as path:
        command = [sys.executable, "-c", read, *names]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own
        assert done.stdout == f"{['token-1'] * len(names)}\n"
        assert {os.environ[name] for name in names} == {str(path)}
    assert os.environ["BEARER_TOKEN_FILE"] == "before"
    assert "OTHER" not in os.environ
    assert left_in(place) == []


def test_what_somebody_else_set_meanwhile_stays(w, monkeypatch):
    monkeypatch.delenv("BEARER_TOKEN_FILE", raising=False)
    with w.environment("BEARER_TOKEN_FILE"):
        os.environ["BEARER_TOKEN_FILE"] = "another"
    assert os.environ.pop("BEARER_TOKEN_FILE") == "another"


@pytest.mark.parametrize("names", [(), ("",), (5,)])
def test_an_environment_without_a_name_is_refused(w, names):
    with pytest.raises(ConfigurationError):
        w.environment(*names)


def test_no_file_of_somebody_elses_is_overwritten(w, tmp_path):
    mine = tmp_path / "notes.txt"
    mine.write_text("mine", "utf-8")
    with pytest.raises(ConfigurationError, match="there already"):
        w.token_file(mine)
    (tmp_path / "link").symlink_to(mine)
    with pytest.raises(ConfigurationError, match="there already"):
        w.token_file(tmp_path / "link")
    w.sign_out()
    assert mine.read_text("utf-8") == "mine"
    with pytest.raises(ConfigurationError, match="no such directory"):
        w.token_file(tmp_path / "nowhere" / "token")


def test_a_cell_that_runs_again_with_a_new_widget_takes_the_file_over(w, tmp_path):
    path = w.token_file(tmp_path / "token")
    again = OIDCLogin("https://idp.example", "notebooks", flow="popup")
    give(again, "token-of-the-second")
    assert again.token_file(tmp_path / "token") == path
    w.close()
    assert path.read_text("utf-8") == "token-of-the-second"
    again.close()
    assert left_in(tmp_path) == []


# ---- processes -------------------------------------------------------------------------------------------

OTHER = """
import os, sys
from oidc_widget import OIDCLogin
w = OIDCLogin("https://idp.example", "notebooks", flow="popup")
w.receive("token", {"access_token": "token-1"}, express=True)
try:
    print(w.token_file(*sys.argv[1:]), flush=True)
except Exception as error:
    print(type(error).__name__, error, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def start():
    """Start a process that keeps a token file, and return it with what it says."""
    started = []

    def start(*paths, **how):
        process = subprocess.Popen(  # noqa: S603  # our own
            [sys.executable, "-c", OTHER, *map(str, paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **how,
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_nothing_is_left_by_a_process_that_ends(start, place):
    process, path = start()
    assert Path(path).read_text("utf-8") == "token-1"
    process.communicate("\n")
    assert left_in(place) == []


@POSIX
@pytest.mark.parametrize("named", [False, True])
def test_nothing_is_left_by_a_process_that_was_killed_once_the_next_one_starts(start, tmp_path, named):
    process, path = start(*[tmp_path / "token"] * named)
    process.kill()
    process.wait()
    assert Path(path).exists()
    OIDCLogin("https://idp.example", "notebooks", flow="popup")
    assert left_in(tmp_path) == []


@POSIX
def test_what_a_living_process_keeps_stays(start, w, tmp_path):
    _, path = start(tmp_path / "token")
    OIDCLogin("https://idp.example", "notebooks", flow="popup")
    assert Path(path).read_text("utf-8") == "token-1"
    with pytest.raises(ConfigurationError, match="Another process"):
        w.token_file(tmp_path / "token")
    assert Path(path).read_text("utf-8") == "token-1"


#: In a process of its own: the end of an interpreter runs what every library has registered for it.
FORK = """
import os, subprocess, sys
from pathlib import Path
from oidc_widget import OIDCLogin

def give(token):
    w.receive("token", {"access_token": token, "expires_in": 3600}, express=True)

w = OIDCLogin("https://idp.example", "notebooks", flow="popup")
give("token-1")
path = w.token_file(Path(sys.argv[1]))
child = os.fork()
if child == 0:
    give("token-of-the-child")
    w.close()
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
assert path.read_text("utf-8") == "token-1"
sweep = "from oidc_widget.token_file import remove_what_was_left; remove_what_was_left()"
subprocess.run([sys.executable, "-c", sweep], check=True)
assert path.read_text("utf-8") == "token-1"
"""


@POSIX
def test_a_fork_neither_writes_nor_removes_what_is_its_parents(tmp_path):
    path = tmp_path / "token"
    done = subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-c", FORK, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not path.exists()  # the parent has ended too


AS_NOBODY = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be somebody else"
)


@POSIX
@AS_NOBODY
def test_another_user_reads_nothing(w, place):
    path = w.token_file()
    for directory in (place, place.parent):
        directory.chmod(0o755)
    done = subprocess.run(["/bin/cat", str(path)], user=65534, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode != 0
    path.parent.chmod(0o755)  # also if the directory were open
    done = subprocess.run(["/bin/cat", str(path)], user=65534, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode != 0
    assert "token-1" not in done.stdout


@POSIX
@AS_NOBODY
def test_a_place_that_another_user_has_made_is_refused(w, place):
    trap = place / f"oidc-widget-{os.getuid()}"
    trap.mkdir(mode=0o700)
    os.chown(trap, 65534, 65534)
    with pytest.raises(ConfigurationError, match="somebody else's"):
        w.token_file()
    assert left_in(place) == []


@POSIX
def test_a_disk_that_can_not_be_written_to_costs_no_sign_in_and_is_told(monkeypatch):
    with monkeypatch.context() as disk:
        disk.delenv("XDG_RUNTIME_DIR")
        disk.setattr(tempfile, "tempdir", None)
        disk.setattr(
            tempfile, "_candidate_tempdir_list", lambda: ["/proc"]
        )  # not even root makes a file there
        w = OIDCLogin("https://idp.example", "notebooks", flow="popup")
        give(w, "token-1")
        for path in ("/proc/token", None):
            with pytest.raises(ConfigurationError, match="No token can be put into"):
                w.token_file(path)
        w.close()


@POSIX
def test_a_place_that_others_may_look_into_is_refused(w, place, tmp_path):
    trap = place / f"oidc-widget-{os.getuid()}"
    trap.mkdir()
    trap.chmod(0o755)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        w.token_file()
    trap.chmod(0o700)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(ConfigurationError, match="Others may replace"):
        w.token_file(shared / "token")


@POSIX
def test_a_link_in_the_place_of_the_directory_is_refused(w, place, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (place / f"oidc-widget-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError):
        w.token_file()


# ---- w.value ---------------------------------------------------------------------------------------------


def test_the_value_says_who_is_signed_in_and_until_when_and_no_token(w):
    seen = []
    w.observe(lambda change: seen.append(change.new), "value")
    assert {name: w.value[name] for name in ("status", "name", "sub")} == {
        "status": "signed_in",
        "name": "Alice Adams",
        "sub": "a-1001",
    }
    left = w.value["expires_at"].timestamp() - time.time()
    assert 3590 < left < 3610
    assert "token-1" not in repr(w.value)
    assert "value" not in w.get_state()
    w.sign_out()
    assert w.value == {"status": "signed_out", "name": None, "sub": None, "expires_at": None}
    done = threading.Event()
    w._observers.put(done.set)
    assert done.wait(20)
    assert seen[-1] == w.value
