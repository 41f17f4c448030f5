"""Providers that the administrator configured (``c.OIDCWidget.providers``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oidc_widget.errors import ConfigurationError
from oidc_widget.oauth.client_authentication import (
    METHODS,
    ClientAuthentication,
    Credential,
    from_environment,
    from_file,
)
from oidc_widget.oauth.provider import WELL_KNOWN
from oidc_widget.oauth.reserved import RESERVED_HERE

from .settings import ProviderSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ConfiguredProvider", "parse_provider", "parse_providers"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CREDENTIALS: dict[str, Callable[[str], Credential]] = {
    "client_secret_env": from_environment,
    "client_secret_file": from_file,
    "private_key_env": from_environment,
    "private_key_file": from_file,
}


@dataclass(frozen=True)
class ConfiguredProvider:
    """A provider that users may pick by its name.

    The attributes are named as in the configuration, which ``docs/administrators.md`` explains.
    """

    name: str
    label: str
    authority: str
    client_id: str
    scopes: tuple[str, ...]
    redirect_uri: str | None
    icon: str | None
    extra_params: dict[str, str]
    resource: str | None
    audience: str | None
    oidc: bool
    relay: bool
    authorization_endpoint: str | None
    token_endpoint: str | None
    userinfo_endpoint: str | None
    revocation_endpoint: str | None
    id_token_hint: bool
    post_logout_redirect_uri: str | None
    authentication: ClientAuthentication

    def public(self) -> dict[str, Any]:
        """Return what browsers are told: everything but how the client authenticates itself."""
        return {
            "name": self.name,
            "label": self.label,
            "authority": self.authority,
            "client_id": self.client_id,
            "scopes": list(self.scopes),
            "redirect_uri": self.redirect_uri,
            "icon": self.icon,
            "extra_params": self.extra_params,
            "resource": self.resource,
            "audience": self.audience,
            "oidc": self.oidc,
            "relay": self.relay,
            "authorization_endpoint": self.authorization_endpoint,
            "token_endpoint": self.token_endpoint,
            "userinfo_endpoint": self.userinfo_endpoint,
            "revocation_endpoint": self.revocation_endpoint,
            **self._at_logout(),
        }

    def _at_logout(self) -> dict[str, Any]:
        """Return what a sign-out needs at this provider beyond the usual."""
        told = {
            "id_token_hint": self.id_token_hint,
            "post_logout_redirect_uri": self.post_logout_redirect_uri,
        }
        return {name: value for name, value in told.items() if value}


def parse_provider(name: Any, values: Any) -> ConfiguredProvider:
    """Check and complete the settings of one provider.

    Parameters
    ----------
    name : str
        The name users pick it by.
    values : dict
        What the administrator wrote.

    Raises
    ------
    ConfigurationError
        Something is missing or wrong; the message names the key.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"c.OIDCWidget.providers[{name!r}]: a name has up to 64 letters, digits, '.', '_' and '-', "
            "since it is part of an address; give 'label' for what people see."
        )
    if not isinstance(values, dict):
        raise ConfigurationError(
            f"c.OIDCWidget.providers[{name!r}]: must be a dictionary, not {type(values).__name__}."
        )
    settings = ProviderSettings(name, values)
    client_id = settings.required("client_id")
    oidc = settings.flag("oidc", default=True)
    authentication = _authentication(settings, client_id)
    relay = settings.flag("relay", default=authentication.credential is not None)
    if authentication.credential is not None and not relay:
        settings.fail("relay", "must be True: the secret stays on the server, so requests go through it.")
    extra_params = settings.texts("extra_params")
    for key in sorted(RESERVED_HERE & set(extra_params)):
        settings.fail("extra_params", f"must not set {key!r}, which the sign-in sets itself.")
    endpoints = {
        key: settings.address(f"{key}_endpoint")
        for key in ("authorization", "token", "userinfo", "revocation")
    }
    provider = ConfiguredProvider(
        name=name,
        label=settings.text("label") or name,
        authority=_authority(settings, endpoints, oidc=oidc),
        client_id=client_id,
        scopes=settings.words("scopes", ("openid", "profile", "email") if oidc else ()),
        # Jupyter itself may be on plain http in an intranet; then its callback is, too.
        redirect_uri=settings.web_address("redirect_uri"),
        icon=_icon(settings),
        extra_params=extra_params,
        resource=settings.text("resource"),
        audience=settings.text("audience"),
        oidc=oidc,
        relay=relay,
        authorization_endpoint=endpoints["authorization"],
        token_endpoint=endpoints["token"],
        userinfo_endpoint=endpoints["userinfo"],
        revocation_endpoint=endpoints["revocation"],
        # Each puts more into an address, and so into the browser's history: only where it must be.
        id_token_hint=settings.flag("id_token_hint", default=False),
        post_logout_redirect_uri=settings.web_address("post_logout_redirect_uri"),
        authentication=authentication,
    )
    settings.finish()
    if oidc and "openid" not in provider.scopes:
        settings.fail("scopes", "must have 'openid' (OpenID Connect Core §3.1.2.1), unless oidc is False.")
    return provider


