"""JupyterLab and the certified provider, for tests that are not written in Python.

Prints one line of JSON when both are ready, and ends when its standard input is closed, so that no test run
leaves them behind.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from jupyter_process import JupyterServer
from providers.oidc_provider import OidcProvider


def main() -> None:
    with contextlib.ExitStack() as started:
        folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
        jupyter = started.enter_context(contextlib.closing(JupyterServer(folder)))
        provider = started.enter_context(OidcProvider(sys.stderr, consent="skip"))
        redirect_uris = jupyter.redirect_uris(provider.issuer)
        provider.configure(redirect_uris=redirect_uris, post_logout_redirect_uris=[jupyter.url])
        ready = {
            "lab": jupyter.address(),
            "root": str(jupyter.root),
            "issuer": provider.issuer,
            "clientId": provider.client_id,
            "redirectUris": redirect_uris,
            "admin": provider.admin_url,
        }
        sys.stdout.write(f"{json.dumps(ready)}\n")
        sys.stdout.flush()
        sys.stdin.read()


main()
