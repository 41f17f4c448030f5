"""JupyterLab in a browser page, as a person sees it.

>>> nb = lab.notebook(["1 + 1", "print('hi')"])
>>> nb.run(0)
'2'
>>> nb.run(1)
'hi'
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

import kernelspecs
from notebook_page import Notebook
from shared_workers import end_shared_workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Locator, Page

    from jupyter_process import JupyterServer

_counter = itertools.count(1)

_TIDY = """async () => {
  const {shell} = jupyterapp;
  const until = async (what, isSo) => {
    for (const end = performance.now() + 10_000; !(await isSo()); ) {
      if (performance.now() > end) {
        throw new Error(what);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  for (const widget of [...shell.widgets('main')]) {
    if (widget.context) {
      widget.context.model.dirty = false; // nobody is asked whether to save it
    }
    widget.close();
  }
  await until('a document stays open', () => [...shell.widgets('main')].every(({context}) => !context));
  // A widget goes a little later than its notebook, and would have the next vault ask its provider.
  await until('a widget stays', async () => {
    const {pending} = await navigator.locks.query();
    return pending.filter(({name}) => name.startsWith('oidc-widget:vault:')).length <= 1;
  });
  shell.collapseRight();
  shell.activateById('filebrowser');
  localStorage.clear();
  sessionStorage.clear();
}"""


class Lab:
    """JupyterLab in one browser page, opened when it is first needed.

    Attributes
    ----------
    page
        The browser's page.
    server
        The server that it talks to.
    """

    def __init__(self, page: Page, server: JupyterServer, *, host: str = "localhost") -> None:
        self.page = page
        self.server = server
        self._host = host
        # Each page has a workspace of its own: two that share one disturb each other.
        self._workspace = f"workspace-{next(_counter)}"
        self._opened = False

    def open(self) -> None:
        """Load JupyterLab, if it isn't yet, and wait until it stands."""
        if not self._opened:
            start = f"lab/workspaces/{self._workspace}" if self.server.app == "lab" else "tree"
            self.page.goto(self.server.address(start, host=self._host))
            self._opened = True
        self.wait()

    def wait(self) -> None:
        """Wait until JupyterLab stands: after a reload, say."""
        self.page.wait_for_function("globalThis.jupyterapp !== undefined")
        self.page.evaluate("jupyterapp.restored")
        # After that, the file browser opens the document that the address names, again and in front.
        self.page.wait_for_function("document.querySelector('.jp-mod-restoring') === null")

    @property
    def stands(self) -> bool:
        """Whether JupyterLab is what the page shows now."""
        return not self.page.is_closed() and self.page.evaluate("globalThis.jupyterapp !== undefined")

    def reload(self) -> None:
        """Reload the page; open notebooks come back."""
        self.page.reload()
        self.wait()

    def tidy(self) -> None:
        """Make the page as it was when it was opened, without loading JupyterLab again.

        Closes documents, dialogs and other windows, ends the vault, and forgets what the browser stores, but
        for the cookies of the Jupyter server.
        """
        context = self.page.context
        for page in context.pages:
            if page is not self.page:
                page.close()
        self.page.bring_to_front()
        for _ in range(self.page.locator(".jp-Dialog").count()):
            self.page.keyboard.press("Escape")
        expect(self.page.locator(".jp-Dialog")).to_have_count(0)
        self.page.evaluate(_TIDY)
        assert context.browser is not None
        end_shared_workers(context.browser)
        browser = context.new_cdp_session(self.page)
        browser.send("Network.clearBrowserCache")
        browser.detach()
        context.clear_cookies(name=re.compile(r"^(?!username-|_xsrf)"))

    def notebook(self, cells: Sequence[str], *, kernel: str = "python3", name: str | None = None) -> Notebook:
        """Write a notebook of these code cells, open it here, and wait until its kernel is idle.

        Parameters
        ----------
        cells
            The source of each code cell.
        kernel
            `python3` (ipykernel 7) or `ipykernel6`.
        name
            The file's name without its ending; a new one if None.
        """
        path = f"{name or f'notebook-{next(_counter)}'}.ipynb"
        document = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
            "cells": [
                {
                    "id": f"cell-{number}",
                    "cell_type": "code",
                    "source": source,
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                }
                for number, source in enumerate(cells)
            ],
        }
        (self.server.root / path).write_text(json.dumps(document))
        return self.open_notebook(path, kernel=kernel)

    def open_notebook(self, path: str, *, kernel: str = "python3") -> Notebook:
        """Open a notebook that is there already, by its path under the server's root."""
        kernelspecs.provide(kernel)
        if self.server.app == "notebook":
            # Notebook 7 has a page for each document.
            self.page.goto(self.server.address(f"notebooks/{path}", host=self._host))
            self._opened = True
            self.wait()
        else:
            self.open()
            self.command("docmanager:open", path=path, factory="Notebook")
        notebook = Notebook(self.page, path, self.server.root)
        notebook.wait_for_kernel()
        return notebook

    def command(self, command: str, **arguments: object) -> None:
        """Run one of JupyterLab's commands, and wait for its end."""
        self.page.evaluate(
            "([id, args]) => jupyterapp.commands.execute(id, args).then(() => {})", [command, arguments]
        )

    def sidebar(self, title: str) -> Locator:
        """Open a panel of a side area by its tab's title, and return it."""
        tab = self.page.get_by_role("tab", name=title)
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        return self.page.locator(f"[id='{tab.get_attribute('data-id')}']")

    def another_tab(self) -> Lab:
        """Open a second browser tab of the same person on the same server."""
        return Lab(self.page.context.new_page(), self.server, host=self._host)
