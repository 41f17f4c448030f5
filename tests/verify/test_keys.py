"""Keys over the network: fetched when needed, once, within a time, and never lost again."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from joserfc.jwk import ECKey

from oidc_widget import errors
from oidc_widget.oauth.single_flight import SingleFlight
from oidc_widget.verify import TokenVerifier

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def remote(key_server, issuer, clock, http_client):
    """A verifier that fetches its keys, and tokens for it."""

    def make(**differing):
        settings = {"issuer": key_server.issuer, "audience": issuer.audience, "now": lambda: issuer.now}
        return TokenVerifier(**{**settings, "clock": clock, "http_client": http_client, **differing})

    return make


@pytest.fixture
def token(key_server, issuer):
    return lambda **changes: issuer.token(**{"iss": key_server.issuer, **changes})


def fetches(server):
    return server.counts["/jwks"]


def test_nothing_is_fetched_before_it_is_needed(remote, key_server):
    remote()
    assert not key_server.counts


def test_keys_are_fetched_once_for_many_tokens(remote, key_server, token):
    verifier = remote()
    for alg in ("RS256", "ES256", "EdDSA", "RS256"):
        verifier.verify(token(alg=alg))
    assert key_server.counts == {DISCOVERY: 1, "/jwks": 1}


def test_it_needs_no_client_of_the_callers(remote, token):
    assert remote(http_client=None).verify(token())["sub"] == "alice"


async def test_the_async_twin_shares_them(remote, key_server, token):
    verifier = remote()
    await verifier.verify_async(token())
    verifier.verify(token())
    assert fetches(key_server) == 1


def test_two_hundred_first_requests_from_threads_cause_one_fetch(remote, key_server, token):
    verifier = remote()
    good = token()
    key_server.open.clear()
    together = threading.Barrier(200)

    def verify(_):
        together.wait()
        return verifier.verify(good)

    with ThreadPoolExecutor(200) as pool:
        results = pool.map(verify, range(200))
        assert key_server.arrived.acquire(timeout=10)
        key_server.open.set()
        assert {claims["sub"] for claims in results} == {"alice"}
    assert key_server.counts == {DISCOVERY: 1, "/jwks": 1}


async def test_two_hundred_first_requests_of_an_event_loop_cause_one_fetch(remote, key_server, token):
    verifier = remote()
    results = await asyncio.gather(*(verifier.verify_async(token()) for _ in range(200)))
    assert {claims["sub"] for claims in results} == {"alice"}
    assert key_server.counts == {DISCOVERY: 1, "/jwks": 1}


async def test_threads_and_an_event_loop_together_cause_one_fetch(remote, key_server, token):
    verifier = remote()
    good = token()
    key_server.open.clear()
    with ThreadPoolExecutor(100) as pool:
        loop = asyncio.get_running_loop()
        threads = [loop.run_in_executor(pool, verifier.verify, good) for _ in range(100)]
        tasks = [asyncio.create_task(verifier.verify_async(good)) for _ in range(100)]
        assert await loop.run_in_executor(None, key_server.arrived.acquire)
        key_server.open.set()
        results = await asyncio.gather(*threads, *tasks)
    assert {claims["sub"] for claims in results} == {"alice"}
    assert key_server.counts == {DISCOVERY: 1, "/jwks": 1}


async def test_the_event_loop_runs_on_while_keys_are_fetched(remote, key_server, token):
    verifier = remote()
    key_server.open.clear()
    waiting = asyncio.create_task(verifier.verify_async(token()))
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(
        None, key_server.arrived.acquire
    )  # the loop answers though nobody has the keys
    assert not waiting.done()
    key_server.open.set()
    assert (await waiting)["sub"] == "alice"


async def test_a_cancelled_request_takes_the_keys_from_nobody(remote, key_server, token):
    verifier = remote()
    key_server.open.clear()
    first, second = (asyncio.create_task(verifier.verify_async(token())) for _ in range(2))
    await asyncio.get_running_loop().run_in_executor(None, key_server.arrived.acquire)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    key_server.open.set()
    assert (await second)["sub"] == "alice"
    assert fetches(key_server) == 1


def test_a_token_that_can_never_be_good_causes_no_request(remote, key_server, token):
    verifier = remote()
    for bad in ("nonsense", token(iss="https://evil.example"), token().replace("e", "f", 1)):
        with pytest.raises(errors.VerificationError):
            verifier.verify(bad)
    assert not key_server.counts


def test_addresses_in_a_token_are_never_followed(remote, key_server, token, issuer):
    verifier = remote()
    there = f"{key_server.issuer}/evil"
    for header in ({"jku": there}, {"x5u": there}):
        with pytest.raises(errors.BadSignature):
            verifier.verify(token(key=issuer.stranger, header=header))
    assert set(key_server.counts) == {DISCOVERY, "/jwks"}


def rotate(server, *keys):
    server.keys = {"keys": [key.as_dict(private=False) for key in keys]}


def test_a_rotation_is_picked_up_at_the_first_token(remote, key_server, token, issuer):
    verifier = remote()
    verifier.verify(token())
    rotate(key_server, issuer.rsa, issuer.ec)
    rotate(key_server, issuer.ec384)
    assert verifier.verify(token(alg="ES384"))["sub"] == "alice"
    assert key_server.counts == {DISCOVERY: 1, "/jwks": 1}  # it had been published before


def test_a_new_key_is_picked_up_and_an_old_one_forgotten(remote, key_server, token, issuer):
    rotate(key_server, issuer.rsa)
    verifier = remote()
    verifier.verify(token())
    rotate(key_server, issuer.ec)
    assert verifier.verify(token(alg="ES256"))["sub"] == "alice"
    assert fetches(key_server) == 2
    with pytest.raises(errors.UnknownKey):
        verifier.verify(token())


def test_unknown_keys_cause_one_fetch_per_cooldown(remote, key_server, token, clock):
    verifier = remote(cooldown=30)
    verifier.verify(token())
    for n in range(50):
        with pytest.raises(errors.UnknownKey):
            verifier.verify(token(header={"kid": f"made-up-{n}"}))
    assert fetches(key_server) == 2
    clock.time += 29.9
    with pytest.raises(errors.UnknownKey):
        verifier.verify(token(header={"kid": "x"}))
    assert fetches(key_server) == 2
    clock.time += 0.2
    with pytest.raises(errors.UnknownKey):
        verifier.verify(token(header={"kid": "y"}))
    assert fetches(key_server) == 3
    assert verifier.verify(token())["sub"] == "alice"


def test_concurrent_requests_with_a_new_key_all_get_it(remote, key_server, token, issuer):
    rotate(key_server, issuer.rsa)
    verifier = remote()
    verifier.verify(token())
    rotate(key_server, issuer.rsa, issuer.ec)
    new = token(alg="ES256")
    together = threading.Barrier(100)

    def verify(_):
        together.wait()
        return verifier.verify(new)

    with ThreadPoolExecutor(100) as pool:
        assert {claims["sub"] for claims in pool.map(verify, range(100))} == {"alice"}
    assert fetches(key_server) == 2


def test_keys_of_an_age_are_fetched_anew(remote, key_server, token, clock, issuer):
    verifier = remote(max_age=600)
    verifier.verify(token())
    clock.time += 599
    verifier.verify(token())
    assert fetches(key_server) == 1
    rotate(key_server, issuer.ec)  # the other one was withdrawn
    clock.time += 1
    with pytest.raises(errors.UnknownKey):
        verifier.verify(token())
    assert fetches(key_server) >= 2


def test_remembered_tokens_go_with_their_key(remote, key_server, token, clock, issuer):
    verifier = remote(max_age=600, cache_size=10)
    good = token()
    assert [verifier.verify(good).from_cache for _ in range(2)] == [False, True]
    clock.time += 600
    assert verifier.verify(good).from_cache is False  # looked at again, with the keys of now
    rotate(key_server, issuer.ec)
    clock.time += 600
    with pytest.raises(errors.UnknownKey):
        verifier.verify(good)


BAD_ANSWERS = {
    "500": (500, {}, b"oops"),
    "404": (404, {}, b""),
    "201": (201, {}, {"keys": []}),
    "no JSON": (200, {}, b"<html>"),
    "JSON nested deeply": (200, {}, b"[" * 100_000),
    "a list": (200, {}, []),
    "no keys": (200, {}, {}),
    "an empty set": (200, {}, {"keys": []}),
    "keys of no use": (200, {}, {"keys": [{"kty": "oct", "k": "c2VjcmV0c2VjcmV0"}, 1, None, {"kty": "RSA"}]}),
    "not compressed, as it says": (200, {"Content-Encoding": "gzip"}, b"no gzip"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_a_failed_refresh_never_drops_good_keys(name, remote, key_server, token, clock):
    verifier = remote(max_age=600, cooldown=30)
    verifier.verify(token())
    key_server.responses["/jwks"] = BAD_ANSWERS[name]
    for _ in range(3):
        clock.time += 601
        assert verifier.verify(token())["sub"] == "alice"
        assert verifier.verify(token())["sub"] == "alice"
    assert fetches(key_server) == 4  # one try per cool-down, not one per token
    with pytest.raises(errors.UnknownKey):
        verifier.verify(token(header={"kid": "new"}))
    key_server.responses.clear()
    clock.time += 31
    assert verifier.verify(token())["sub"] == "alice"
    assert fetches(key_server) == 5


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_without_any_keys_the_error_says_so_and_one_soon_after_tries_again(
    name, remote, key_server, token, clock
):
    verifier = remote()
    key_server.responses["/jwks"] = BAD_ANSWERS[name]
    with pytest.raises(errors.KeysUnavailable) as caught:
        verifier.verify(token())
    assert caught.value.code == "keys_unavailable"
    assert "/jwks" in str(caught.value)
    key_server.responses.clear()
    clock.time += 4.9
    with pytest.raises(errors.KeysUnavailable, match="/jwks"):
        await verifier.verify_async(token())
    assert fetches(key_server) == 1
    clock.time += 0.2
    assert verifier.verify(token())["sub"] == "alice"


def test_a_key_set_of_a_size_that_none_has_is_not_read(remote, key_server, token):
    key_server.keys = {**key_server.keys, "filler": "x" * 600_000}
    with pytest.raises(errors.KeysUnavailable, match="more than 524288 bytes"):
        remote().verify(token())


def test_an_unreachable_provider_is_no_fault_of_the_token(remote, issuer):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(errors.KeysUnavailable) as caught:
        remote(issuer=url).verify(issuer.token(iss=url))
    assert not isinstance(caught.value, errors.VerificationError)


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(path, status, remote, key_server, token):
    key_server.responses[path] = (status, {"Location": f"{key_server.issuer}/elsewhere"}, b"")
    with pytest.raises(errors.KeysUnavailable, match="Redirects are not followed"):
        remote().verify(token())
    assert "/elsewhere" not in key_server.counts


def test_redirects_are_not_followed_even_by_a_client_that_would(remote, key_server, token):
    key_server.responses["/jwks"] = (302, {"Location": f"{key_server.issuer}/elsewhere"}, b"")
    with httpx.Client(follow_redirects=True) as client, pytest.raises(errors.KeysUnavailable):
        remote(http_client=client).verify(token())
    assert "/elsewhere" not in key_server.counts


async def test_a_provider_that_does_not_answer_costs_the_time_out_and_no_more(
    remote, key_server, token, clock
):
    verifier = remote(timeout=0.2)
    key_server.open.clear()
    with pytest.raises(errors.KeysUnavailable, match=r"within 0\.2 s"):
        verifier.verify(token())
    clock.time += 5
    with pytest.raises(errors.KeysUnavailable, match=r"within 0\.2 s"):
        await verifier.verify_async(token())


def test_strangers_wait_for_a_silent_provider_once_per_cooldown(remote, key_server, token):
    verifier = remote(timeout=0.2)
    key_server.open.clear()
    for _ in range(50):
        with pytest.raises(errors.KeysUnavailable, match=r"within 0\.2 s"):
            verifier.verify(token())
    assert key_server.counts == {DISCOVERY: 1}


def test_a_provider_that_drips_is_given_up(remote, key_server, token):
    stop = threading.Event()

    def drip(handler, _body):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        try:
            while not stop.wait(0.02):
                handler.wfile.write(b" ")
        except ConnectionError:
            stop.set()
        return 200, {}, b""

    key_server.responses["/jwks"] = drip
    with pytest.raises(errors.KeysUnavailable, match=r"within 0\.2 s"):
        remote(timeout=0.2).verify(token())
    assert stop.wait(5)  # the connection was closed, so nothing goes on in the background


def test_good_keys_serve_while_the_provider_does_not_answer(remote, key_server, token, clock):
    verifier = remote(timeout=0.2, max_age=600)
    verifier.verify(token())
    key_server.open.clear()
    clock.time += 601
    assert verifier.verify(token())["sub"] == "alice"


def test_a_hanging_provider_holds_no_good_token_up(remote, key_server, token, clock):
    verifier = remote(timeout=30, max_age=600)
    verifier.verify(token())
    key_server.open.clear()
    clock.time += 601
    started = time.monotonic()
    for _ in range(20):
        assert verifier.verify(token())["sub"] == "alice"
    assert time.monotonic() - started < 5
    assert fetches(key_server) == 2  # one renewal, behind


async def test_a_hanging_provider_holds_no_event_loop_up(remote, key_server, token, clock):
    verifier = remote(timeout=30, max_age=600)
    await verifier.verify_async(token())
    key_server.open.clear()
    clock.time += 601
    started = time.monotonic()
    results = await asyncio.gather(*(verifier.verify_async(token()) for _ in range(20)))
    assert {claims["sub"] for claims in results} == {"alice"}
    assert (await verifier.verify_async(token()))["sub"] == "alice"
    assert time.monotonic() - started < 5


def test_what_a_slow_renewal_brings_counts_once_it_is_there(remote, key_server, token, clock):
    verifier = remote(timeout=30, max_age=600)
    verifier.verify(token())
    key_server.open.clear()
    clock.time += 601
    new = ECKey.generate_key("P-256", {"kid": "new"})
    rotate(key_server, new)
    assert verifier.verify(token())["sub"] == "alice"  # with the keys of before
    key_server.open.set()
    assert verifier.verify(token(alg="ES256", key=new))["sub"] == "alice"  # who waits for it
    with pytest.raises(errors.UnknownKey):
        verifier.verify(token())


@pytest.mark.parametrize("named", [True, False])
async def test_a_key_replaced_under_the_same_name_is_picked_up(named, remote, key_server, issuer, token):
    kid = {} if named else {"kid": ...}
    verifier = remote()
    verifier.verify(token(header=kid))
    jwk = issuer.stranger.as_dict(private=False)
    key_server.keys = {"keys": [jwk if named else {**jwk, "kid": None}]}
    assert verifier.verify(token(key=issuer.stranger, header=kid))["sub"] == "alice"
    assert fetches(key_server) == 2
    with pytest.raises(errors.BadSignature):
        verifier.verify(token(header=kid))
    with pytest.raises(errors.BadSignature):
        await verifier.verify_async(token(header=kid))
    assert fetches(key_server) == 2  # within the cool-down


async def test_a_replaced_key_is_picked_up_in_an_event_loop(remote, key_server, issuer, token):
    verifier = remote()
    await verifier.verify_async(token())
    rotate(key_server, issuer.stranger)
    assert (await verifier.verify_async(token(key=issuer.stranger)))["sub"] == "alice"


def test_forged_signatures_cause_one_fetch_per_cooldown(remote, key_server, token, issuer, clock):
    verifier = remote(cooldown=30)
    verifier.verify(token())
    for _ in range(50):
        with pytest.raises(errors.BadSignature):
            verifier.verify(token(key=issuer.stranger))
    assert fetches(key_server) == 2
    clock.time += 31
    with pytest.raises(errors.BadSignature):
        verifier.verify(token(key=issuer.stranger))
    assert fetches(key_server) == 3


def test_keys_may_be_fetched_at_the_start(remote, key_server, token):
    verifier = remote()
    verifier.fetch_keys()
    assert fetches(key_server) == 1
    verifier.verify(token())
    assert fetches(key_server) == 1


FAULTS = {
    "issuer_mismatch": lambda s: s.metadata.update(issuer="https://other.example"),
    "discovery_failed": lambda s: s.responses.update({DISCOVERY: (404, {}, b"")}),
    "insecure_url": lambda s: s.metadata.update(jwks_uri="http://idp.example.com/jwks"),
    "invalid_url": lambda s: s.metadata.update(jwks_uri="file:///etc/passwd"),
    "keys_unavailable": lambda s: s.responses.update({"/jwks": (500, {}, b"")}),
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_of_discovery_is_noticed_at_the_start_and_has_a_code_of_its_own(
    code, remote, key_server, token
):
    FAULTS[code](key_server)
    verifier = remote()
    with pytest.raises(errors.DiscoveryError) as caught:
        verifier.fetch_keys()
    assert caught.value.code == code
    with pytest.raises(errors.KeysUnavailable) as caught:
        verifier.verify(token())
    assert caught.value.code == code


def test_a_provider_that_is_not_there_has_a_code_of_its_own(remote):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(errors.DiscoveryError) as caught:
        remote(issuer=url).fetch_keys()
    assert caught.value.code == "provider_unreachable"


METADATA = {
    "of another issuer": ({"issuer": "https://evil.example"}, "says that its issuer is"),
    "without keys": ({"jwks_uri": None}, "jwks_uri .* is missing"),
    "with keys over http elsewhere": (
        {"jwks_uri": "http://idp.example.com/jwks"},
        "not protected on its way",
    ),
    "with keys in a file": ({"jwks_uri": "file:///etc/passwd"}, "no web address"),
    "with keys nowhere": ({"jwks_uri": 7}, "must be a web address"),
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_that_can_not_be_trusted_are_refused(name, remote, key_server, token):
    changes, message = METADATA[name]
    key_server.metadata = changes
    with pytest.raises(errors.KeysUnavailable, match=message):
        remote().verify(token())
    assert fetches(key_server) == 0


def test_the_algorithms_are_those_that_discovery_advertises(remote, key_server, token):
    key_server.metadata = {"id_token_signing_alg_values_supported": ["ES256", "none", "HS256"]}
    verifier = remote()
    assert verifier.verify(token(alg="ES256"))
    for alg in ("RS256", "PS256", "EdDSA"):
        with pytest.raises(errors.AlgorithmNotAllowed, match="accepted"):
            verifier.verify(token(alg=alg))
    assert remote(algorithms=["RS256"]).verify(token())


def test_keys_that_move_are_found_again(remote, key_server, token, clock):
    verifier = remote(max_age=600)
    verifier.verify(token())
    key_server.metadata = {"jwks_uri": f"{key_server.issuer}/keys"}
    key_server.responses = {"/jwks": (404, {}, b""), "/keys": (200, {}, key_server.keys)}
    clock.time += 601
    verifier.verify(token())
    clock.time += 601
    verifier.verify(token())
    assert key_server.counts["/keys"] == 1


def test_an_issuer_without_discovery_is_told_where_its_keys_are(remote, key_server, issuer):
    verifier = remote(issuer="idp.example.com", jwks_uri=f"{key_server.issuer}/jwks")
    assert verifier.verify(issuer.token(iss="idp.example.com"))
    assert key_server.counts == {"/jwks": 1}


def test_single_flight_hands_an_unexpected_error_to_those_who_wait():
    def fail():
        raise ZeroDivisionError

    flight = SingleFlight(fail)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            flight.wait(5, landed=flight.landed)
    assert flight.landed == 2
    flight.wait(5, landed=0)  # one has ended since: look again, and don't start another
    assert flight.landed == 2
