"""The README's moving pictures, taken from the demo in a real browser: `make pictures`.

One person signs in in a notebook whose next cell waits, and looks at the sidebar: once in JupyterLab's
light theme, once in the dark one. Each frame is a screenshot. A browser without a screen draws no pointer
and no frame around the sign-in window, so those alone are drawn here.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect, sync_playwright

import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext

HERE = Path(__file__).parents[1] / "_static"
SIZE = {"width": 840, "height": 500}
POPUP = {"width": 400, "height": 360}
#: Pixels of the picture for each of the page's: the README is read on screens of both kinds.
SCALE = 1.5
#: What the tests' environment adds to JupyterLab, and whoever installs the demo does not have.
NOT_OURS = ("@voila-dashboards/jupyterlab-preview",)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

CELLS = (
    """import os
import requests
from oidc_widget import OIDCLogin

provider, api = os.environ["OIDC_DEMO_AUTHORITY"], os.environ["OIDC_DEMO_API"]
w = OIDCLogin(authority=provider, client_id="demo", resource=api)
w""",
    """w.wait()  # runs until somebody has signed in
requests.get(f"{api}/me", auth=w.auth).json()""",
)


class Film:
    """Frames, and how long each is shown."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[Image.Image] = []
        self._durations: list[int] = []

    def take(self, seconds: float, *, pointer: Locator | None = None, popup: Page | None = None) -> None:
        """Take one: with a pointer in the middle of something, and a window in front."""
        frame = _screenshot(self._page)
        at = _middle(pointer) if pointer else None
        if popup:
            corner = tuple(
                round(SCALE * (SIZE[side] - POPUP[side]) / 2 + extra)
                for side, extra in (("width", 0), ("height", 24))
            )
            _paste_window(frame, _screenshot(popup), corner)
            at = at and (at[0] + corner[0], at[1] + corner[1])
        if at:
            _draw_pointer(frame, at)
        self._frames.append(frame)
        self._durations.append(round(1000 * seconds))

    def save(self, path: Path) -> None:
        """Write them as one WebP without loss, since letters suffer first."""
        first, *others = self._frames
        file = io.BytesIO()
        options = {"duration": self._durations, "loop": 0, "lossless": True, "quality": 50, "method": 3}
        first.save(file, "WEBP", save_all=True, append_images=others, **options)
        path.write_bytes(file.getvalue())


def _screenshot(page: Page) -> Image.Image:
    png = page.screenshot(animations="disabled", caret="hide", scale="device")
    return Image.open(io.BytesIO(png)).convert("RGB")


def _middle(what: Locator) -> tuple[int, int]:
    box = what.bounding_box()
    assert box, "What is pointed at is not on the screen."
    return round(SCALE * (box["x"] + box["width"] / 2)), round(SCALE * (box["y"] + box["height"] / 2))


def _paste_window(frame: Image.Image, window: Image.Image, corner: tuple[int, ...]) -> None:
    left, top = corner
    bar = round(SCALE * 22)
    right, bottom = left + window.width, top + window.height
    grey = "#8a8f98"
    draw = ImageDraw.Draw(frame)
    draw.rounded_rectangle((left - 2, top - bar, right + 1, bottom + 1), round(SCALE * 6), fill=grey)
    for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        x, y, r = left + SCALE * (14 + 16 * number), top - bar / 2, SCALE * 4.5
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    frame.paste(window, (left, top))


def _draw_pointer(frame: Image.Image, at: tuple[int, int]) -> None:
    outline = ((0, 0), (0, 17), (4, 13), (7, 19), (9.5, 18), (6.5, 12), (12, 12))
    points = [(at[0] + SCALE * x, at[1] + SCALE * y) for x, y in outline]
    ImageDraw.Draw(frame).polygon(points, fill="white", outline="black", width=2)


def write_notebook(context: BrowserContext, address: str) -> None:
    """Put the notebook where the demo's JupyterLab has its own one."""
    lab, _, token = address.partition("lab/tree/quickstart.ipynb?token=")
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [{**code, "id": f"cell-{number}", "source": source} for number, source in enumerate(CELLS)],
    }
    answer = context.request.put(
        f"{lab}api/contents/sign-in.ipynb",
        headers={"Authorization": f"token {token}"},
        data={"type": "notebook", "format": "json", "content": content},
    )
    assert answer.ok, answer.text()


def record(context: BrowserContext, address: str, theme: str) -> Film:
    """Sign in as a person does, and take a frame of each step."""
    write_notebook(context, address)
    page = context.new_page()
    page.goto(address.replace("quickstart", "sign-in"))
    page.wait_for_function("globalThis.jupyterapp !== undefined")
    page.evaluate("jupyterapp.restored")
    page.evaluate("(theme) => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.evaluate("jupyterapp.shell.collapseLeft()")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    film = Film(page)
    film.take(1.5)
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    region = page.get_by_role("region", name="OIDC sign-in")
    button = region.get_by_role("button", name="Sign in at")
    button.wait_for()
    expect(page.get_by_text("[*]:")).to_have_count(1)  # the one that waits
    film.take(1.5)
    button.hover()
    film.take(0.8, pointer=button)
    with page.expect_popup() as opened:
        button.click()
    popup = opened.value
    popup.set_viewport_size(POPUP)
    alice = popup.get_by_role("button", name="Alice Adams")
    alice.hover()
    film.take(1.5, popup=popup)
    film.take(0.8, pointer=alice, popup=popup)
    alice.click()
    allow = popup.get_by_role("button", name="Allow")
    allow.hover()
    film.take(1.5, pointer=allow, popup=popup)
    with popup.expect_event("close"):
        allow.click(no_wait_after=True)
    expect(region).to_contain_text("Signed in as Alice Adams")
    page.get_by_text("alice@example.com").wait_for()
    film.take(2.5)
    tab = page.get_by_role("tab", name="Sign-ins")
    film.take(0.8, pointer=tab)
    tab.click()
    expect(page.get_by_role("listitem").filter(has_text="Signed in as Alice Adams")).to_be_visible()
    film.take(3.5)
    page.close()
    return film


@contextlib.contextmanager
def demo() -> Iterator[str]:
    """Run `oidc-widget demo`, with pages that can be steered, and give the address that it says."""
    command = [sys.executable, "-m", "oidc_widget.cli", "demo", "--no-browser"]
    with tempfile.TemporaryDirectory() as configuration:
        steered = {"LabApp": {"expose_app_in_browser": True}}
        (Path(configuration) / "jupyter_lab_config.json").write_text(json.dumps(steered))
        page_config = Path(configuration) / "labconfig/page_config.json"
        page_config.parent.mkdir()
        page_config.write_text(json.dumps({"disabledExtensions": dict.fromkeys(NOT_OURS, True)}))
        environment = {**os.environ, "JUPYTER_CONFIG_PATH": configuration}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stdout
            said = (line.partition("JupyterLab: ") for line in process.stdout)
            yield next(address.strip() for _, found, address in said if found)
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Make both pictures anew."""
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(
            executable_path=chromium.provide(), args=chromium.arguments()
        )
        for name, theme in THEMES.items():
            with demo() as address:
                context = browser.new_context(viewport=SIZE, device_scale_factor=SCALE, color_scheme=name)
                context.set_default_timeout(60_000)
                path = HERE / f"sign-in-{name}.webp"
                record(context, address, theme).save(path)
                context.close()
                sys.stdout.write(f"{path.relative_to(Path.cwd())}: {path.stat().st_size // 1000} kB\n")
        browser.close()


if __name__ == "__main__":
    main()
