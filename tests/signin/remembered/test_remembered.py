"""A sign-in that is remembered goes on in the next process, without a click."""

from __future__ import annotations

import os
import tempfile
import threading

import keyring
import pytest
from keyring.backends import chainer, fail, null
from keyring.errors import KeyringLocked

from oidc_widget.errors import SignInError
from oidc_widget.oauth.secret import Secret
from oidc_widget.signin.keychain import _LONGEST, Keychain, open_keychain
from oidc_widget.signin.remembered import Remembered
from oidc_widget.signin.remembered_store import Account, open_store
from shown import changes_to, shown


def codes(provider):
    return provider.requests("device_authorization")


def settled(w):
    """Wait until the widget knows whether there is something to go on with."""
    return changes_to(w, lambda: w._sign_in.source._attempt is None)


def left_behind(w):
    """End as a process does: nothing is said to anybody."""
    w.close()
    ended()


def ended():
    """Wait until what ends sessions is through."""
    for thread in threading.enumerate():
        if thread.name == "oidc-widget-revoke":
            thread.join(20)


def test_the_next_widget_is_signed_in_without_anybody(provider, signed_in, login):
    left_behind(signed_in())
    assert provider.requests("revocation") == []
    w = login()
    assert changes_to(w, lambda: w.access_token)
    assert provider.introspect(w.access_token)["sub"] == "a-1001"
    assert (w.status, w.claims["name"]) == ("signed_in", "Alice Adams")
    assert len(codes(provider)) == 1


def test_the_secret_service_of_the_system_holds_it(provider, secret_service, signed_in, login):
    left_behind(signed_in())
    (account,) = open_store().accounts()
    assert (account.issuer, account.client_id, account.sub) == (provider.issuer, "notebooks", "a-1001")
    w = login()
    assert changes_to(w, lambda: w.access_token)
    w.sign_out()
    ended()
    assert open_store().accounts() == []
    assert secret_service.get_password(f"oidc-widget {account.key}", "oidc-widget") is None


def test_without_remember_nothing_is_stored_and_nothing_used(store_file, signed_in, login):
    signed_in(remember=False)
    assert store_file.held == {}
    left_behind(signed_in())
    w = login(remember=False)
    w.sign_in()
    assert shown(w)["device"]


def test_a_sign_out_ends_it_at_the_provider_and_deletes_it(provider, store_file, signed_in, login):
    w = signed_in()
    w.sign_out()
    ended()
    assert store_file.held == {}
    assert [request.status for request in provider.requests("revocation")] == [200]
    other = login()
    assert settled(other)
    assert other.status == "signed_out"


def test_a_wait_that_begins_meanwhile_gets_it_too(provider, signed_in, login):
    left_behind(signed_in())
    provider.fault("discovery", "delay", seconds=1)
    w = login()
    assert w.wait(20) == w.access_token
    assert len(codes(provider)) == 1


def test_a_click_that_comes_meanwhile_signs_in_where_nothing_is_remembered(provider, login):
    provider.fault("discovery", "delay", seconds=1)
    w = login()
    w.sign_in()
    assert w.status == "signing_in"
    assert shown(w)["device"]


def test_where_nothing_is_remembered_nothing_is_said(login, capfd):
    w = login()
    assert settled(w)
    assert (w.status, w.error) == ("signed_out", None)
    assert capfd.readouterr().out == ""


def test_a_provider_that_is_down_takes_nothing_away(provider, signed_in, login):
    left_behind(signed_in())
    provider.fault("token", "status", status=503)
    w = login()
    assert settled(w)
    assert w.error.code == "token_endpoint_unreachable"
    provider.heal()
    w.sign_in()
    assert changes_to(w, lambda: w.access_token)
    assert len(codes(provider)) == 1


# ---- which one ------------------------------------------------------------------------------------------


def test_of_several_accounts_one_must_be_named(signed_in, login, capfd):
    left_behind(signed_in("alice"))
    left_behind(signed_in("bob", extra_params={"login_hint": "bob@example.com", "prompt": "login"}))
    capfd.readouterr()
    w = login()
    w.sign_in()
    shown(w)
    assert changes_to(w, lambda: w._sign_in.source._attempt.prompt is not None)
    hinted = login(extra_params={"login_hint": "bob@example.com"})
    assert changes_to(hinted, lambda: hinted.access_token)
    assert hinted.claims["name"] == "Bob Brown"
    told = "Several accounts are remembered here (alice@example.com, bob@example.com)"
    assert told in capfd.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        {"extra_params": {"prompt": "login"}},
        {"extra_params": {"prompt": "select_account"}},
        {"extra_params": {"login_hint": "carol@example.com"}},
        {"extra_params": {"connector_id": "ldap"}},
        {"scopes": ["openid", "offline_access"]},
        {"extra_params": {"acr_values": "gold"}},
    ],
    ids=str,
)
def test_another_sign_in_is_another_sign_in(signed_in, login, options):
    left_behind(signed_in())
    w = login(**options)
    w.sign_in()
    assert shown(w)["device"]


