"""A person at a JupyterHub, in a browser without scripts: what the Hub's cookies open, and what not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx

from hub import PASSWORD

if TYPE_CHECKING:
    from typing_extensions import Self

    from hub import Hub


class Browser(httpx.Client):
    """A browser without scripts, which finds every name under `localhost` on this machine."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(trust_env=False, timeout=30, transport=_Loopback())
        self.hub = hub

    def sign_in(self, name: str) -> Self:
        """Sign in to the Hub."""
        page = self.get(f"{self.hub.url}hub/login")
        form = {"username": name, "password": PASSWORD, "_xsrf": self._xsrf(page)}
        answer = self.post(f"{self.hub.url}hub/login", data=form)
        assert answer.status_code == 302, answer.text
        return self

    def _xsrf(self, page: httpx.Response) -> str:
        return re.findall(r'name="_xsrf"\s+value="([^"]*)"', page.text)[0]

    def callback(self, query: str, tail: str = "") -> httpx.Response:
        """Arrive from the provider, and follow the Hub's own sign-in to its service until it answers."""
        answer = self.get(f"{self.hub.redirect_uri}{tail}?{query}")
        for _ in range(6):
            location = urljoin(str(answer.url), answer.headers.get("Location", ""))
            if "Location" not in answer.headers or re.search("/user/.*/oidc-widget/callback", location):
                return answer
            answer = self.get(location)
        raise AssertionError(f"{answer} is redirected for ever")


class _Loopback(httpx.HTTPTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        # As browsers do (RFC 6761 §6.3), whatever this machine's resolver knows.
        return super().handle_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )
