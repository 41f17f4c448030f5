"""What all answers of the extension's own API have in common: their headers, and how errors look."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError

from oidc_widget.message_page import SECURITY_HEADERS
from oidc_widget.relay import Refusal

__all__ = ["JSONHandler"]


class JSONHandler(APIHandler):
    """Base of the extension's API: JSON for signed-in users of this server."""

    auth_resource = "oidc-widget"

    @property
    def content_security_policy(self) -> str:
        """Nothing: JSON has no use for anything."""
        return "default-src 'none'; frame-ancestors 'none'"

    def set_default_headers(self) -> None:
        """Set ours over the server's own headers, which an administrator may have changed."""
        super().set_default_headers()
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", self.content_security_policy)
        self.set_header("Content-Type", "application/json")

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """Finish with a JSON document."""
        self.set_status(status)
        for name, value in (headers or {}).items():
            self.set_header(name, value)
        self.finish(body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer in the form that everything here has."""
        error = kwargs.get("exc_info", (None, None))[1]
        if not isinstance(error, Refusal):
            error = _refusal(status_code, error)
        self.answer(error.status, error.body, error.headers)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Keep foreseen refusals out of the error log; never log a request, which holds codes and tokens."""
        if isinstance(value, (Refusal, HTTPError)):
            self.log.debug("oidc_widget | %s", value)
        else:
            self.log.error("oidc_widget | %s failed", type(self).__name__, exc_info=(typ, value, tb))


def _refusal(status: int, error: BaseException | None) -> Refusal:
    if status in {401, 403}:
        reason = error.log_message if isinstance(error, HTTPError) and error.log_message else None
        return Refusal(
            status,
            "not_signed_in_to_jupyter",
            reason or "This is for signed-in users of this Jupyter server only; reload the page.",
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refusal(status, "server_error", "The Jupyter server failed; its log says why.")
    return Refusal(status, "invalid_request", "The Jupyter server refused this request.")
