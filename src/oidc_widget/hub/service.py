"""The Hub-managed service at ``/services/oidc-widget/``: one callback for the servers of all users.

The browser must be signed in to the Hub, as the person whose server started the sign-in. Otherwise
anybody with a server could send others a link whose ``state`` names that server, and collect their
authorization codes there.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.services.auth import (  # type: ignore[import-untyped]  # no py.typed
    HubOAuth,
    HubOAuthCallbackHandler,
    HubOAuthenticated,
    UserNotAllowed,
)
from jupyterhub.utils import url_path_join  # type: ignore[import-untyped]  # the same
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import Application, HTTPError, RequestHandler

from oidc_widget.message_page import MessagePage, isolated
from oidc_widget.oauth.callback_address import TAIL_PATTERN

from .configuration import PROVIDERS_VARIABLE
from .target import find_destination, is_own_server, target_of

__all__ = ["application", "main"]

log = logging.getLogger("oidc_widget.hub")

_AGAIN = "Go back to the notebook and click Sign in again."
_NO_TARGET = MessagePage(
    (
        "This sign-in can't be passed on",
        "The address that the provider sent you to doesn't name a server of this JupyterHub.",
        f"{_AGAIN} If it happens again, ask the JupyterHub's administrator.",
    )
)
_STOPPED = MessagePage(
    (
        "Your server is not running",
        "The sign-in was started on a Jupyter server that has stopped meanwhile.",
        "Start it again, open the notebook and click Sign in.",
    )
)
_FAILED = MessagePage(
    (
        "JupyterHub didn't answer",
        "So it is not known where to pass the sign-in on to.",
        f"{_AGAIN} If it happens again, ask the JupyterHub's administrator.",
    )
)


def _not_yours(name: str) -> MessagePage:
    return MessagePage(
        (
            "This sign-in belongs to another server",
            (
                f"You are signed in to JupyterHub as {isolated(name)}, and none of your servers has the "
                "address where the sign-in was started."
            ),
            (
                "If you opened JupyterHub under another name or port, open it here and sign in again. "
                "If you didn't start a sign-in, close this window: "
                "you may have followed somebody else's link."
            ),
        )
    )


class _PageHandler(RequestHandler):
    """Answer with pages of ours, whatever happens."""

    def set_default_headers(self) -> None:
        for name, value in _FAILED.headers.items():
            self.set_header(name, value)

    def show(self, page: MessagePage, status: int) -> None:
        self.set_status(status)
        self.finish(page.html)

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        self.show(_FAILED if status_code >= 500 else _NO_TARGET, status_code)  # noqa: PLR2004  # 5xx

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Keep the address, which holds the authorization code, out of the log."""
        if isinstance(value, HTTPError):
            log.warning("%s: %s", type(self).__name__, value.log_message or value.reason)
        else:
            log.error("%s failed", type(self).__name__, exc_info=(typ, value, tb))


class CallbackHandler(HubOAuthenticated, _PageHandler):  # type: ignore[misc]  # the Hub's has no types
    """Send the popup on to the callback of the server that started the sign-in."""

    async def get(self, tail: str | None = None) -> None:
        """Redirect with the query unchanged, or say why not.

        ``tail``: the last part of an issuer's own address. It is this request's own word and not that of
        ``state``, so an answer arrives at the address that its provider knows.
        """
        target = target_of(self.get_query_argument("state", None))
        if target is None:
            self.show(_NO_TARGET, 400)
            return
        # Not from the cache: the server may have been started a moment ago. And not by `current_user`, which
        # holds up everybody else until the Hub has answered.
        token = self.hub_auth.get_token(self)
        user = token and await self.hub_auth.user_for_token(token, use_cache=False, sync=False)
        if not user:
            # Back here afterwards: the Hub's library keeps this address in memory meanwhile.
            self.redirect(self.get_login_url())
            return
        if not self._allows(user):
            raise HTTPError(403, f"{user['name']} may not use this service.")
        servers = user.get("servers") or {}
        found = find_destination(target, servers.values(), origins=_origins(self))
        stopped = is_own_server(target, user["name"], base_url=os.environ.get("JUPYTERHUB_BASE_URL", "/"))
        if found is None and not stopped:
            log.warning(
                "A sign-in of %s was for another server than theirs, and is not passed on.", user["name"]
            )
            self.show(_not_yours(user["name"]), 403)
        elif found is None or not found.ready:
            self.show(_STOPPED, 503)
        else:
            self.set_status(302)
            # By hand: `redirect` would resolve a path against what this process takes for its own address.
            own = "" if tail is None else f"/{tail}"
            self.set_header("Location", f"{found.location}{own}?{self.request.query}")
            self.finish()

    def _allows(self, user: dict[str, Any]) -> bool:
        """Ask the Hub's library, which says no in either of two ways."""
        try:
            return self.check_hub_user(user) is not None
        except UserNotAllowed:
            return False


class OAuthCallbackHandler(HubOAuthCallbackHandler, _PageHandler):  # type: ignore[misc]  # as above
    """Finish the browser's sign-in to this service (the Hub is the provider of that one)."""


class NotFoundHandler(_PageHandler):
    """Everything else."""

    def prepare(self) -> None:
        """Answer any method alike."""
        self.show(_NO_TARGET, 404)


def _origins(handler: RequestHandler) -> set[str]:
    """List what this Hub may be called: its configured public name, and the one in the request.

    With either scheme, since a proxy in front may not tell which one the browser sees; the redirect
    has a path alone, so it keeps what the browser sees.
    """
    hosts = {handler.request.host, urlsplit(os.environ.get("JUPYTERHUB_PUBLIC_HUB_URL", "")).netloc} - {""}
    return {f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts}


def _log_request(handler: RequestHandler) -> None:
    """Log requests without their query, which holds the authorization code."""
    request = handler.request
    milliseconds = 1000 * request.request_time()
    log.info("%d %s %s %.1fms", handler.get_status(), request.method, request.path, milliseconds)


def application(prefix: str) -> Application:
    """Make the service."""
    return Application(
        [
            (url_path_join(prefix, "callback"), CallbackHandler),
            (url_path_join(prefix, "callback", f"({TAIL_PATTERN})"), CallbackHandler),
            (url_path_join(prefix, "oauth_callback"), OAuthCallbackHandler),
            *_relay_routes(prefix),
        ],
        default_handler_class=NotFoundHandler,
        cookie_secret=os.urandom(32),
        log_function=_log_request,
    )


def _relay_routes(prefix: str) -> list[Any]:
    if PROVIDERS_VARIABLE not in os.environ:
        return []
    # Only now: without providers of its own the Hub needs none of the packages that the relay needs.
    from .relay import relay_of_environment, relay_routes  # noqa: PLC0415

    return relay_routes(prefix, relay_of_environment())


def main() -> None:
    """Run the service, as the Hub's environment says."""
    logging.basicConfig(level=logging.INFO, format="[%(levelname)1.1s %(asctime)s %(name)s] %(message)s")
    HubOAuth.instance()
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    server = HTTPServer(application(os.environ["JUPYTERHUB_SERVICE_PREFIX"]), xheaders=True)
    server.listen(address.port or 80, os.environ.get("OIDC_WIDGET_LISTEN") or address.hostname or "127.0.0.1")
    with contextlib.suppress(KeyboardInterrupt):  # how the Hub ends its services
        IOLoop.current().start()
