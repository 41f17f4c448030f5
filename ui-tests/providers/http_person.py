"""A person at a provider's pages without a browser: follows redirects, fills in forms, and says yes.

For tests that need a code or an approved device and no browser.

>>> HttpPerson("alice").visit(authorization_url, until="http://localhost:8888/")
'http://localhost:8888/oidc-widget/callback?code=…'
>>> HttpPerson("alice").visit(verification_uri_complete)      # a device is approved
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from typing_extensions import Self

#: Pages that a sign-in takes at most; more is a loop.
PATIENCE = 20


class _Forms(HTMLParser):
    """The forms of a page: where each goes, and what it would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((attributes.get("action", ""), {}))
        elif tag == "input" and self.forms and "name" in attributes:
            self.forms[-1][1][attributes["name"]] = attributes.get("value", "")


class HttpPerson:
    """Somebody with a session of their own at the provider.

    Parameters
    ----------
    login
        Their login name.
    password
        What belongs to it, if it isn't the one that the test providers give.
    """

    def __init__(self, login: str = "alice", password: str | None = None) -> None:
        self._answers = {
            "login": login,
            "username": login,
            "password": password or f"{login}-password",
        }
        self._http = httpx.Client(trust_env=False, event_hooks={"response": [self._trust_loopback]})

    def _trust_loopback(self, _response: httpx.Response) -> None:
        """Send secure cookies without TLS, as browsers do to this machine (Secure Contexts §3.1)."""
        for cookie in self._http.cookies.jar:
            cookie.secure = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session."""
        self._http.close()

    def visit(self, address: str, *, until: str | None = None) -> str:
        """Go to an address, and on, as far as it goes.

        Parameters
        ----------
        until
            Where to stop: an address that starts so is returned, and not asked for.

        Returns
        -------
        str
            That address; without `until`, the address of the last page that asks nothing.

        Raises
        ------
        AssertionError
            It never came there; the last page is in the message.
        """
        response = self._http.get(address)
        for _ in range(PATIENCE):
            if response.is_redirect:
                target = str(response.url.join(response.headers["location"]))
                if until is not None and target.startswith(until):
                    return target
                response = self._http.get(target)
                continue
            page = _Forms()
            page.feed(response.text)
            # The first form is the way on; what says no comes after it.
            if not page.forms or response.is_error:
                break
            action, fields = page.forms[0]
            response = self._http.post(str(response.url.join(action)), data=self._filled(fields))
        if until is not None:
            raise AssertionError(f"ended at {response.url} ({response.status_code}):\n{response.text}")
        return str(response.url)

    def _filled(self, fields: dict[str, str]) -> dict[str, str]:
        return {name: self._answers.get(name) or value for name, value in fields.items()}
