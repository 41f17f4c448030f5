"""The extension's settings: ``c.OIDCWidget`` in ``jupyter_server_config.py``."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from traitlets import Any, Unicode, default
from traitlets.config import LoggingConfigurable

from oidc_widget.relay import ConfiguredProvider, parse_providers

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REDIRECT_URI_VARIABLE", "OIDCWidget", "is_callback"]

#: Set for users' servers by ``oidc_widget.hub``.
REDIRECT_URI_VARIABLE = "OIDC_WIDGET_REDIRECT_URI"

# A path is completed by the browser, which alone knows the name and scheme that it sees.
_ADDRESS = re.compile(r"https?://|/(?!/)")


def is_callback(configured: str) -> Callable[[str, str], bool]:
    """Return what tells the redirect address of configured providers from all others.

    Parameters
    ----------
    configured : str
        It, or its path alone where only the browser knows under what name this server is seen.
    """

    def is_it(address: str, _user: str) -> bool:
        return (urlsplit(address).path if configured.startswith("/") else address) == configured

    return is_it


class OIDCWidget(LoggingConfigurable):
    """Settings of the sign-in."""

    # Any, and checked by ourselves: traitlets would stop the extension, and quote the value.
    providers = Any({}, help="Providers that users may pick by name: a dictionary of name: settings.").tag(
        config=True
    )
    redirect_uri = Unicode(
        None,
        allow_none=True,
        help="One redirect address for all providers, instead of this server's own callback page. "
        f"Default: the environment variable {REDIRECT_URI_VARIABLE}, which oidc_widget.hub sets.",
    ).tag(config=True)

    @default("redirect_uri")
    def _redirect_uri_default(self) -> str | None:
        return os.environ.get(REDIRECT_URI_VARIABLE) or None

    def load(self) -> tuple[dict[str, ConfiguredProvider], str | None]:
        """Check all settings, and say in the log what is wrong with those that are left out.

        Returns
        -------
        tuple
            The providers by name, and the redirect address for all, if there is one.
        """
        providers, errors = parse_providers(self.providers)
        for error in errors:
            self.log.error("oidc_widget | %s This provider is left out.", error)
        redirect_uri = self.redirect_uri
        if redirect_uri is not None and not _ADDRESS.match(redirect_uri):
            self.log.error(
                "oidc_widget | c.OIDCWidget.redirect_uri must be an address (https://…) or a path (/…). "
                "It is left out."
            )
            redirect_uri = None
        return providers, redirect_uri