def parse_providers(configured: Any) -> tuple[dict[str, ConfiguredProvider], list[ConfigurationError]]:
    """Check the whole of ``c.OIDCWidget.providers``; a wrong one doesn't take the others with it.

    Parameters
    ----------
    configured : object
        What the administrator wrote.

    Returns
    -------
    tuple
        The providers by name, and what is wrong with those that are left out.
    """
    if not isinstance(configured, dict):
        return {}, [
            ConfigurationError(
                "c.OIDCWidget.providers must be a dictionary of name: settings, "
                f"not {type(configured).__name__}."
            )
        ]
    providers: dict[str, ConfiguredProvider] = {}
    errors: list[ConfigurationError] = []
    for name, values in configured.items():
        try:
            providers[name] = parse_provider(name, values)
        except ConfigurationError as error:  # noqa: PERF203  # each stands or falls alone
            errors.append(error)
    return providers, errors


def _authority(settings: ProviderSettings, endpoints: Mapping[str, str | None], *, oidc: bool) -> str:
    authority = settings.address("authority")
    if oidc:
        if authority is None:
            settings.fail("authority", "is missing: the provider's issuer address.")
        return authority.removesuffix(WELL_KNOWN)
    for key in ("authorization", "token"):
        if endpoints[key] is None:
            settings.fail(f"{key}_endpoint", "is missing; without OpenID Connect it can't be discovered.")
    # What names the provider where no issuer does.
    parts = urlsplit(endpoints["authorization"] or "")
    return authority or f"{parts.scheme}://{parts.netloc}"


def _icon(settings: ProviderSettings) -> str | None:
    icon = settings.text("icon")
    if icon is not None and not icon.startswith(("https://", "data:image/", "/")):
        settings.fail("icon", "must be an https address, a data:image/… one or a path on this server.")
    return icon


def _authentication(settings: ProviderSettings, client_id: str) -> ClientAuthentication:
    if settings.has("client_secret"):
        settings.fail(
            "client_secret",
            "a secret doesn't belong in a configuration file, which gets copied, shown and committed. "
            "Put it into an environment variable (client_secret_env) or a file of its own "
            "(client_secret_file), and replace it at the provider if others may have seen it.",
        )
    sources = [(key, value) for key in _CREDENTIALS if (value := settings.text(key)) is not None]
    if len(sources) > 1:
        settings.fail(sources[1][0], f"there is {sources[0][0]!r} already; one of them is enough.")
    method = settings.choice("token_endpoint_auth_method", METHODS)
    key_id = settings.text("private_key_id")
    algorithm = settings.text("token_endpoint_auth_signing_alg")
    audience = settings.text("client_assertion_audience")
    if not sources:
        if method not in {None, "none"}:
            kind = "private_key" if method == "private_key_jwt" else "client_secret"
            settings.fail("token_endpoint_auth_method", f"needs {kind}_env or {kind}_file.")
        return ClientAuthentication(client_id, "none")
    ((source, value),) = sources
    by_key = source.startswith("private_key")
    method = method or ("private_key_jwt" if by_key else "client_secret_basic")
    if method == "none" or by_key != (method == "private_key_jwt"):
        settings.fail("token_endpoint_auth_method", f"{method!r} doesn't go with {source!r}.")
    try:
        authentication = ClientAuthentication(
            client_id, method, _CREDENTIALS[source](value), key_id, algorithm, audience
        )
        authentication.check()
    except ConfigurationError as error:
        settings.fail(source, error.message)
    return authentication
