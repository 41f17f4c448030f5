"""A user's server whose JupyterHub's service is away, and what a server process loads."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from oidc_widget.relay import Refusal, Relay, parse_providers
from oidc_widget.server.directory import Directory
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
    directory = Directory([Relay(providers, LOG), away])
    for _ in range(3):
        assert list(await directory.providers()) == ["own"]
    assert len(caplog.records) == 1
    assert "can't be reached" in caplog.text
    assert "obvious-test-token" not in caplog.text
    clock[0] += 11
    await directory.providers()
    assert len(caplog.records) == 2


async def test_a_name_that_only_the_hub_could_know_lists_the_right_ones(away):
    with pytest.raises(Refusal) as caught:
        await Directory([away]).relay_of("corp")
    assert (caught.value.status, caught.value.code) == (404, "unknown_provider")


@pytest.mark.parametrize("action", ["token", "revoke"])
async def test_a_request_for_a_hub_that_is_away_is_a_clean_error(away, action):
    with pytest.raises(Refusal) as caught:
        await getattr(away, action)("corp", "alice", "application/x-www-form-urlencoded", b"a=b")
    assert (caught.value.status, caught.value.code) == (502, "token_endpoint_unreachable")


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
