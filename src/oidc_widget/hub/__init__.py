"""JupyterHub: one fixed callback address for the servers of all users.

In ``jupyterhub_config.py``, after everything else::

    import oidc_widget.hub
    oidc_widget.hub.configure(c)

Then register ``https://HUB/services/oidc-widget/callback`` with the provider, once.
"""

from __future__ import annotations

from .configuration import SERVICE_NAME, configure, redirect_uri

__all__ = ["SERVICE_NAME", "configure", "redirect_uri"]
