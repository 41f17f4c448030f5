"""OpenID Connect sign-in for Jupyter: the access token arrives in the running kernel.

The names below are loaded on first use (PEP 562): a server process that imports the package
must not load ipywidgets, and an API that verifies tokens must not load Jupyter.
"""
