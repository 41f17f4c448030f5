"""What is kept of a test that failed: screenshots, the pages' console, and the logs of its servers."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from playwright.sync_api import Error

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, ConsoleMessage, Page, WebError


class Evidence:
    """Listens to a browser context and to servers, and writes down what was seen."""

    def __init__(self) -> None:
        self.console: list[str] = []
        self._contexts: list[BrowserContext] = []
        self._files: list[tuple[Path, int]] = []

    def watch_context(self, context: BrowserContext) -> None:
        """Note the console of all pages of a context."""
        self._contexts.append(context)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("page", self._on_page)

    def leave_context(self, context: BrowserContext) -> None:
        """Note nothing more of it."""
        context.remove_listener("console", self._on_console)
        context.remove_listener("weberror", self._on_error)
        context.remove_listener("page", self._on_page)

    def watch_log(self, path: Path) -> None:
        """Keep what is logged to a file from now on."""
        self._files.append((path, path.stat().st_size if path.exists() else 0))

    def _on_console(self, message: ConsoleMessage) -> None:
        where = message.page.url if message.page else "?"
        self.console.append(f"{message.type}: {message.text} ({where})")

    def _on_error(self, error: WebError) -> None:
        self.console.append(f"uncaught: {error.error.stack or error.error.message}")

    def _on_page(self, page: Page) -> None:
        self.console.append(f"page opened: {page.url}")
        page.on("close", lambda page: self.console.append(f"page closed: {page.url}"))

    def keep(self, folder: Path) -> None:
        """Write everything to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        pages = [page for context in self._contexts for page in context.pages]
        for number, page in enumerate(pages, 1):
            # A page that just closes has no picture, and must not hide why the test failed.
            with contextlib.suppress(Error):
                page.screenshot(path=folder / f"page-{number}.png", timeout=5000)
        (folder / "console.txt").write_text("\n".join(self.console))
        for path, size in self._files:
            if path.exists():
                (folder / path.name).write_bytes(path.read_bytes()[size:])
