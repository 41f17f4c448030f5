"""A notebook that is open in JupyterLab."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import EventContextManager, Locator, Page

#: Seconds that a cell may take, unless a test says otherwise.
PATIENCE = 30

_PANEL = "[...jupyterapp.shell.widgets('main')].find((widget) => widget.context?.path === path)"

_READY = f"""async (path) => {{
  const panel = {_PANEL};
  await panel.context.ready;
  await panel.sessionContext.ready;
}}"""

_STATUS = f"(path) => ({_PANEL}).sessionContext.kernelDisplayStatus"

# JupyterLab's commands act on the notebook that is current, which it becomes a while after it is asked to.
_ACTIVATE = f"""async (path) => {{
  const panel = {_PANEL};
  jupyterapp.shell.activateById(panel.id);
  while (jupyterapp.shell.currentWidget !== panel || !panel.isVisible) {{
    await new Promise((resolve) => setTimeout(resolve, 10));
  }}
}}"""

_START = f"""([path, index]) => {{
  const panel = {_PANEL};
  panel.content.deselectAll();
  panel.content.mode = 'command';
  panel.content.activeCellIndex = index;
  const runs = (globalThis.runsOfTheTest ??= new Map());
  runs.set(`${{path}} ${{index}}`, jupyterapp.commands.execute('notebook:run-cell'));
}}"""

_FINISH = """([path, index, seconds]) => Promise.race([
  globalThis.runsOfTheTest.get(`${path} ${index}`).then(() => 'ended'),
  new Promise((resolve) => setTimeout(resolve, 1000 * seconds, 'running')),
])"""

_OUTPUTS = f"([path, index]) => ({_PANEL}).content.widgets[index].model.outputs?.toJSON() ?? []"

_EXECUTE = f"""async ([path, code]) => {{
  const future = ({_PANEL}).sessionContext.session.kernel.requestExecute({{code, store_history: false}});
  const outputs = [];
  future.onIOPub = ({{header, content}}) => {{
    if (['stream', 'execute_result', 'display_data', 'error'].includes(header.msg_type)) {{
      outputs.push({{output_type: header.msg_type, ...content}});
    }}
  }};
  await future.done;
  return outputs;
}}"""


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class CellError(AssertionError):
    """A cell ended with an exception; its traceback is the message."""


class Notebook:
    """A notebook in a page of JupyterLab.

    Attributes
    ----------
    page
        The browser's page.
    path
        The notebook's path under the server's root.

    Parameters
    ----------
    root
        The folder that the server serves.
    """

    def __init__(self, page: Page, path: str, root: Path) -> None:
        self.page = page
        self.path = path
        self._root = root

    @property
    def file(self) -> Path:
        """The notebook's file."""
        return self._root / self.path

    @property
    def panel(self) -> Locator:
        """The notebook's part of the page."""
        identifier = self.page.evaluate(f"(path) => ({_PANEL}).id", self.path)
        return self.page.locator(f"[id='{identifier}']")

    @property
    def region(self) -> Locator:
        """The widget, if the notebook shows exactly one; `cell(i).get_by_role(…)` finds one of several."""
        return self.panel.get_by_role("region", name="OIDC sign-in")

    def cell(self, index: int) -> Locator:
        """Return a cell with its outputs, as it stands in the page."""
        return self.panel.locator(".jp-Notebook .jp-Cell").nth(index)

    def popup(self) -> EventContextManager[Page]:
        """Catch the window that a block opens: after `with nb.popup() as popup: …`, it is `popup.value`."""
        return self.page.expect_popup()

    def activate(self) -> None:
        """Bring the notebook to the front."""
        self.page.evaluate(_ACTIVATE, self.path)

    def run(self, index: int, *, timeout: float = PATIENCE, check: bool = True) -> str:
        """Run a cell, wait for its end, and return what it put out.

        Raises
        ------
        CellError
            The cell raised, unless `check` is False.
        TimeoutError
            The cell still runs after `timeout` seconds.
        """
        self.start(index)
        return self.finish(index, timeout=timeout, check=check)

    def start(self, index: int) -> None:
        """Run a cell, and don't wait for its end."""
        self.activate()
        self.page.evaluate(_START, [self.path, index])

    def finish(self, index: int, *, timeout: float = PATIENCE, check: bool = True) -> str:
        """Wait for the end of a cell that was started, and return what it put out, as `run` does."""
        if self.page.evaluate(_FINISH, [self.path, index, timeout]) != "ended":
            raise TimeoutError(f"Cell {index} still runs after {timeout} s; so far: {self.output(index)!r}")
        if check:
            _raise(self.outputs(index))
        return self.output(index)

    def run_all(self, *, timeout: float = PATIENCE) -> list[str]:
        """Run each cell, from top to bottom, and return what each put out."""
        return [self.run(index, timeout=timeout) for index in range(len(self))]

    def __len__(self) -> int:
        return self.page.evaluate(f"(path) => ({_PANEL}).content.widgets.length", self.path)

    def add(self, source: str) -> int:
        """Add a code cell at the end, and return its index."""
        self.page.evaluate(
            f"""([path, source]) => {{
              ({_PANEL}).content.model.sharedModel.addCell({{cell_type: 'code', source}});
            }}""",
            [self.path, source],
        )
        return len(self) - 1

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return a cell's outputs as they would be saved (nbformat 4)."""
        return self.page.evaluate(_OUTPUTS, [self.path, index])

    def output(self, index: int) -> str:
        """Return the text that a cell has put out so far."""
        return _text(self.outputs(index))

    def execute(self, code: str) -> str:
        """Run code in the kernel without a cell (after any cell that runs), and return what it put out.

        Raises
        ------
        CellError
            The code raised.
        """
        outputs = self.page.evaluate(_EXECUTE, [self.path, code])
        _raise(outputs)
        return _text(outputs)

    def status(self) -> str:
        """Return the kernel's status as JupyterLab shows it: `idle`, `busy`, `restarting`, …."""
        return self.page.evaluate(_STATUS, self.path)

    def wait_for_kernel(self, status: str = "idle", *, timeout: float = 90) -> None:
        """Wait until the notebook is loaded, and its kernel has this status.

        Jupyter picks a kernel's ports before the kernel takes them; where somebody else does meanwhile, it
        starts another one, and the server waits a minute for the first.
        """
        self.page.wait_for_function(f"(path) => ({_PANEL}) !== undefined", arg=self.path)
        self.page.evaluate(_READY, self.path)
        self.page.wait_for_function(
            f"([path, status]) => ({_STATUS})(path) === status",
            arg=[self.path, status],
            timeout=timeout * 1000,
        )

    def restart_kernel(self) -> None:
        """Restart the kernel, and wait until it is idle."""
        self.page.evaluate(f"(path) => ({_PANEL}).sessionContext.restartKernel()", self.path)
        self.wait_for_kernel()

    def interrupt_kernel(self) -> None:
        """Interrupt the kernel."""
        self.page.evaluate(f"(path) => ({_PANEL}).sessionContext.session.kernel.interrupt()", self.path)

    def save(self) -> dict[str, Any]:
        """Save the notebook and a checkpoint of it, and return what the file holds."""
        self.page.evaluate(
            f"""async (path) => {{
              const {{context}} = {_PANEL};
              await context.save();
              await context.createCheckpoint();
            }}""",
            self.path,
        )
        return json.loads(self.file.read_text())

    def close(self) -> None:
        """Close the notebook's tab; its kernel lives on."""
        self.save()
        self.page.evaluate(f"(path) => ({_PANEL}).close()", self.path)


def _text(outputs: list[dict[str, Any]]) -> str:
    parts = []
    for output in outputs:
        text = output.get("text", output.get("data", {}).get("text/plain", ""))
        parts.append("".join(text) if isinstance(text, list) else text)
    return "".join(parts).rstrip("\n")


def _raise(outputs: list[dict[str, Any]]) -> None:
    for output in outputs:
        if output["output_type"] == "error":
            raise CellError(_COLOURS.sub("", "\n".join(output["traceback"])))
