"""A real JupyterLab, a real browser and the certified provider, for what is measured in pages."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

import chromium
from jupyter_process import JupyterServer
from lab import Lab
from login_form import LoginForm
from oidc_widget.oauth.callback_address import own_address
from providers.oidc_provider import OidcProvider

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, BrowserContext

    from notebook_page import Notebook

#: A page notes when it was clicked last, in ms since the epoch; page and kernel share the machine's clock.
NOTE_CLICKS = """addEventListener('click', (event) => {
  globalThis.clicked = performance.timeOrigin + event.timeStamp;
}, {capture: true});"""


@dataclass(frozen=True)
class Stage:
    """What runs."""

    jupyter: JupyterServer
    provider: OidcProvider
    browser: Browser
    context: BrowserContext

    def lab(self) -> Lab:
        """Open JupyterLab in a page of its own."""
        return Lab(self.context.new_page(), self.jupyter)

    def sign_in(self, notebook: Notebook, index: int = 0) -> None:
        """Click a widget's button, whose window closes by itself, and wait until the page says so."""
        notebook.page.bring_to_front()
        notebook.activate()
        region = notebook.region.nth(index)
        button = region.get_by_role("button", name="Sign in")
        button.wait_for()
        with notebook.page.expect_popup():
            button.click()
        region.get_by_role("button", name="Sign out", exact=True).wait_for()

    def sign_out(self, notebook: Notebook) -> None:
        """Click the button, and wait until the page says that it is done."""
        notebook.region.get_by_role("button", name="Sign out", exact=True).click()
        notebook.region.get_by_role("button", name="Sign in").wait_for()


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium.provide(), args=chromium.arguments())
        with contextlib.closing(started):
            yield started


@contextlib.contextmanager
def stage(
    *, callbacks: Sequence[str] = (), config: dict[str, dict[str, Any]] | None = None, **settings: Any
) -> Iterator[Stage]:
    """Start everything; the provider asks for no consent.

    Parameters
    ----------
    callbacks
        Redirect addresses of other pages that sign in at the same provider.
    config
        The Jupyter server's.
    **settings
        The provider's.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        OidcProvider(consent="skip", **settings) as provider,
        contextlib.closing(JupyterServer(Path(folder), config=config)) as jupyter,
        browser() as started,
    ):
        own = [own_address(jupyter.redirect_uri, provider.issuer), jupyter.redirect_uri]
        provider.configure(redirect_uris=[*own, *callbacks], post_logout_redirect_uris=[jupyter.url])
        context = started.new_context()
        context.add_init_script(NOTE_CLICKS)
        _meet(context, provider, own[0])
        yield Stage(jupyter, provider, started, context)
        context.close()  # before the server: a page that asks it at its end would hold it up


def _meet(context: BrowserContext, provider: OidcProvider, redirect_uri: str) -> None:
    """Sign Alice in at the provider, whose session lives from here on."""
    parameters = {
        "response_type": "code",
        "client_id": provider.client_id,
        "scope": "openid",
        "redirect_uri": redirect_uri,
        "code_challenge": "x" * 43,  # of a code that nobody redeems
        "code_challenge_method": "S256",
    }
    page = context.new_page()
    page.goto(f"{provider.issuer}/auth?{urlencode(parameters)}")
    LoginForm(page).sign_in("alice", allow=False)
    page.wait_for_url(lambda url: url.startswith(redirect_uri))  # which takes its query away
    page.close()
