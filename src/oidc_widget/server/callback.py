"""``GET oidc-widget/callback[/<issuer's own>]``: where the provider sends the popup (RFC 6749 §4.1.2)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from oidc_widget.message_page import MessagePage

__all__ = ["CallbackHandler", "callback_page"]

_SCRIPT = Path(__file__).parents[1] / "static" / "callback.js"


@lru_cache(maxsize=1)
def callback_page() -> MessagePage:
    """Return the callback page, which is the same for every request.

    Returns
    -------
    MessagePage
        The page with its script (``frontend/callback/callback.ts``).

    Raises
    ------
    FileNotFoundError
        When the frontend was not built.
    """
    return MessagePage(
        (
            "This page needs JavaScript",
            "Allow it for this address, go back to the notebook and click Sign in again.",
        ),
        _SCRIPT.read_text(encoding="utf-8").strip(),
    )


class CallbackHandler(JupyterHandler):
    """Serve the callback page.

    No sign-in to Jupyter is needed: the page holds nothing, and its script talks to nobody but
    pages of the same origin. So the user isn't looked up either, which on JupyterHub would be a
    request to the Hub for each popup, and a failed sign-in whenever the Hub is away.
    """

    async def prepare(self) -> None:  # type: ignore[override]  # as JupyterHandler's own
        """Check the ``Host`` header (DNS rebinding), and nothing else."""
        self.current_user = None
        if not self.check_host():
            raise HTTPError(403)

    def set_default_headers(self) -> None:
        """Set ours over the server's own headers, which an administrator may have changed."""
        super().set_default_headers()
        for name, value in callback_page().headers.items():
            self.set_header(name, value)

    @allow_unauthenticated
    def get(self) -> None:
        """Answer with the page; the query is for its script alone."""
        self.finish(callback_page().html)

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        """Answer in plain text: the server's error page has scripts, and wants a user."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {self._reason}")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Keep the address, which holds the authorization code, out of the log."""
        if not isinstance(value, HTTPError):
            self.log.error("The callback page failed", exc_info=(typ, value, tb))