def test_one_that_is_too_old_for_what_is_asked_is_not_used(signed_in, login, monkeypatch):
    left_behind(signed_in())
    monkeypatch.setattr("oidc_widget.signin.authentication._LEEWAY", -3600)
    w = login(extra_params={"max_age": 600})
    w.sign_in()
    assert shown(w)["device"]


def test_fewer_scopes_are_asked_for_each_time(provider, signed_in, login):
    left_behind(signed_in())
    w = login(scopes=["openid"])
    assert changes_to(w, lambda: w.access_token)
    first = w.access_token
    w.refresh()
    assert changes_to(w, lambda: w.access_token != first)
    assert [
        request.params.get("scope") for request in provider.requests("token", grant_type="refresh_token")
    ] == ["openid"] * 2


# ---- bad luck -----------------------------------------------------------------------------------------


def test_a_token_that_is_dead_gives_way_to_a_sign_in_and_is_deleted(
    provider,
    store_file,
    signed_in,
    login,
):
    left_behind(signed_in())
    provider.revoke("alice", "RefreshToken", "Grant")
    w = login()
    assert settled(w)
    assert store_file.held == {}
    w = login()
    w.sign_in()
    assert shown(w)["device"]


def test_without_a_refresh_token_it_is_said_that_nothing_is_remembered(
    provider, store_file, signed_in, capfd
):
    provider.token_response(omit=["refresh_token"])
    signed_in()
    assert "not remembered: the provider gave no refresh token" in capfd.readouterr().out
    assert store_file.held == {}


class PlainText(keyring.backend.KeyringBackend):
    priority = 1

    def __init__(self):
        super().__init__()
        self.held = {}

    def get_password(self, service, username):
        return self.held.get((service, username))

    def set_password(self, service, username, password):
        self.held[service, username] = password

    def delete_password(self, service, username):
        del self.held[service, username]


class Chain(chainer.ChainerBackend):
    backends = (PlainText(),)


Chain.__module__, Chain.__qualname__ = chainer.__name__, "ChainerBackend"


@pytest.fixture
def backend():
    def use(backend):
        former = keyring.get_keyring()
        keyring.set_keyring(backend)
        restore.append(former)
        return backend

    restore = []
    yield use
    for former in reversed(restore):
        keyring.set_keyring(former)


@pytest.mark.parametrize("unsafe", [PlainText, null.Keyring, fail.Keyring, Chain])
def test_what_is_no_store_of_the_systems_holds_nothing(backend, signed_in, capfd, unsafe):
    held = backend(unsafe())
    signed_in()
    printed = capfd.readouterr().out
    assert "Signed in as Alice Adams." in printed
    assert "The sign-in is not remembered: " in printed
    assert "no store of the operating system's" in printed
    assert getattr(held, "held", {}) == {}


def test_a_chain_of_safe_ones_is_safe(backend, monkeypatch):
    chain = backend(Chain())
    with pytest.raises(SignInError, match="PlainText"):
        open_keychain()
    name = f"{PlainText.__module__}.{PlainText.__qualname__}"
    monkeypatch.setattr("oidc_widget.signin.keychain.SAFE_BACKENDS", {name})
    assert open_keychain()._backend is chain
    monkeypatch.setattr(Chain, "backends", (PlainText(), null.Keyring()))
    with pytest.raises(SignInError, match="null"):
        open_keychain()


class Locked(PlainText):
    def get_password(self, *_):
        raise KeyringLocked("secret")


class Lying(PlainText):
    def set_password(self, *_):
        pass


class Garbling(PlainText):
    def get_password(self, service, username):
        return b"\x00" if (service, username) in self.held else None


class Raising(PlainText):
    def set_password(self, _service, _username, password):
        raise RuntimeError(password)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Locked, "is locked"),
        (Lying, "does not give back what it was given"),
        (Garbling, "does not give back what it was given"),
        (Raising, "gives RuntimeError"),
    ],
)
def test_a_store_that_refuses_or_lies_is_told_and_the_sign_in_goes_on(  # noqa: PLR0913, PLR0917  # fixtures
    provider, backend, signed_in, capfd, monkeypatch, kind, said
):
    monkeypatch.setattr(
        "oidc_widget.signin.keychain.SAFE_BACKENDS", {f"{kind.__module__}.{kind.__qualname__}"}
    )
    backend(kind())
    w = signed_in()
    assert said in capfd.readouterr().out
    first = w.access_token
    w.refresh()
    assert changes_to(w, lambda: w.access_token != first)
    w.sign_out()
    ended()
    assert provider.requests("revocation")


def test_a_store_that_fails_later_costs_no_session(store_file, signed_in, caplog, monkeypatch):
    w = signed_in()
    first = w.access_token

    def fails(*_):
        raise KeyringLocked

    monkeypatch.setattr(store_file, "set_password", fails)
    w.refresh()
    assert changes_to(w, lambda: w.access_token != first)
    assert "is locked" in caplog.text
    second = w.access_token
    monkeypatch.undo()
    w.refresh()
    assert changes_to(w, lambda: w.access_token != second)


