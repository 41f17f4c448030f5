"""What `oidc_widget.hub.configure(c)` adds to a JupyterHub's configuration."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from jupyterhub.utils import subdomain_hook_idna, subdomain_hook_legacy
from traitlets.config import Config

from oidc_widget.hub import configure, redirect_uri

ACCESS = "access:services!service=oidc-widget"


def value(config, section, name):
    found = config[section][name]
    return found.get_value({} if name == "environment" else []) if hasattr(found, "get_value") else found


def test_an_empty_configuration_gets_the_service_the_access_and_the_address():
    config = Config()
    configure(config)
    (service,) = value(config, "JupyterHub", "services")
    assert service["name"] == "oidc-widget"
    assert service["command"] == [sys.executable, "-m", "oidc_widget.hub"]
    assert urlsplit(service["url"]).hostname == "127.0.0.1"
    assert value(config, "JupyterHub", "load_roles") == [{"name": "user", "scopes": ["self", ACCESS]}]
    assert value(config, "Spawner", "environment") == {"OIDC_WIDGET_REDIRECT_URI": redirect_uri}


def test_what_is_there_already_stays():
    config = Config()
    config.JupyterHub.services = [{"name": "cull"}]
    config.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "shares!user"]}, {"name": "cull"}]
    config.Spawner.environment = {"A": "b"}
    configure(config, url="http://hub:10105", listen="::", command=["python3", "-m", "oidc_widget.hub"])
    services = value(config, "JupyterHub", "services")
    assert [service["name"] for service in services] == ["cull", "oidc-widget"]
    assert services[1]["url"] == "http://hub:10105"
    assert services[1]["environment"] == {"OIDC_WIDGET_LISTEN": "::"}
    roles = value(config, "JupyterHub", "load_roles")
    assert roles == [{"name": "user", "scopes": ["self", "shares!user", ACCESS]}, {"name": "cull"}]
    assert set(value(config, "Spawner", "environment")) == {"A", "OIDC_WIDGET_REDIRECT_URI"}


def test_appended_lists_are_added_to():
    config = Config()
    config.JupyterHub.services.append({"name": "cull"})
    config.JupyterHub.load_roles.append({"name": "user", "scopes": ["self"]})
    configure(config)
    assert len(value(config, "JupyterHub", "services")) == 2
    assert value(config, "JupyterHub", "load_roles") == [{"name": "user", "scopes": ["self", ACCESS]}]


def test_the_hub_s_own_providers_and_their_secrets_go_to_the_service_alone(monkeypatch):
    monkeypatch.setenv("CORP_SECRET", "obvious-test-secret")
    config = Config()
    providers = {
        "corp": {
            "authority": "https://idp.example.com",
            "client_id": "x",
            "client_secret_env": "CORP_SECRET",
        },
        "wrong": 3,
    }
    configure(config, providers=providers, url="http://127.0.0.1:10105")
    (service,) = value(config, "JupyterHub", "services")
    assert service["environment"]["CORP_SECRET"] == "obvious-test-secret"
    assert json.loads(service["environment"]["OIDC_WIDGET_PROVIDERS"]) == {
        "corp": {**providers["corp"], "relay": True},
        "wrong": 3,
    }
    told = value(config, "Spawner", "environment")
    assert set(told) == {"OIDC_WIDGET_REDIRECT_URI", "OIDC_WIDGET_HUB_URL"}
    spawner = SimpleNamespace(user=SimpleNamespace(settings={"base_url": "/some/hub/"}))
    assert told["OIDC_WIDGET_HUB_URL"](spawner) == "http://127.0.0.1:10105/some/hub/services/oidc-widget/"


def test_a_spawner_with_an_environment_of_its_own_gets_the_address_too():
    config = Config()
    config.KubeSpawner.environment = {"A": "b"}
    configure(config)
    assert set(value(config, "KubeSpawner", "environment")) == {"A", "OIDC_WIDGET_REDIRECT_URI"}
    assert "OIDC_WIDGET_REDIRECT_URI" in value(config, "Spawner", "environment")


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"base_url": "/"}, "/services/oidc-widget/callback"),
        ({"base_url": "/some/hub/"}, "/some/hub/services/oidc-widget/callback"),
        (
            {"base_url": "/h/", "public_url": urlsplit("https://hub.example.com/h/")},
            "https://hub.example.com/h/services/oidc-widget/callback",
        ),
        (
            {
                "base_url": "/",
                "subdomain_host": "https://hub.example.com:8443",
                "subdomain_hook": subdomain_hook_idna,
                "public_url": urlsplit("https://hub.example.com:8443/"),
            },
            "https://oidc-widget--service.hub.example.com:8443/services/oidc-widget/callback",
        ),
        (
            {
                "base_url": "/",
                "subdomain_host": "https://hub.example.com",
                "subdomain_hook": subdomain_hook_legacy,
            },
            "https://services.hub.example.com/services/oidc-widget/callback",
        ),
    ],
)
def test_the_address_is_what_the_browser_sees(settings, address):
    spawner = SimpleNamespace(user=SimpleNamespace(settings=settings))
    assert redirect_uri(spawner) == address


def test_the_hub_loads_nothing_of_kernels_and_servers():
    code = (
        "import sys, oidc_widget.hub.service; others = 'ipywidgets', 'anywidget', 'jupyter_server', 'httpx';"
        "print([name for name in sys.modules if name.startswith(others)])"
    )
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own
    assert loaded.stdout.strip() == "[]"


def port_of(config, monkeypatch, folder):
    monkeypatch.chdir(folder)
    configure(config)
    (service,) = value(config, "JupyterHub", "services")
    return urlsplit(service["url"]).port


def test_the_port_is_the_same_at_each_start_and_another_for_another_hub(monkeypatch, tmp_path):
    def of_hub(folder="a", **settings):
        (tmp_path / folder).mkdir(exist_ok=True)
        return port_of(Config(JupyterHub=settings), monkeypatch, tmp_path / folder)

    assert of_hub() == of_hub()
    others = {of_hub(), of_hub("b"), of_hub(bind_url="http://:8001"), of_hub(port=9000), of_hub(db_url="x")}
    assert len(others) == 5
    assert all(20_000 <= port < 30_000 for port in others)
