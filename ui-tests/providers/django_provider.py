"""A second, independent provider: `django-oauth-toolkit`, as a process.

>>> with DjangoProvider(folder, redirect_uris=[...], origins=["http://localhost:8888"]) as provider:
...     provider.issuer, provider.client_id
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from typing_extensions import Self

SCRIPT = Path(__file__).with_name("django_site.py")


class DjangoProvider:
    """A running provider with one person, alice, and one public client, `notebooks`.

    Parameters
    ----------
    folder
        An empty folder for its database.
    redirect_uris, post_logout_redirect_uris
        Where the client may send people back to.
    callbacks
        Callbacks of ours below which it may send people back to its own address.
    origins
        The pages that may call its token endpoint.
    log
        Where its standard error goes.
    **settings
        Settings of `OAUTH2_PROVIDER`, say `ACCESS_TOKEN_EXPIRE_SECONDS`.
    """

    client_id = "notebooks"

    def __init__(  # noqa: PLR0913  # each by name
        self,
        folder: Path,
        *,
        redirect_uris: Sequence[str],
        origins: Sequence[str],
        post_logout_redirect_uris: Sequence[str] = (),
        callbacks: Sequence[str] = (),
        log: IO[str] | int = subprocess.DEVNULL,
        **settings: Any,
    ) -> None:
        given = {
            "folder": str(folder),
            "redirect_uris": list(redirect_uris),
            "post_logout_redirect_uris": list(post_logout_redirect_uris),
            "callbacks": list(callbacks),
            "origins": list(origins),
            "settings": settings,
        }
        self._process = subprocess.Popen(
            [sys.executable, SCRIPT, json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The Django provider did not start: its reason is in the log.")
        self.issuer: str = json.loads(line)["issuer"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()
