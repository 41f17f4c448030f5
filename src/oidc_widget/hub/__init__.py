"""JupyterHub: one fixed callback address for the servers of all users."""
