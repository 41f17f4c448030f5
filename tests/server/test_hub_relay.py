"""A user's server whose JupyterHub's service is away, and what a server process loads."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from oidc_widget.relay import Refusal, Relay, Relays, parse_providers
from oidc_widget.server.hub_relay import HubRelay

LOG = logging.getLogger("test")
NOBODY = "http://127.0.0.1:9/services/oidc-widget/"


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def away(clock):
    return HubRelay(NOBODY, "obvious-test-token", LOG, now=lambda: clock[0])


async def test_the_server_s_own_providers_are_there_while_the_hub_is_away(away, clock, caplog):
    providers, _ = parse_providers({"own": {"authority": "https://idp.example.com", "client_id": "x"}})
    relays = Relays([Relay(providers, LOG), away])
    for _ in range(3):
        assert [provider["name"] for provider in await relays.listed()] == ["own"]
    assert len(caplog.records) == 1
    assert "can't be reached" in caplog.text
    assert "obvious-test-token" not in caplog.text
    clock[0] += 11
    await relays.listed()
    assert len(caplog.records) == 2


async def test_a_name_that_only_the_hub_could_know_lists_the_right_ones(away):
    with pytest.raises(Refusal) as caught:
        await Relays([away]).token("corp", "alice", "", b"")
    assert (caught.value.status, caught.value.code) == (404, "unknown_provider")


@pytest.mark.parametrize("action", ["token", "revoke"])
async def test_a_request_for_a_hub_that_is_away_is_a_clean_error(away, action):
    with pytest.raises(Refusal) as caught:
        await getattr(away, action)("corp", "alice", "application/x-www-form-urlencoded", b"a=b")
    assert (caught.value.status, caught.value.code) == (502, "token_endpoint_unreachable")


class Service(BaseHTTPRequestHandler):
    """A Hub's service that answers as the test wants."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Authorization"]))
        status, content_type, body, headers = self.server.answer
        self.send_response(status)
        for name, value in {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def hub(service, clock):
    address = f"http://127.0.0.1:{service.server_address[1]}/services/oidc-widget/"
    return HubRelay(address, "obvious-test-token", LOG, now=lambda: clock[0])


CORP = {"name": "corp", "label": "Corp", "authority": "https://idp.example.com", "client_id": "x"}
OWN, _ = parse_providers({"own": {"authority": "https://idp.example.com", "client_id": "x"}})


def names(listed):
    return [provider["name"] for provider in listed]


@pytest.mark.parametrize(
    "answer",
    [
        (200, "application/json", b"[]", {}),
        (200, "application/json", b"null", {}),
        (200, "application/json", b"{}", {}),
        (200, "application/json", b'{"providers": {}}', {}),
        (200, "application/json", b'{"providers": [1, null, {}, {"name": 5}, {"name": "a"}]}', {}),
        (200, "application/json", b"{" * 100_000, {}),
        (200, "application/json", b" " * 1_000_000, {}),
        (200, "text/html", b"<h1>Gateway</h1>", {}),
        (200, "text/html", b'{"providers": []}', {}),
        (302, "text/html", b"", {"Location": "/hub/login"}),
        (403, "application/json", b'{"error": "x"}', {}),
        (429, "application/json", b"[]", {}),
        (429, "application/json", b"{}", {"Retry-After": "soon"}),
        (500, "application/json", b'"oops"', {}),
        (502, "text/html", b"", {}),
    ],
)
async def test_whatever_the_hub_says_the_server_s_own_providers_are_there(hub, service, caplog, answer):
    service.answer = answer
    relays = Relays([Relay(OWN, LOG), hub])
    assert names(await relays.listed()) == ["own"]
    assert "oidc_widget |" in caplog.text
    for action in ("token", "revoke"):
        with pytest.raises(Refusal) as caught:
            await getattr(relays, action)("corp", "alice", "", b"")
        assert caught.value.code == "unknown_provider"
    assert len(service.asked) == 1


async def test_of_the_hub_s_providers_the_good_ones_are_taken(hub, service, caplog):
    service.answer = (
        200,
        "application/json",
        json.dumps({"providers": [CORP, {"name": "bad"}]}).encode(),
        {},
    )
    assert await hub.listed() == [CORP]
    assert "1 provider(s) that can't be used here" in caplog.text


async def test_what_was_listed_last_stays_while_the_hub_talks_nonsense(hub, service, clock):
    service.answer = (200, "application/json", json.dumps({"providers": [CORP]}).encode(), {})
    assert names(await hub.listed()) == ["corp"]
    service.answer = (200, "application/json", b"[]", {})
    clock[0] += 61
    assert names(await hub.listed()) == ["corp"]


async def test_too_many_requests_are_told_as_such(hub, service):
    service.answer = (429, "application/json", b"{}", {"Retry-After": "7"})
    with pytest.raises(Refusal) as caught:
        await hub.token("corp", "alice", "", b"")
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "7"})


async def test_when_a_provider_wants_to_be_asked_again_is_passed_on(hub, service):
    said = b'{"error": "token_endpoint_unreachable", "error_description": "Corp has a problem."}'
    service.answer = (502, "application/json", said, {"Retry-After": "40"})
    with pytest.raises(Refusal) as caught:
        await hub.token("corp", "alice", "", b"")
    refusal = caught.value
    assert (refusal.status, refusal.code, refusal.sentence) == (
        502,
        "token_endpoint_unreachable",
        "Corp has a problem.",
    )
    assert refusal.headers == {"Retry-After": "40"}


async def test_a_name_is_no_path_at_the_hub(hub, service):
    service.answer = (404, "application/json", b"{}", {})
    await hub.token("../../../hub/api/users", "alice", "", b"")
    await hub.metadata("a?b#c", "alice")
    assert [path for path, _ in service.asked] == [
        "/services/oidc-widget/api/providers/..%2F..%2F..%2Fhub%2Fapi%2Fusers/token",
        "/services/oidc-widget/api/providers/a%3Fb%23c/metadata",
    ]


async def test_the_server_s_token_goes_through_no_proxy(hub, service, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    service.answer = (200, "application/json", json.dumps({"providers": [CORP]}).encode(), {})
    assert names(await hub.listed()) == ["corp"]
    assert service.asked[0][1] == "token obvious-test-token"


def test_without_a_hub_there_is_no_relay_of_one(monkeypatch):
    monkeypatch.delenv("OIDC_WIDGET_HUB_URL", raising=False)
    assert HubRelay.of_environment(LOG) is None
    monkeypatch.setenv("OIDC_WIDGET_HUB_URL", NOBODY)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    assert HubRelay.of_environment(LOG) is None
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "obvious-test-token")
    assert HubRelay.of_environment(LOG) is not None


def test_a_server_process_loads_nothing_of_kernels():
    code = (
        "import sys, oidc_widget.server; others = 'ipywidgets', 'anywidget', 'IPython', 'oidc_widget.login';"
        "print([name for name in sys.modules if name.startswith(others)])"
    )
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own
    assert loaded.stdout.strip() == "[]"
