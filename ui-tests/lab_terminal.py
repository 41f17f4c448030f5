"""A terminal of JupyterLab, as its page has it: a real shell on the server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab import Lab

COMMAND = Path(sys.executable).with_name("oidc-widget")

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
    lab
        JupyterLab, opened.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._name = lab.page.evaluate(
            "async () => (await jupyterapp.serviceManager.terminals.startNew()).model.name"
        )
        self._count = 0

    def run(self, command: str) -> tuple[int, str]:
        """Run a command, and return its exit code and what the terminal shows of it."""
        self._count += 1
        mark = f"DONE{self._count}"
        shown = self._lab.page.evaluate(RUN, [self._name, command, mark])
        text, _, code = shown.rpartition(f"{mark}=")
        return int("".join(digit for digit in code.split()[0] if digit.isdigit())), text

    def ask(self, provider: str) -> tuple[int, str, str]:
        """Run `oidc-widget token`, and return its exit code, stdout and stderr."""
        out, err = (self._lab.server.root / f"{name}.txt" for name in ("out", "err"))
        code, _ = self.run(f"{COMMAND} token --provider {provider} > {out} 2> {err}")
        return code, out.read_text(), err.read_text()

    def ask_when_listening(self, provider: str) -> tuple[int, str, str]:
        """Ask until a page listens: it takes a moment to tell the server."""
        for _ in range(20):
            answer = self.ask(provider)
            if "lets terminals have" not in answer[2]:
                return answer
        raise AssertionError(answer)
