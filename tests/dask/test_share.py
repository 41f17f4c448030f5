"""Tokens on the workers of a real cluster of processes, from a real sign-in."""

from __future__ import annotations

import os
import pickle
import signal

import pytest
from distributed import Client, LocalCluster

from oidc_widget import OIDCLogin
from oidc_widget.dask import current_token, current_token_async, is_readable_by_others, share
from oidc_widget.dask_worker import Delivery, TokenPlugin
from oidc_widget.errors import ConfigurationError, TokenError
from providers.http_person import HttpPerson
from shown import changes_to, shown


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=2, threads_per_worker=4, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with Client(cluster) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture
def sign_in(provider):
    provider.configure(device_authorization_response={"set": {"interval": 0.1}}, consent="skip")
    made = []

    def make(**options):
        w = OIDCLogin(provider.issuer, provider.client_id, flow="device", **options)
        made.append(w)
        w.sign_in()
        with HttpPerson() as alice:
            alice.visit(shown(w)["device"]["verification_uri_complete"])
        w.wait(20)
        return w

    yield make
    for w in made:
        w.sign_out()


def whose_token(_=None, **how):
    return os.getpid(), current_token(**how)


def held(name="default"):
    from oidc_widget.dask_worker import holders as _holders  # noqa: PLC0415  # that of the worker's process

    holder = _holders.get(name)
    return None if holder is None else repr(holder._token)


def on_each(client, function, **how):
    """Run a task on each worker, and return what they say."""
    workers = list(client.scheduler_info(n_workers=-1)["workers"])
    return [
        client.submit(function, pure=False, workers=[worker], allow_other_workers=False, **how).result(60)
        for worker in workers
    ]


def refreshes(provider):
    return len(provider.requests("token", grant_type="refresh_token"))


def test_tasks_on_every_worker_get_the_token(provider, client, sign_in):
    w = sign_in()
    with share(w, client):
        got = on_each(client, whose_token)
    assert {token for _, token in got} == {w.access_token}
    assert len({process for process, _ in got} - {os.getpid()}) == 2
    assert provider.introspect(got[0][1])["active"]


def test_a_new_token_goes_to_all_workers(client, sign_in):
    w = sign_in()
    with share(w, client):
        (_, old), _ = on_each(client, whose_token)
        w.refresh()
        assert changes_to(w, lambda: w.access_token != old)
        on_each(client, _wait_for_another_token, old=old)
        assert {token for _, token in on_each(client, whose_token)} == {w.access_token}


def _wait_for_another_token(old):
    from oidc_widget.dask_worker import holders as _holders  # noqa: PLC0415  # that of the worker's process

    holder = _holders["default"]
    with holder._changed:
        assert holder._changed.wait_for(lambda: holder._token.value != old, 20)


def test_an_expired_token_is_renewed_once_for_all_tasks(provider, client, sign_in):
    provider.configure(access_token_ttl=3)
    w = sign_in(auto_refresh=False)
    with share(w, client):
        assert changes_to(w, lambda: w.status == "expired")
        provider.configure(access_token_ttl=3600)
        got = client.gather(client.map(whose_token, range(40), pure=False))
    assert {token for _, token in got} == {w.access_token}
    assert refreshes(provider) == 1


def test_a_worker_that_comes_later_gets_the_token_too(cluster, client, sign_in):
    w = sign_in()
    with share(w, client):
        before = {process for process, _ in on_each(client, whose_token)}
        cluster.scale(3)
        client.wait_for_workers(3, timeout=60)
        got = on_each(client, whose_token)
        assert len({process for process, _ in got} - before) == 1
        assert {token for _, token in got} == {w.access_token}


def test_a_worker_that_died_has_the_token_when_it_is_back(client, sign_in):
    w = sign_in()
    with share(w, client):
        (process, _), *_ = on_each(client, whose_token)
        os.kill(process, signal.SIGKILL)
        got = client.gather(client.map(whose_token, range(20), pure=False))
    assert {token for _, token in got} == {w.access_token}


