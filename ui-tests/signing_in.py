"""What a person does with the widget in a notebook, and how a test waits for what comes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import expect

from login_form import LoginForm

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from lab import Lab
    from notebook_page import Notebook

#: Seconds until the kernel knows what the page shows.
PATIENCE = 15

#: Milliseconds between two questions to a kernel: asked without a pause, they take all of a core.
PACE = 50


def login_cell(provider: Any, *, name: str = "w", **options: Any) -> str:
    """Return a cell that makes a widget for this provider, and shows it."""
    options = {"authority": provider.issuer, "client_id": provider.client_id, **options}
    arguments = ", ".join(f"{option}={value!r}" for option, value in options.items())
    return f"from oidc_widget import OIDCLogin\n{name} = OIDCLogin({arguments})\n{name}"


def sign_in_at(provider: Any) -> str:
    """Return what the button says where nobody vouches for the provider."""
    return f"Sign in at {urlsplit(provider.issuer).netloc}"


def open_popup(nb: Notebook, region: Locator | None = None, button: str = "Sign in") -> Page:
    """Click the button, and return the window that it opens."""
    nb.activate()
    with nb.popup() as popup:
        (region or nb.region).get_by_role("button", name=button).click()
    return popup.value


def sign_in(
    nb: Notebook,
    login: str = "alice",
    *,
    region: Locator | None = None,
    button: str = "Sign in",
    form: type[LoginForm] = LoginForm,
) -> None:
    """Sign in from a click to the page's word that it is done."""
    form(open_popup(nb, region, button)).sign_in(login)
    expect(region or nb.region).to_contain_text("Signed in as")


def expect_kernel(nb: Notebook, expression: str, value: Any, *, timeout: float = PATIENCE) -> None:
    """Wait until an expression has this value in the kernel, which is idle."""
    deadline = time.monotonic() + timeout
    while (found := nb.execute(f"print(repr(({expression})))")) != repr(value):
        assert time.monotonic() < deadline, f"{expression} is {found}, not {value!r}, after {timeout} s"
        nb.page.wait_for_timeout(PACE)


def expect_lines(lab: Lab, count: int, *, timeout: float = PATIENCE) -> None:
    """Wait until so many clients have a line to the vault: the page of each widget, and each labextension."""
    # A client that was welcomed waits for the lock that the vault holds.
    waiting = """async () => {
      const { pending } = await navigator.locks.query();
      return pending.filter(({ name }) => name.startsWith("oidc-widget:vault:")).length;
    }"""
    deadline = time.monotonic() + timeout
    # Playwright's own wait takes the promise for an answer.
    while (found := lab.page.evaluate(waiting)) != count:
        assert time.monotonic() < deadline, f"{found} lines, not {count}, after {timeout} s"
        lab.page.wait_for_timeout(PACE)


def expect_error(
    nb: Notebook,
    code: str,
    *sentences: str,
    status: str = "error",
    region: Locator | None = None,
    name: str = "w",
) -> None:
    """Expect these sentences and this code (in the details) in the view, and the same error in the kernel."""
    region = region or nb.region
    alert = region.get_by_role("alert")
    for sentence in sentences:
        expect(alert).to_contain_text(sentence)
    details = region.get_by_role("button", name="Details")
    if details.get_attribute("aria-expanded") != "true":
        details.click()
    expect(region.get_by_text(code, exact=True)).to_be_visible()
    expect_kernel(nb, f"{name}.status, {name}.error and {name}.error.code", (status, code))
    for sentence in sentences:
        assert sentence in nb.execute(f"print({name}.error)")
