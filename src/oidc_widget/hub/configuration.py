"""What ``jupyterhub_config.py`` needs: the service, who may use it, and what users' servers are told."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from traitlets.config.loader import LazyConfigValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traitlets.config import Config

__all__ = ["PROVIDERS_VARIABLE", "SERVICE_NAME", "configure", "redirect_uri"]

#: The service's name, and so the last part of ``/services/oidc-widget/``.
SERVICE_NAME = "oidc-widget"

# Read by the server extension (`oidc_widget.server.configuration`, `.hub_relay`).
_REDIRECT_URI = "OIDC_WIDGET_REDIRECT_URI"
_HUB_URL = "OIDC_WIDGET_HUB_URL"

#: The providers as JSON, for the service (``oidc_widget.hub.relay``).
PROVIDERS_VARIABLE = "OIDC_WIDGET_PROVIDERS"
#: IANA's registered ports, above those that services here usually have.
_FIRST_PORT, _PORTS = 20_000, 10_000
_ACCESS = f"access:services!service={SERVICE_NAME}"


def configure(
    config: Config,
    *,
    providers: Mapping[str, Mapping[str, Any]] | None = None,
    url: str | None = None,
    listen: str | None = None,
    command: Sequence[str] | None = None,
) -> None:
    """Add the callback service to a JupyterHub; call it last, so that nothing it adds to is replaced.

    Parameters
    ----------
    config : Config
        The ``c`` of ``jupyterhub_config.py``.
    providers : Mapping, optional
        Providers for all users, as in ``c.OIDCWidget.providers`` of a Jupyter server. Their token
        requests go through the service, so no user's server ever has their secrets.
    url : str, optional
        Where the Hub's proxy finds the service. Unless given, a port of this machine that follows from the
        Hub's folder and addresses, so that it is the same at each start: servers outlive a restart of the
        Hub, and go on with what they were told.
    listen : str, optional
        The address that the service listens on, if it isn't the host of ``url``: ``"0.0.0.0"`` where
        the proxy is on another machine.
    command : sequence of str, optional
        How the service is started; this Python's ``-m oidc_widget.hub`` unless given.
    """
    url = url or f"http://127.0.0.1:{_stable_port(config)}"
    environment = {"OIDC_WIDGET_LISTEN": listen} if listen else {}
    told: dict[str, Any] = {_REDIRECT_URI: redirect_uri}
    if providers:
        environment |= _relay_environment(providers)
        # At the proxy's back: user's servers reach the service as the proxy does.
        told[_HUB_URL] = partial(_service_address, url)
    service = {
        "name": SERVICE_NAME,
        "url": url,
        "command": list(command or (sys.executable, "-m", "oidc_widget.hub")),
        "display": False,
        "environment": environment,
        # The person is in the middle of a sign-in: the Hub's own question would only be in the way.
        "oauth_no_confirm": True,
        # Enough to know whose browser this is and which servers that person has; nothing of others.
        "oauth_client_allowed_scopes": ["read:servers!user"],
    }
    _append(config.JupyterHub, "services", service)
    _let_everybody_in(config.JupyterHub)
    # A subclass's own `environment` replaces that of Spawner, so each one that there is gets it.
    spawners = [name for name in config if name.endswith("Spawner") and "environment" in config[name]]
    for name in {*spawners, "Spawner"}:
        config[name].environment.update(told)


def redirect_uri(spawner: Any) -> str:
    """Tell the one redirect address, as a value for ``c.Spawner.environment``.

    Parameters
    ----------
    spawner : jupyterhub.spawner.Spawner
        The spawner of any user's server.

    Returns
    -------
    str
        The address; its path alone where only the browser knows the Hub's name and scheme, that is
        without ``JupyterHub.public_url`` and ``JupyterHub.subdomain_host``.
    """
    settings = spawner.user.settings
    path = f"{settings['base_url'].rstrip('/')}/services/{SERVICE_NAME}/callback"
    if settings.get("subdomain_host"):
        host = urlsplit(settings["subdomain_host"])
        domain = settings["subdomain_hook"](SERVICE_NAME, host.hostname, kind="service")
        port = f":{host.port}" if host.port else ""
        return f"{host.scheme}://{domain}{port}{path}"
    public = settings.get("public_url")
    return f"{public.scheme}://{public.netloc}{path}" if public else path


def _relay_environment(providers: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Hand the providers to the service, with the variables that hold their secrets.

    The Hub passes little of its own environment on to a service, and none of these to users' servers.
    A provider of the Hub always goes through its relay.
    """
    configured = {
        # What is no dictionary is for the service to complain of, in its log.
        name: {"relay": True, **settings} if isinstance(settings, dict) else settings
        for name, settings in providers.items()
    }
    variables = {
        variable
        for settings in configured.values()
        if isinstance(settings, dict)
        for key in ("client_secret_env", "private_key_env")
        if isinstance(variable := settings.get(key), str) and variable in os.environ
    }
    return {
        PROVIDERS_VARIABLE: json.dumps(configured),
        **{name: os.environ[name] for name in sorted(variables)},
    }


def _service_address(url: str, spawner: Any) -> str:
    return f"{url.rstrip('/')}{spawner.user.settings['base_url']}services/{SERVICE_NAME}/"


def _let_everybody_in(hub: Config) -> None:
    """Give every user access to the service, which the Hub demands of a browser that signs in to it.

    The role ``user`` is the only one that everybody has; what it is otherwise stays.
    """
    roles = hub.get("load_roles", [])
    roles = roles.get_value([]) if isinstance(roles, LazyConfigValue) else roles
    for role in roles:
        if role["name"] == "user":
            role["scopes"] = [*role.get("scopes", ["self"]), _ACCESS]
            return
    _append(hub, "load_roles", {"name": "user", "scopes": ["self", _ACCESS]})


def _append(section: Config, name: str, value: object) -> None:
    # An unset trait is a LazyConfigValue, which has `append` too.
    getattr(section, name).append(value)


def _stable_port(config: Config) -> int:
    """Choose by what tells the Hubs of one machine apart, below where systems choose ports by themselves."""
    hub, proxy = config.get("JupyterHub", {}), config.get("ConfigurableHTTPProxy", {})
    own = [
        hub.get(name) for name in ("bind_url", "ip", "port", "base_url", "hub_port", "hub_bind_url", "db_url")
    ]
    names = json.dumps([str(Path.cwd()), *map(str, own), str(proxy.get("api_url"))])
    digest = hashlib.sha256(names.encode()).digest()
    return _FIRST_PORT + int.from_bytes(digest[:4], "big") % _PORTS
