"""The sign-in and consent pages of the test providers, in the popup or wherever a person meets them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Error

if TYPE_CHECKING:
    from playwright.sync_api import Page


class LoginForm:
    """A provider's pages in this browser page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def sign_in(self, login: str = "alice", password: str | None = None, *, allow: bool = True) -> None:
        """Sign in, and allow what the client asks for where the provider asks.

        Parameters
        ----------
        login
            `alice` or `bob`.
        password
            Their own, if None.
        allow
            Wait for the consent page and click `Allow` on it, unless the popup closes before. False: leave
            that to the test, which may then call `allow()` or `deny()`, or expects neither.
        """
        self.page.get_by_label("Login").fill(login)
        self.page.get_by_label("Password").fill(password or f"{login}-password")
        self._click("Sign in")
        if allow:
            self.allow()

    def allow(self) -> None:
        """Click `Allow` on the consent page; a window that closes without having asked is fine."""
        self._click(re.compile("^(Allow|Authorize)$"))

    def deny(self) -> None:
        """Click `Deny` on the consent page."""
        self._click(re.compile("^(Deny|Cancel)$"))

    def cancel(self) -> None:
        """Click `Cancel` on the sign-in page."""
        self._click("Cancel")

    def choose_organisation(self) -> None:
        """Click the organisation on the page of a federated provider."""
        self.page.get_by_role("link", name="Example Corp").click()

    def _click(self, name: str | re.Pattern[str]) -> None:
        try:
            self.page.get_by_role("button", name=name, exact=True).click()
        except Error:
            # The click may be what closes the window, before Playwright has seen it through.
            if not self.page.is_closed():
                raise


class KeycloakForm(LoginForm):
    """Keycloak's pages, which say the same in other words."""

    def sign_in(self, login: str = "alice", password: str | None = None, *, allow: bool = False) -> None:
        self.page.get_by_label("Username", exact=True).fill(login)
        self.page.get_by_label("Password", exact=True).fill(password or f"{login}-password")
        self._click("Sign In")
        if allow:
            self.allow()

    def prove_again(self, login: str = "alice") -> None:
        """Give the password where Keycloak knows who it is, and asks all the same (`prompt=login`)."""
        self.page.get_by_label("Password", exact=True).fill(f"{login}-password")
        self._click("Sign In")

    def allow(self) -> None:
        """Click `Yes` where it asks what a client or a device may do."""
        self._click("Yes")
