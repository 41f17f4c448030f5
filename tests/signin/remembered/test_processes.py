"""Several processes with one remembered session, whose refresh token is good for one use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oidc_widget.cli import main

HERE = Path(__file__).parent
WORKER = """
import sys, threading
sys.path.insert(0, %(here)r)
import file_keyring
file_keyring.use(%(store)r)
import oidc_widget
w = oidc_widget.OIDCLogin(%(issuer)r, "notebooks", flow="device", remember=True)
tokens, enough = set(), threading.Event()
def count(change):
    if change["new"]:
        tokens.add(change["new"])
        print("token", len(tokens), flush=True)
        if len(tokens) >= %(enough)r:
            enough.set()
w.observe(count, "access_token")
w.wait(30)
assert enough.wait(120)
assert w.error is None, w.error
"""


@pytest.fixture
def process(provider, store_file):
    def start(enough):
        code = WORKER % {
            "here": str(HERE),
            "store": str(store_file.path),
            "issuer": provider.issuer,
            "enough": enough,
        }
        return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)  # noqa: S603  # ours

    return start


def refreshes(provider):
    return provider.requests("token", grant_type="refresh_token")


def test_two_processes_renew_one_session_and_none_is_refused(provider, signed_in, process):
    # By hand for longer: TOKENS=13 LIFE=6 is a minute.
    enough, life = int(os.environ.get("TOKENS", "4")), int(os.environ.get("LIFE", "2"))
    provider.configure(access_token_ttl=life)
    signed_in().close()
    # Long enough for the two to meet there, if nothing keeps them apart.
    provider.fault("token", "delay", seconds=0.4, grant_type="refresh_token")
    began = time.monotonic()
    with process(enough) as one, process(enough) as other:
        for each in (one, other):
            assert f"token {enough}" in each.communicate(timeout=120)[0]
    assert [one.returncode, other.returncode] == [0, 0]
    assert len(refreshes(provider)) >= 2 * enough
    assert {request.error for request in refreshes(provider)} == {None}
    print(f"{time.monotonic() - began:.0f} s, {len(refreshes(provider))} renewals, none refused")  # noqa: T201  # a figure


def test_who_is_killed_holds_nobody_up_and_the_next_one_goes_on(provider, signed_in, process):
    provider.configure(access_token_ttl=2)
    signed_in().close()
    with process(1000) as one:
        assert "token 1\n" in one.stdout
        one.send_signal(signal.SIGKILL)
        one.wait(10)
    with process(1) as other:
        assert "token 1" in other.communicate(timeout=60)[0]
        assert other.returncode == 0


def test_the_command_lists_and_ends_them(provider, store_file, signed_in, capsys):
    assert main(["sessions"]) == 0
    assert capsys.readouterr().out == "No sign-in is remembered on this machine.\n"
    signed_in("alice").close()
    signed_in("bob", extra_params={"prompt": "login"}).close()
    capsys.readouterr()
    assert main(["sessions"]) == 0
    listed = capsys.readouterr().out
    assert listed == "".join(
        f"{name}@example.com  {provider.issuer}  notebooks\n" for name in ("alice", "bob")
    )
    assert main(["sign-out"]) == 2
    assert "Several sign-ins" in capsys.readouterr().err
    assert main(["sign-out", "alice@example.com"]) == 0
    assert capsys.readouterr().out == f"Signed out: {listed.splitlines()[0]}\n"
    assert [request.status for request in provider.requests("revocation")] == [200]
    provider.fault("revocation", "status", status=503)
    assert main(["sign-out", "--all"]) == 1
    assert "Forgotten here, but not ended at the provider" in capsys.readouterr().out
    assert store_file.held == {}
    assert main(["sign-out", "nobody"]) == 1


def test_the_command_says_why_there_is_no_store(capsys):
    import keyring  # noqa: PLC0415  # only here
    from keyring.backends import null  # noqa: PLC0415  # likewise

    former = keyring.get_keyring()
    keyring.set_keyring(null.Keyring())
    try:
        assert main(["sessions"]) == 1
    finally:
        keyring.set_keyring(former)
    said = capsys.readouterr().err
    assert said.startswith(
        "oidc-widget: Nothing is remembered on this machine: keyring.backends.null.Keyring"
    )


def test_the_command_shows_no_token(provider, signed_in, capsys):
    signed_in().close()
    main(["sessions"])
    main(["sign-out"])
    printed = "".join(capsys.readouterr())
    assert "Signed out: alice@example.com" in printed
    secrets = provider.secrets("refresh_token", "access_token")
    assert len(secrets) > 1
    for secret in secrets:
        assert secret.value not in printed
