"""From the vault's message to the kernel.

A token that the vault posts, until an observer in the kernel is told of it: through the page and the
control channel. *Blocked* means that a cell runs meanwhile (a loop of `time.sleep`). Beside it a plain
widget's message from the page to an idle kernel over its comm, which has one process less to pass. And one
session for many widgets in three notebooks: from `w.refresh()`, with the request at the provider, until the
last of them is told.
"""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.rounds import percentile
from benchmarks.stage import stage
from benchmarks.vault_process import VaultProcess
from signing_in import expect_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.stage import Stage
    from notebook_page import Notebook

KERNELS = {"python3": "ipykernel 7", "ipykernel6": "ipykernel 6.29"}
MEDIAN, SLOW = 10, 50  # ms
ALL = 300  # ms until a hundred have it
NOTEBOOKS = 3

#: Renews the token that many times, and notes when observers are told of each.
RENEW = """
import threading, time
from oidc_widget import OIDCLogin
w = OIDCLogin({issuer!r}, "notebooks")
told, arrived, finished = [], threading.Event(), threading.Event()
def note(change):
    if change.new:
        told.append((change.new, time.time() * 1000))
        arrived.set()
def renew(rounds):
    for _ in range(rounds):
        arrived.clear()
        w.refresh()
        arrived.wait(10)
        time.sleep(0.05)
    finished.set()
def start(rounds):
    told.clear()
    finished.clear()
    threading.Thread(target=renew, args=(rounds,)).start()
w.observe(note, "access_token")
w
"""

BLOCK = """
start({rounds})
while not finished.is_set():
    time.sleep(0.01)
"""

#: A plain widget whose page sends it the time, again and again.
PLAIN = """
import anywidget, time
class Plain(anywidget.AnyWidget):
    _esm = '''export default {{ render: ({{ model, el }}) => {{
      let left = {rounds};
      const send = () => {{
        model.send(performance.timeOrigin + performance.now());
        if (--left > 0) setTimeout(send, 50);
        else el.innerHTML = '<output>';
      }};
      send();
    }} }}'''
took = []
plain = Plain()
plain.on_msg(lambda _, sent, __: took.append(time.time() * 1000 - sent))
plain
"""

#: That many widgets on one session.
MANY = """
import time
from oidc_widget import OIDCLogin
told = {{}}
widgets = [OIDCLogin({issuer!r}, "notebooks") for _ in range({count})]
def note(change):
    if change.new:
        told.setdefault(change.new, {{}})[change.owner] = time.time()
for each in widgets:
    each.observe(note, "access_token")
widgets[0] if widgets else None
"""

REFRESH = """
import time
before, asked = widgets[0].access_token, time.time()
widgets[0].refresh()
"""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield the rows of each kernel, and those of many widgets."""
    rounds = 10 if quick else 150
    for kernel, name in KERNELS.items():
        with stage() as on:
            plain = plain_comm(on, kernel, rounds)
            idle, blocked = tokens(on, kernel, rounds)
        middle, slow = statistics.median(idle), percentile(idle, 99)
        comm = {"plain comm": statistics.median(plain)}
        yield Figure(f"{name}, idle, p50", middle, "ms", comm, f"≤ {MEDIAN} ms", middle <= MEDIAN)
        comm = {"plain comm": percentile(plain, 99)}
        yield Figure(f"{name}, idle, p99", slow, "ms", comm, f"≤ {SLOW} ms", slow <= SLOW)
        held = statistics.median(blocked)
        yield Figure(f"{name}, blocked, p50", held, "ms", {"idle": middle}, "≤ 2 × idle", held <= 2 * middle)
        held = percentile(blocked, 99)
        yield Figure(f"{name}, blocked, p99", held, "ms", {"idle": slow}, f"≤ {SLOW} ms", held <= SLOW)
    one = None
    for count in (1, 10, 100):
        with stage() as on:
            took, requests = many_widgets(on, count, 2 if quick else 15)
        one = one or took
        most = min(one * count, ALL)
        yield Figure(
            f"{count} widgets: refresh → all are told ({requests:g} request at the token endpoint)",
            took,
            "ms",
            {},
            f"1 request, at most linear, ≤ {ALL} ms",
            requests == 1 and took <= most,
        )


def plain_comm(on: Stage, kernel: str, rounds: int) -> list[float]:
    """Return the ms that each message of a plain widget took."""
    notebook = on.lab().notebook([PLAIN.format(rounds=rounds)], kernel=kernel)
    notebook.run(0)
    notebook.cell(0).locator("output").wait_for(state="attached", timeout=1000 * (10 + rounds))
    expect_kernel(notebook, "len(took)", rounds)
    took = json.loads(notebook.execute("import json; print(json.dumps(took))"))
    notebook.page.close()
    return took


def tokens(on: Stage, kernel: str, rounds: int) -> tuple[list[float], list[float]]:
    """Return the ms that tokens took into a kernel that is idle, and into one that is blocked."""
    source = [RENEW.format(issuer=on.provider.issuer), BLOCK.format(rounds=rounds)]
    notebook = on.lab().notebook(source, kernel=kernel)
    notebook.run(0)
    on.sign_in(notebook)
    expect_kernel(notebook, "w.status", "signed_in")
    vault = VaultProcess(on.browser)
    vault.spy()
    on.provider.forget()
    notebook.execute(f"start({rounds})")
    while len(on.provider.requests("token")) < rounds:  # who is asked is not the kernel, which is to be idle
        notebook.page.wait_for_timeout(500)
    expect_kernel(notebook, "finished.wait(1)", True)  # noqa: FBT003  # the value
    idle = times(notebook, vault)
    notebook.run(1, timeout=10 + rounds)
    blocked = times(notebook, vault)
    return idle, blocked


def times(notebook: Notebook, vault: VaultProcess) -> list[float]:
    """Return the ms between the vault's message and the kernel's word, for each token."""
    told = json.loads(notebook.execute("import json; print(json.dumps(told))"))
    return [when - vault.posted(token) for token, when in told]


def many_widgets(on: Stage, count: int, rounds: int) -> tuple[float, float]:
    """Return the ms from a refresh until all widgets are told (median), and the requests that it took."""
    lab = on.lab()
    shares = [len(range(number, count, NOTEBOOKS)) for number in range(NOTEBOOKS)]
    notebooks = [lab.notebook([MANY.format(issuer=on.provider.issuer, count=share)]) for share in shares]
    for notebook in notebooks:
        notebook.run(0)
    first = notebooks[0]
    on.sign_in(first)
    for notebook in notebooks:
        expect_kernel(notebook, "{each.status for each in widgets} <= {'signed_in'}", True)  # noqa: FBT003
    on.provider.forget()
    took = []
    for _ in range(rounds):
        first.execute(REFRESH)
        first.page.wait_for_timeout(1000)
        expect_kernel(first, "widgets[0].access_token != before", True)  # noqa: FBT003  # the value
        asked, token = json.loads(
            first.execute("import json; print(json.dumps([asked, widgets[0].access_token]))")
        )
        last = asked
        for notebook, share in zip(notebooks, shares, strict=True):
            expect_kernel(notebook, f"len(told.get({token!r}, ()))", share)
            last = max(last, float(notebook.execute(f"print(max(told.get({token!r}, {{0: 0}}).values()))")))
        took.append(1000 * (last - asked))
    return statistics.median(took), len(on.provider.requests("token")) / rounds