def test_signing_out_takes_the_token_from_the_workers(client, sign_in):
    w = sign_in()
    with share(w, client):
        on_each(client, whose_token)
        w.sign_out()
        on_each(client, _wait_until_empty)
        with pytest.raises(TokenError, match="Nobody is signed in"):
            client.submit(whose_token, pure=False).result(60)


def _wait_until_empty():
    from oidc_widget.dask_worker import holders as _holders  # noqa: PLC0415  # that of the worker's process

    holder = _holders["default"]
    with holder._changed:
        assert holder._changed.wait_for(lambda: holder._token is None, 20)


def test_a_session_that_the_provider_ended_is_told_to_the_task(provider, client, sign_in):
    provider.configure(access_token_ttl=1)
    w = sign_in(auto_refresh=False)
    with share(w, client):
        assert changes_to(w, lambda: w.status == "expired")
        provider.revoke("alice")
        with pytest.raises(TokenError) as caught:
            client.submit(whose_token, pure=False).result(60)
    assert caught.value.code == "invalid_grant"


def test_several_sign_ins_go_by_their_names(client, sign_in):
    one, two = sign_in(), sign_in()
    with share(one, client, name="one"), share(two, client, name="two"):
        for name, w in (("one", one), ("two", two)):
            assert client.submit(whose_token, name=name, pure=False).result(60)[1] == w.access_token


def test_the_end_of_the_sharing_leaves_nothing(client, sign_in):
    with share(sign_in(), client):
        assert None not in client.run(held).values()
    assert set(client.run(held).values()) == {None}
    with pytest.raises(TokenError) as caught:
        client.submit(whose_token, pure=False).result(60)
    assert caught.value.code == "not_shared"


def deliveries(dask_worker):
    """What this worker was given, by topic; counted from the first time of asking."""
    from oidc_widget.dask_worker import holders  # noqa: PLC0415  # that of the worker's process

    holder = holders["default"]
    if not hasattr(dask_worker, "deliveries"):
        dask_worker.deliveries = []
        take = type(holder).take

        def counted(self, delivery):
            dask_worker.deliveries.append(delivery.value)
            take(self, delivery)

        type(holder).take = counted
        dask_worker.uncount = lambda: setattr(type(holder), "take", take)
    return dask_worker.deliveries


def test_five_runs_of_the_cell_make_one_push_for_each_token(client, sign_in):
    w = sign_in()
    shares = [share(w, client) for _ in range(5)]
    on_each(client, whose_token)
    client.run(deliveries)
    old = w.access_token
    w.refresh()
    assert changes_to(w, lambda: w.access_token != old)
    on_each(client, _wait_for_another_token, old=old)
    for one in shares[:4]:
        one.close()
    got = on_each(client, whose_token)
    seen = client.run(deliveries).values()
    client.run(lambda dask_worker: dask_worker.uncount())
    assert {token for _, token in got} == {w.access_token}
    assert all(given == [w.access_token] for given in seen)
    shares[4].close()
    assert set(client.run(held).values()) == {None}


def test_a_share_that_a_cell_has_lost_does_not_keep_the_token_there(client, sign_in):
    w = sign_in()
    shared = share(w, client)
    shared = share(w, client)
    on_each(client, whose_token)
    shared.close()
    assert set(client.run(held).values()) == {None}


def test_another_sign_in_takes_the_name_over(client, sign_in):
    one, two = sign_in(), sign_in()
    with share(one, client) as first, share(two, client):
        first.close()
        assert {token for _, token in on_each(client, whose_token)} == {two.access_token}
        one.refresh()
        assert changes_to(one, lambda: one.access_token is not None)
        assert {token for _, token in on_each(client, whose_token)} == {two.access_token}


async def whose_token_async(**how):
    return await current_token_async(**how)


