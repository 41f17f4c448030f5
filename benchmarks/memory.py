"""What stays in memory.

A cell that is run again and again, each time with a new widget, in a plain process. And a kernel with a
hundred widgets, each with a client and so a session of its own in the vault: what they weigh, and what
grows while one of them is renewed every second. Vault and page are measured by their used heap and the
kernel by its allocated blocks, all after a collection; the first minute is not counted.
"""

from __future__ import annotations

import gc
import time
import weakref
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.stage import stage
from benchmarks.vault_process import VaultProcess
from oidc_widget import OIDCLogin
from signing_in import expect_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import CDPSession

    from benchmarks.stage import Stage
    from notebook_page import Notebook

RUNS = 1000
GROWTH = 1.05
QUIET = 6.0  # seconds until observers are told of the end, and timers that were cancelled are forgotten
TOKEN = {"access_token": "t", "expires_in": 600, "claims": {"sub": "a"}}

SESSIONS = """
import gc, sys, threading, time
from ipywidgets import VBox
from oidc_widget import OIDCLogin
widgets = [OIDCLogin({issuer!r}, f"client-{{number}}") for number in range({count})]
finished = threading.Event()
def renew(seconds):
    finished.clear()
    for number in range(seconds):
        widgets[number % len(widgets)].refresh()
        time.sleep(1)
    finished.set()
def blocks():
    gc.collect()
    return sys.getallocatedblocks()
VBox(widgets)
"""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield the rows of a plain process, and those of a page."""
    yield from runs()
    count, warm, seconds = (5, 5, 10) if quick else (100, 60, 300)
    client = {
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    }
    default = {"notebooks": {**client, "client_name": "Notebooks"}}
    with stage(clients={**default, **{f"client-{number}": client for number in range(count)}}) as on:
        yield from sessions(on, count, warm, seconds)


def runs() -> Iterator[Figure]:
    """Run a cell again and again."""
    for end in ("run again", "closed"):
        make(50, close=end == "closed")  # what is loaded once
        gc.collect()
        before = len(gc.get_objects())
        left = make(RUNS, close=end == "closed")
        gc.collect()
        alive = sum(reference() is not None for reference in left)
        del left
        yield Figure(
            f"a cell {end} {RUNS} times: widgets that stay",
            alive,
            "",
            {"objects that stay for each": max(0.0, (len(gc.get_objects()) - before) / RUNS)},
            "none",
            alive == 0,
        )


def make(count: int, *, close: bool) -> list[weakref.ref[OIDCLogin]]:
    """Make so many under one name, and return weak references to them."""
    made = []
    for _ in range(count):
        w = OIDCLogin("https://idp.example.com", "notebooks", flow="popup")
        w.observe(lambda _: None, "access_token")
        w.receive("token", TOKEN, express=True)
        made.append(weakref.ref(w))
        if close:
            w.close()
    del w
    time.sleep(QUIET)
    return made


def sessions(on: Stage, count: int, warm: int, seconds: int) -> Iterator[Figure]:
    """Sign in with each widget, renew them for a while, and sign out."""
    notebook = on.lab().notebook([SESSIONS.format(issuer=on.provider.issuer, count=count)])
    notebook.run(0, timeout=120)
    page = on.context.new_cdp_session(notebook.page)
    notebook.region.get_by_role("button", name="Sign in").nth(count - 1).wait_for()
    vault = VaultProcess(on.browser)
    on.sign_in(notebook, 0)  # what is loaded and compiled once
    notebook.execute("widgets[0].sign_out()")
    notebook.region.get_by_role("button", name="Sign in").nth(count - 1).wait_for()
    unused = vault.heap() / 1000
    for index in range(count):
        on.sign_in(notebook, index)
    expect_kernel(notebook, "{each.status for each in widgets}", {"signed_in"}, timeout=60)
    each = (vault.heap() / 1000 - unused) / count
    yield Figure(f"a session in the vault ({count} of them)", each, "kB")
    renew(notebook, warm)
    before = held(notebook, vault, page)
    renew(notebook, seconds)
    after = held(notebook, vault, page)
    for what, amount in after.items():
        yield Figure(
            f"{what}, {count} sessions, after {seconds} s of a renewal each second",
            amount,
            "k" if what == "kernel's blocks" else "kB",
            {"before": before[what]},
            f"≤ {GROWTH} × before",
            amount <= GROWTH * before[what],
        )
    notebook.execute("for each in widgets: each.sign_out()")
    notebook.region.get_by_role("button", name="Sign in").nth(count - 1).wait_for()
    notebook.page.wait_for_timeout(2000)  # the revocations
    ended = vault.heap() / 1000
    yield Figure(
        "vault, after everybody's sign-out",
        ended,
        "kB",
        {"after the first one's": unused},
        f"≤ {GROWTH} × after the first",
        ended <= GROWTH * unused,
    )


def renew(notebook: Notebook, seconds: int) -> None:
    """Renew a token each second."""
    notebook.execute(f"threading.Thread(target=renew, args=({seconds},)).start()")
    notebook.page.wait_for_timeout(1000 * seconds)
    expect_kernel(notebook, "finished.wait(1)", True, timeout=30 + seconds)  # noqa: FBT003  # the value


def held(notebook: Notebook, vault: VaultProcess, page: CDPSession) -> dict[str, float]:
    """Return what vault, page and kernel hold, in thousands."""
    blocks = float(notebook.execute("print(blocks())"))
    page.send("HeapProfiler.collectGarbage")
    used = page.send("Runtime.getHeapUsage")["usedSize"]
    return {"vault": vault.heap() / 1000, "page": used / 1000, "kernel's blocks": blocks / 1000}
