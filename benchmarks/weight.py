"""What a browser loads, minified and compressed (gzip).

Ours by the Jupyter server's own log: the files that a browser asked for, when JupyterLab starts, when the
first widget is shown, and when somebody signs in. *Vault and callback* is the worker, which makes each
request and each check, and the popup's last page; *and the widget* adds all that shows it and opens the
window. The others are what an application's bundle grows by, made by the same bundler, without what they load
on demand. The widget module travels in each `comm_open`, over a connection that is not compressed.
"""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.peers import PEERS
from benchmarks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from benchmarks.stage import Stage

MOST = 25.0  # kB
REQUEST = re.compile(r"GET (/lab/extensions/oidc-widget/\S+|/oidc-widget/callback[^\s?]*)")
OF_THE_VAULT = re.compile(r"/vault[^/]*\.js$|/callback")
SHOW = "from oidc_widget import OIDCLogin\nw = OIDCLogin({issuer!r}, 'notebooks')\nw"


def measure(*, quick: bool) -> Iterator[Figure]:  # noqa: ARG001  # it is quick
    """Yield ours, and one row for each of the others."""
    others = {peer: compressed(peer.bundle()) for peer in PEERS}
    with stage(config={"ServerApp": {"log_level": "DEBUG"}}) as on:
        since = on.jupyter.log.stat().st_size
        lab = on.lab()
        lab.open()
        start = loaded(on, since)
        notebook = lab.notebook([SHOW.format(issuer=on.provider.issuer)])
        notebook.run(0)
        notebook.region.get_by_role("button", name="Sign in").wait_for()
        shown = settled(on, notebook.page, since)
        on.sign_in(notebook)
        signed_in = settled(on, notebook.page, since)
        module = len(notebook.execute("print(w._esm)").encode()) / 1000
        style = len(notebook.execute("print(w._css)").encode()) / 1000
        packed = float(
            notebook.execute("import gzip; print(len(gzip.compress((w._esm + w._css).encode(), 9)) / 1000)")
        )
    beside = {path: size for path, size in signed_in.items() if path not in start}
    vault = sum(size for path, size in beside.items() if OF_THE_VAULT.search(path))
    everything = sum(beside.values()) + packed
    peer = dict(zip((peer.package for peer in PEERS), others.values(), strict=True))["oidc-client-ts"]
    yield Figure("when JupyterLab starts", sum(start.values()), "kB")
    yield Figure(
        "when the first widget is shown, beside its module", sum(shown.values()) - sum(start.values()), "kB"
    )
    yield Figure("when somebody signs in, beside that", sum(signed_in.values()) - sum(shown.values()), "kB")
    yield Figure("widget module and style", packed, "kB", {"in each comm_open": module + style})
    yield Figure(
        "vault and callback · checks signatures",
        vault,
        "kB",
        {"oidc-client-ts": peer},
        "≤ oidc-client-ts",
        vault <= peer,
    )
    yield Figure("· and the widget", everything, "kB", {}, f"≤ {MOST:.0f} kB", everything <= MOST)
    for other, size in others.items():
        checks = "checks signatures" if other.signatures else "checks no signatures"
        yield Figure(f"{other.package} {other.version} · {checks}", size, "kB")


def compressed(content: bytes) -> float:
    """Return kB."""
    return len(gzip.compress(content, 9)) / 1000


def settled(on: Stage, page: Page, since: int) -> dict[str, float]:
    """Return the same as :func:`loaded`, once nothing more was asked for within a second."""
    before: dict[str, float] = {}
    while (now := loaded(on, since)) != before:
        before = now
        page.wait_for_timeout(1000)
    return now


def loaded(on: Stage, since: int) -> dict[str, float]:
    """Return the kB of each of our files that was asked for, from this size of the log on, by path."""
    paths = dict.fromkeys(match[1].partition("?")[0] for match in REQUEST.finditer(on.jupyter.logged(since)))
    return {path: compressed(on.jupyter.request("GET", path.lstrip("/")).content) for path in paths}
