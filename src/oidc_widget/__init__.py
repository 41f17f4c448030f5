"""OpenID Connect sign-in for Jupyter: the access token arrives in the running kernel.

The public names are loaded on first use (PEP 562): a server process that imports the package must not
load ipywidgets, and an API that verifies tokens must not load Jupyter.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from oidc_widget import errors as errors
    from oidc_widget import hub as hub
    from oidc_widget import verify as verify
    from oidc_widget.ipython_oidc_client import authenticate as authenticate
    from oidc_widget.login import OIDCLogin as OIDCLogin

_HOMES = {
    "OIDCLogin": "oidc_widget.login",
    "_jupyter_server_extension_points": "oidc_widget.server",
    "authenticate": "oidc_widget.ipython_oidc_client",
    "_load_jupyter_server_extension": "oidc_widget.server",
}
_MODULES = ("errors", "hub", "verify")

__all__ = ["OIDCLogin", "authenticate", "errors", "hub", "verify"]


def __getattr__(name: str) -> Any:
    if name == "__version__":  # `jupyter server extension list` shows it
        return import_module("importlib.metadata").version("oidc-widget-core")
    if name in _HOMES:
        return getattr(_import_with_jupyter(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _import_with_jupyter(module: str) -> ModuleType:
    """Import a part that needs what ``oidc-widget`` installs beside ``oidc-widget-core``."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == __name__:
            raise
        errors = import_module("oidc_widget.errors")
        raise errors.MissingExtra(
            f"{module} needs {error.name}, which is not installed: oidc-widget-core comes without Jupyter.",
            hint="Install it with: pip install oidc-widget",
        ) from error


def __dir__() -> list[str]:
    return __all__


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "oidc-widget"}]