def test_long_tokens_are_split_into_what_windows_holds(store_file):
    chain, long = Keychain(store_file), "x" * 5000 + "end"
    chain.write("a", long)
    assert chain.read("a") == long
    assert len(store_file.held) == 6
    assert max(len(value.encode("utf-16-le")) for value in store_file.held.values()) <= 2560
    chain.write("a", "short")
    assert chain.read("a") == "short"
    assert len(store_file.held) == 1
    chain.write("a", long)
    chain.delete("a")
    assert store_file.held == {}


@pytest.mark.parametrize("after", range(6))
def test_who_is_killed_while_writing_leaves_the_old_one_or_the_new_one(store_file, monkeypatch, after):
    chain, old, new = Keychain(store_file), "o" * (3 * _LONGEST), "n" * (3 * _LONGEST)
    chain.write("a", old)
    calls, real = iter(range(100)), store_file._change

    def until_killed(change):
        if next(calls) >= after:
            raise SystemExit
        real(change)

    monkeypatch.setattr(store_file, "_change", until_killed)
    with pytest.raises(SystemExit):
        chain.write("a", new)
    assert chain.read("a") in {old, new}


def test_a_list_that_makes_no_sense_is_none(store_file):
    for text in ("", "{", "[1]", '[{"issuer": 1}]', "null"):
        Keychain(store_file).write("sessions", text)
        assert open_store().accounts() == []


def test_the_folder_of_locks_must_be_ones_own(store_file, signed_in, tmp_path, capfd):
    folder = tmp_path / f"oidc-widget-{os.getuid()}"
    folder.mkdir(mode=0o700)
    folder.chmod(0o777)
    signed_in()
    assert "is not this user's alone" in capfd.readouterr().out
    assert store_file.held == {}
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SignInError, match="not this user's alone"):
        open_store()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_of_locks_that_another_user_has_made_is_refused(store_file, signed_in, tmp_path, capfd):
    trap = tmp_path / f"oidc-widget-{os.getuid()}"
    trap.mkdir(mode=0o700)
    os.chown(trap, 65534, 65534)
    signed_in()
    assert "is not this user's alone" in capfd.readouterr().out
    assert store_file.held == {}


def test_a_disk_that_can_not_be_written_to_costs_no_sign_in(store_file, signed_in, monkeypatch, capfd):
    with monkeypatch.context() as disk:
        disk.setattr(tempfile, "tempdir", None)
        disk.setattr(
            tempfile, "_candidate_tempdir_list", lambda: ["/proc"]
        )  # not even root makes a file there
        assert signed_in().access_token is not None
    assert "The sign-in is not remembered" in capfd.readouterr().out
    assert store_file.held == {}


def test_nothing_of_it_is_on_the_disk(store_file, signed_in, tmp_path):
    signed_in()
    stored = [value for value in store_file.held.values() if "issuer" not in value]
    assert stored
    for file in tmp_path.rglob("*"):
        if file.is_file() and file != store_file.path:
            assert file.read_bytes() == b""


def test_a_refusal_counts_only_after_another_look(provider, signed_in, monkeypatch):
    w = signed_in()
    session, first = w._sign_in.source._session, w.access_token
    place, good = session._place, session._refresh_token
    # Somebody else has renewed, on a machine whose lock this one does not see.
    news = iter([Secret("used up"), good])
    monkeypatch.setattr(place, "newest", lambda _known: next(news))
    w.refresh()
    assert changes_to(w, lambda: w.access_token != first)
    assert [request.error for request in provider.requests("token", grant_type="refresh_token")] == [
        "invalid_grant",
        None,
    ]


def test_nobody_renews_while_somebody_else_does(provider, signed_in):
    w = signed_in()
    session, first, store = w._sign_in.source._session, w.access_token, open_store()
    (account,) = store.accounts()
    with store.lock(account.key):
        w.refresh()
        answer = session.endpoint.refresh(store.token(account))
        store.put(account, Secret(answer.document["refresh_token"]))
    assert changes_to(w, lambda: w.access_token != first)
    assert [request.error for request in provider.requests("token", grant_type="refresh_token")] == [None] * 2


def test_who_signs_out_elsewhere_ends_it_here_too(store_file, signed_in):
    w = signed_in()
    (account,) = open_store().accounts()
    open_store().remove(account)
    w.refresh()
    assert changes_to(w, lambda: w.status == "expired")
    assert w.error.code == "invalid_grant"
    assert "ended by another process" in w.error.message
    ended()
    assert store_file.held == {}


def test_a_newer_token_than_ones_own_is_not_deleted():
    account = Account("https://idp.example", "notebooks", "a")
    store = open_store()
    store.add(account)
    store.put(account, Secret("newer"))
    Remembered(store, account).forget(Secret("older"))
    assert store.token(account).reveal() == "newer"
