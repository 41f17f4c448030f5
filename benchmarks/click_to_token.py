"""From the click to the token, with the provider's session alive.

In one browser at one provider, in turns. The widget's token is in the running kernel, and its ID token's
signature was checked; `oidc-client-ts` (`signinPopup`) and the bare page have theirs in that page only, and
check no signature. The bare page is the least that a sign-in can be: a popup, a callback page of 200 bytes,
a BroadcastChannel and one token request. *Second notebook*: from the start of the cell that makes and shows
the widget, in a notebook whose kernel has imported the package, to the token there.
"""

from __future__ import annotations

import contextlib
import http.server
import statistics
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figure import Figure
from benchmarks.peers import bundle
from benchmarks.rounds import take_turns
from benchmarks.stage import stage
from signing_in import expect_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from benchmarks.stage import Stage
    from notebook_page import Notebook

PAGES = Path(__file__).parent / "pages"
EXTRA = 15  # ms that the widget may take beyond the bare page
SHARE = 0.1  # of what a sign-in by oidc-client-ts takes

#: The kernel notes when its cell starts and when it is told of a token, in ms since the epoch.
WATCH = """
import time
from oidc_widget import OIDCLogin
times = []
"""
SHOW = """
started = time.time() * 1000
w = OIDCLogin({issuer!r}, "notebooks")
w.observe(lambda change: change.new and times.append(time.time() * 1000), "access_token")
w
"""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield a row for the click, and one for the second notebook."""
    rounds, notebooks = (3, 2) if quick else (30, 10)
    with site() as origin:
        names = ("bare", "oidc-client-ts")
        with stage(callbacks=[f"{origin}/{name}-callback.html" for name in names]) as on:
            bare, peer = (open_page(on, f"{origin}/{name}.html") for name in names)
            lab = on.lab()
            notebook = lab.notebook([WATCH, SHOW.format(issuer=on.provider.issuer)])
            notebook.run_all()
            contestants = {
                "bare page": partial(page_round, bare),
                "oidc-client-ts": partial(page_round, peer),
                "widget": partial(widget_round, on, notebook),
            }
            take_turns(contestants, 1)  # what is loaded once
            found = take_turns(contestants, rounds)
            on.sign_in(notebook)
            second = [second_notebook(on, lab) for _ in range(notebooks)]
    medians = {name: statistics.median(values) for name, values in found.items()}
    widget, others = medians.pop("widget"), medians
    yield Figure(
        "click → token in the kernel",
        widget,
        "ms",
        others,
        f"≤ oidc-client-ts, ≤ bare page + {EXTRA} ms",
        widget <= others["oidc-client-ts"] and widget <= others["bare page"] + EXTRA,
    )
    yield Figure("· the fastest", min(found["widget"]), "ms", {name: min(found[name]) for name in others})
    later = statistics.median(second)
    yield Figure(
        "second notebook: cell → token in the kernel",
        later,
        "ms",
        {"click with oidc-client-ts": others["oidc-client-ts"]},
        f"≤ {SHARE} × oidc-client-ts",
        later <= SHARE * others["oidc-client-ts"],
    )


@contextlib.contextmanager
def site() -> Iterator[str]:
    """Serve the other pages, and return their origin."""
    script = bundle("export { UserManager, WebStorageStateStore, InMemoryWebStorage } from 'oidc-client-ts'")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=PAGES)

        def do_GET(self) -> None:
            if self.path != "/oidc-client-ts.js":
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Length", str(len(script)))
            self.send_header("Cache-Control", "max-age=3600")
            self.end_headers()
            self.wfile.write(script)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def open_page(on: Stage, address: str) -> Page:
    """Open a page that knows the provider."""
    page = on.context.new_page()
    page.goto(f"{address}#issuer={on.provider.issuer}")
    page.wait_for_function("document.title === 'ready'")
    return page


def page_round(page: Page) -> float:
    """Sign in once in a page, and return the ms that it took."""
    page.bring_to_front()
    page.evaluate("delete globalThis.took")
    page.wait_for_function("document.title === 'ready'")
    with page.expect_popup():
        page.get_by_role("button", name="Sign in").click()
    page.wait_for_function("globalThis.took !== undefined")
    return page.evaluate("took")


def widget_round(on: Stage, notebook: Notebook) -> float:
    """Sign in once by the widget, sign out again, and return the ms until the kernel had the token."""
    notebook.execute("times.clear()")
    on.sign_in(notebook)
    expect_kernel(notebook, "len(times)", 1)
    took = float(notebook.execute("times[0]")) - notebook.page.evaluate("clicked")
    on.sign_out(notebook)  # before the others' turn
    return took


def second_notebook(on: Stage, lab: Any) -> float:
    """Show the widget in another notebook, and return the ms from its cell's start to the token."""
    other = lab.notebook([WATCH, SHOW.format(issuer=on.provider.issuer)])
    other.run_all()
    expect_kernel(other, "len(times)", 1)
    took = float(other.execute("times[0] - started"))
    other.close()
    return took
