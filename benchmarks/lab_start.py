"""JupyterLab's start, with and without the extension.

From the page's request until JupyterLab has restored its layout (`jupyterapp.restored`), in turns, each
time in a new page of a browser that has the files already. *Without*: a server that knows neither
labextension nor server extension, and has all the others.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_core.paths import jupyter_path

from benchmarks.figure import Figure
from benchmarks.rounds import medians, take_turns
from benchmarks.stage import browser
from jupyter_process import JupyterServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext

SHARE = 1.02
WORKSPACES = itertools.count()

RESTORED = """async () => {
  while (globalThis.jupyterapp === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  await jupyterapp.restored;
  return performance.now();
}"""


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield one row."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        started = opened.enter_context(browser())
        configs = {"with": {}, "without": without(Path(folder) / "labextensions")}
        turns = {}
        for name, config in configs.items():
            server = JupyterServer(Path(folder) / name, config=config)
            opened.enter_context(contextlib.closing(server))
            context = opened.enter_context(contextlib.closing(started.new_context()))
            turns[name] = lambda context=context, server=server: start(context, server)
        if has_ours(started.new_context(), server):
            raise RuntimeError("the server that is to do without the extension has it")
        take_turns(turns, 2)  # the browser fetches the files, and compiles them
        found = medians(take_turns(turns, 2 if quick else 10))
    yield Figure(
        "JupyterLab restored, with the extension",
        found["with"],
        "ms",
        {"without": found["without"]},
        f"≤ {SHARE} × without",
        found["with"] <= SHARE * found["without"],
    )


def without(folder: Path) -> dict[str, dict[str, object]]:
    """Link to all labextensions but ours, and return the configuration of a server that knows those alone."""
    for path in jupyter_path("labextensions"):
        for package in Path(path).glob("@*/*") if Path(path).exists() else ():
            link(folder / package.parent.name / package.name, package)
        for package in Path(path).glob("[!@]*") if Path(path).exists() else ():
            if package.name != "oidc-widget":
                link(folder / package.name, package)
    return {
        "LabApp": {"labextensions_path": [str(folder)]},
        "ServerApp": {"jpserver_extensions": {"oidc_widget": False}},
    }


def link(name: Path, target: Path) -> None:
    """Make a link, unless an earlier folder has it already."""
    name.parent.mkdir(parents=True, exist_ok=True)
    if not name.exists():
        name.symlink_to(target)


def start(context: BrowserContext, server: JupyterServer) -> float:
    """Open JupyterLab, and return the ms."""
    page = context.new_page()
    page.bring_to_front()
    page.goto(server.address(f"lab/workspaces/start-{next(WORKSPACES)}"), wait_until="commit")
    took = page.evaluate(RESTORED)
    page.close()
    return took


def has_ours(context: BrowserContext, server: JupyterServer) -> bool:
    """Return whether a page of the server would load the labextension."""
    page = context.new_page()
    page.goto(server.address("lab"), wait_until="commit")
    loads = "oidc-widget" in page.content()
    context.close()
    return loads
