"""Run the service; JupyterHub does this (``oidc_widget.hub.configure``)."""

from .service import main

main()