def test_an_async_task_awaits_its_token_and_blocks_nobody(provider, client, sign_in):
    provider.configure(access_token_ttl=3)
    w = sign_in(auto_refresh=False)
    with share(w, client):
        assert changes_to(w, lambda: w.status == "expired")
        provider.configure(access_token_ttl=3600)
        got = client.gather([client.submit(whose_token_async, pure=False) for _ in range(20)])
    assert set(got) == {w.access_token}
    assert refreshes(provider) == 1


def test_a_session_that_ended_is_told_to_an_async_task(client, sign_in):
    w = sign_in()
    with share(w, client):
        on_each(client, whose_token)
        w.sign_out()
        on_each(client, _wait_until_empty)
        with pytest.raises(TokenError, match="Nobody is signed in"):
            client.submit(whose_token_async, pure=False).result(60)


async def token_without_await():
    return current_token()


def test_an_async_task_that_would_block_its_worker_is_told_what_to_write(client, sign_in):
    w = sign_in()
    with share(w, client):
        on_each(client, whose_token)
        assert client.submit(token_without_await, pure=False).result(60) == w.access_token
        w.sign_out()
        on_each(client, _wait_until_empty)
        with pytest.raises(TokenError, match="await current_token_async"):
            client.submit(token_without_await, pure=False).result(60)


def test_no_token_is_in_what_the_scheduler_keeps(provider, client, sign_in):
    w = sign_in()
    with share(w, client) as shared:
        on_each(client, whose_token)
        client.run(held)
        kept = [
            repr(client.get_events()),
            repr(client.get_worker_logs()),
            repr(client.get_scheduler_logs()),
            repr(pickle.dumps(TokenPlugin("default", shared._topic))),
            repr(client.run(held)),
        ]
    secrets = {secret.value for secret in provider.secrets()}
    assert w.access_token in secrets
    assert shared._topic in kept[0]
    assert not [secret for secret in secrets if any(secret in text for text in kept)]


def test_the_refresh_token_is_in_no_workers_memory(provider, client, sign_in):
    w = sign_in()
    with share(w, client):
        on_each(client, whose_token)
        refresh_tokens = [secret.value for secret in provider.secrets("refresh_token")]
        # Searched in halves, so that the search itself doesn't bring what it looks for.
        found = client.run(_search_memory, [(text[:20], text[20:]) for text in refresh_tokens])
        there = client.run(_search_memory, [(w.access_token[:20], w.access_token[20:])])
    assert set(found.values()) == {0}
    assert 0 not in there.values()


def _search_memory(halves):
    found = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:  # noqa: PTH123  # not files
        for line in maps:
            area, rights = line.split()[:2]
            if not rights.startswith("rw") or "[v" in line:
                continue
            start, end = (int(number, 16) for number in area.split("-"))
            memory.seek(start)
            try:
                content = memory.read(end - start)
            except OSError:
                continue
            for first, second in halves:
                place = content.find(first.encode())
                while place >= 0:
                    found += content[place + len(first) :].startswith(second.encode())
                    place = content.find(first.encode(), place + 1)
    return found


def test_what_travels_shows_no_token_where_dask_logs_it():
    assert "secret" not in repr(Delivery("secret", 60, 60))


def test_an_asynchronous_client_is_refused(cluster, sign_in):
    import asyncio  # noqa: PLC0415  # here only

    w = sign_in()

    async def attempt():
        async with Client(cluster.scheduler_address, asynchronous=True) as client:
            with pytest.raises(ConfigurationError, match="asynchronous"):
                share(w, client)

    asyncio.run(attempt())


@pytest.mark.parametrize(
    ("address", "readable"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("tcp://10.0.0.1:8786", True),
        ("tls://10.0.0.1:8786", False),
        ("wss://10.0.0.1", False),
        ("ws://example.com", True),
        ("inproc://10.0.0.1/1/1", False),
    ],
)
def test_it_is_known_where_others_can_listen_in(address, readable):
    assert is_readable_by_others(address) is readable
