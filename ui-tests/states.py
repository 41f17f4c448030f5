"""Pictures of every state of widget and sidebar, wide and 160 px narrow, in both themes: `make states`.

The states are fixed (`frontend/testing/states.ts`), and shown within a real JupyterLab, whose styles they
follow.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from playwright.sync_api import sync_playwright

import chromium
from jupyter_process import JupyterServer
from lab import Lab

HERE = Path(__file__).parents[1]
FOLDER = HERE / "test-results/states"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
WIDTHS = ["680px", "160px"]

#: What is wider than its place.
CUT = """(sheet) => [...sheet.querySelectorAll('button, a, [role], .oidc-row-title, .oidc-widget')]
  .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .filter((node) => getComputedStyle(node).display !== 'inline')
  .map((node) => node.textContent)"""


def main() -> int:
    """Take the pictures, say where they are, and fail where something is cut off."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(
        [
            "npx",
            "esbuild",
            "frontend/testing/states.ts",
            "--bundle",
            "--format=iife",
            "--global-name=oidcWidgetStates",
        ],
        cwd=HERE,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    cut = []
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(JupyterServer(Path(folder))) as jupyter,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium.provide(), args=chromium.arguments()) as browser,
    ):
        for theme, name in THEMES.items():
            jupyter.set_settings("@jupyterlab/apputils-extension:themes", {"theme": name})
            page = browser.new_page(viewport={"width": 1100, "height": 800}, reduced_motion="reduce")
            Lab(page, jupyter).open()
            page.wait_for_function("(name) => document.body.dataset.jpThemeName === name", arg=name)
            page.evaluate(f"(widths) => {{ {built}; oidcWidgetStates.showStates(widths); }}", WIDTHS)
            sheet = page.locator("#states")
            sheet.screenshot(path=FOLDER / f"{theme}.png", animations="disabled")
            cut += [f"{theme}: {text}" for text in sheet.evaluate(CUT)]
            page.close()
    sys.stdout.write("\n".join([f"Pictures: {FOLDER}", *(f"cut off: {text}" for text in cut), ""]))
    return 1 if cut else 0


if __name__ == "__main__":
    sys.exit(main())
