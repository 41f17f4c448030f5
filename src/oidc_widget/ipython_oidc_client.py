"""The call of ``ipython-oidc-client``: notebooks written for it run with another import.

>>> from oidc_widget import authenticate          # was: from ipython_oidc_client import authenticate
>>> token = {}
>>> authenticate({"authority": "https://idp.example.com", "client_id": "notebooks",
...               "response_type": "code", "scope": "openid profile"}, token)
>>> token["access_token"]  # there after the click, and kept fresh; no cell is run again
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oidc_widget.errors import ConfigurationError
from oidc_widget.login import OIDCLogin
from oidc_widget.oauth.reserved import RESERVED, without_reserved
from oidc_widget.parameters import parameters

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["authenticate"]

#: What that package passed on to the provider with its own name for it.
_AUTHORIZATION_PARAMETERS = ("prompt", "display", "max_age", "ui_locales", "login_hint", "acr_values")
#: What needs no setting here: the widget does it, or has no use for it.
_NEEDLESS = (
    "automaticSilentRenew",
    "filterProtocolClaims",
    "loadUserInfo",
    "monitorSession",
    "popup_redirect_uri",
    "post_logout_redirect_uri",
    "response_mode",
    "silent_redirect_uri",
    "userStore",
)
_KNOWN = (
    "authority",
    "client_id",
    "extraQueryParams",
    "redirect_uri",
    "resource",
    "response_type",
    "scope",
    *_AUTHORIZATION_PARAMETERS,
    *_NEEDLESS,
)


class _Filled:
    """A widget that nobody gets hold of, and the dictionary that it fills, which somebody does."""

    def __init__(self, w: OIDCLogin | None, token: MutableMapping[str, Any]) -> None:
        self.w = w
        self.token = token

    def references(self) -> int:
        """Return how many hold the dictionary."""
        return sys.getrefcount(self.token)

    def let_go(self, replaced: MutableMapping[str, Any]) -> bool:
        """Close the widget if nobody else holds its dictionary: a cell that runs again makes another."""
        if self.w is None or (self.token is not replaced and self.references() > _OWN_REFERENCES):
            return False
        self.w.close()
        return True


#: What such an object counts by itself, and one more that the observer holds.
_OWN_REFERENCES = _Filled(None, {}).references() + 1
_held: list[_Filled] = []


def authenticate(config: Mapping[str, Any], token: MutableMapping[str, Any]) -> None:
    """Show a sign-in button, and keep ``token["access_token"]`` fresh from the click on.

    Without a token the key is missing: before the sign-in and after the sign-out.

    Parameters
    ----------
    config : mapping
        ``authority`` (with or without ``/.well-known/openid-configuration``), ``client_id``,
        ``response_type`` and ``scope``, as ``ipython-oidc-client`` 0.1.3 took them; also ``redirect_uri``,
        ``resource``, ``extraQueryParams`` and the parameters of OpenID Connect Core §3.1.2.1 by name.
    token : mutable mapping
        Is given the key ``access_token``.

    Raises
    ------
    ConfigurationError
        When a key is missing or of the wrong kind.

    Warns
    -----
    UserWarning
        For a ``response_type`` other than ``code``, which is answered with the code flow, since browsers and
        logs leak tokens in addresses (RFC 9700 §2.1.2); and for keys that have no meaning here.
    """
    if not isinstance(config, Mapping) or not all(isinstance(key, str) for key in config):
        raise ConfigurationError(
            f"config is {type(config).__name__!r}, but must be a mapping with texts as keys."
        )
    response_type = config.get("response_type", "code")
    if response_type != "code":
        warnings.warn(
            f"response_type={response_type!r} would put tokens into an address, so the code flow is used "
            'instead (RFC 9700 §2.1.2). Set it to "code"; the provider must allow that for this client.',
            stacklevel=2,
        )
    extra = {name: config.get(name) for name in _AUTHORIZATION_PARAMETERS}
    extra.update(parameters("extraQueryParams", config.get("extraQueryParams")))
    # That package let them replace what the sign-in sets; its notebooks should run all the same.
    unknown = sorted((set(config) - set(_KNOWN)) | (set(extra) & RESERVED))
    if unknown:
        warnings.warn(
            f"These keys have no meaning here and are left out: {', '.join(unknown)}.", stacklevel=2
        )
    w = OIDCLogin(
        config.get("authority"),
        config.get("client_id"),
        scopes=config.get("scope", "openid"),
        resource=config.get("resource"),
        redirect_uri=config.get("redirect_uri"),
        extra_params=without_reserved(extra),
    )

    def fill(change: Mapping[str, Any]) -> None:
        if change["new"] is None:
            token.pop("access_token", None)
        else:
            token["access_token"] = change["new"]

    w.observe(fill, "access_token")
    _held[:] = [one for one in _held if not one.let_go(token)]
    _held.append(_Filled(w, token))
    w._show_once()  # noqa: SLF001  # nobody else gets hold of it
    w._sign_in.expect()  # noqa: SLF001  # where there is no button, the sign-in begins at once
