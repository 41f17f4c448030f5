"""A terminal of JupyterLab, as its page has it: a real shell on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Types a line, and waits for the mark that the shell writes behind it; what is typed has no number after it.
RUN = r"""async ([name, line, mark]) => {
  const { terminals } = jupyterapp.serviceManager;
  const terminal = terminals.connectTo({ model: { name } });
  let shown = "";
  const done = new Promise((resolve) => {
    terminal.messageReceived.connect((_, { type, content }) => {
      if (type !== "stdout") return;
      shown += content.join("");
      if (new RegExp(`${mark}=\\d+`).test(shown)) resolve(shown);
    });
  });
  terminal.send({ type: "stdin", content: [`${line}; echo ${mark}"=$?"\r`] });
  await done;
  terminal.dispose();
  return shown;
}"""


class Terminal:
    """One shell, which goes on until the server ends.

    Parameters
    ----------
    page
        JupyterLab.
    """

    def __init__(self, page: Page) -> None:
        self._name = page.evaluate(
            "async () => (await jupyterapp.serviceManager.terminals.startNew()).model.name"
        )
        self._count = 0

    def run(self, page: Page, command: str) -> tuple[int, str]:
        """Run a command, and return its exit code and what the terminal shows of it."""
        self._count += 1
        mark = f"DONE{self._count}"
        shown = page.evaluate(RUN, [self._name, command, mark])
        text, _, code = shown.rpartition(f"{mark}=")
        return int("".join(digit for digit in code.split()[0] if digit.isdigit())), text
