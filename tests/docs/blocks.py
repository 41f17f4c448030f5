"""The code blocks of a page, and a reader who runs each, and signs in where it shows a button."""

from __future__ import annotations

import ast
import asyncio
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipywidgets.widgets.widget import _instances
from tests.syntax_tree import parse

from oidc_widget import OIDCLogin
from providers.http_person import HttpPerson
from shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "core/README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts),
]
#: What a directive of Sphinx holds is Sphinx's to read (`make docs`).
_FENCE = re.compile(r"^( *)```(?!\{)(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: where its code begins, its language, and the code."""

    page: Path
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path, *languages: str) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(page, text.count("\n", 0, found.start(3)) + 1, found[2], _dedent(found[3], found[1]))
        for found in _FENCE.finditer(text)
        if not languages or found[2] in languages
    ]


def _dedent(code: str, indent: str) -> str:
    return re.sub(f"^{indent}", "", code, flags=re.MULTILINE)


def is_configuration(block: Block) -> bool:
    """Whether it is a part of a configuration file, which is given `c`, or an entry of one."""
    return re.search(r"\bc\.\w|configure\(\s*c\b|^\"", block.code) is not None


class Reader:
    """Runs a page's blocks one after the other, in one namespace, as cells of a notebook.

    A sign-in that a block shows is allowed at once, by a person at the provider.

    Parameters
    ----------
    instead
        What stands on the page, and what is here in its place.
    """

    def __init__(self, instead: Mapping[str, str]) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.displayed: list[Any] = []
        self.instead = dict(instead)

    def here(self, code: str) -> str:
        for written, real in self.instead.items():
            code = code.replace(written, real)
        return code

    def run(self, block: Block) -> None:
        """Run one block; what its expressions give is displayed, as that of a cell's last one is."""
        code = self.here(block.code)
        tree = parse(code, str(block))
        named = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "w"]
        made = "w" in self.names or any(isinstance(node.ctx, ast.Store) for node in named)
        if named and not made:  # what all pages call the widget
            for statement in parse(self.here(SIGN_IN)).body:
                self._run_statement(statement, "before")
        for statement in tree.body:
            ast.increment_lineno(statement, block.line - 1)
            self._run_statement(statement, str(block))

    def _run_statement(self, statement: ast.stmt, where: str) -> None:
        before = {w.model_id for w in _widgets()}
        shows = isinstance(statement, ast.Expr)
        tree: Any = ast.Expression(statement.value) if shows else ast.Module([statement], [])
        code = compile(tree, where, "eval" if shows else "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        value = eval(code, self.names)  # noqa: S307  # our own documentation
        if asyncio.iscoroutine(value):
            value = asyncio.run(value)
        if shows:
            self.display(value)
            # A call that signs in by itself, such as `authenticate(config, token)`.
            for w in _widgets():
                if w.model_id not in before and w is not value:
                    self.allow(w)

    def display(self, value: Any) -> None:
        self.displayed.append(value)
        if isinstance(value, OIDCLogin) and value.status == "signed_out":
            value.sign_in()
            self.allow(value)

    def allow(self, w: OIDCLogin) -> None:
        arrived = threading.Event()
        w.observe(lambda _: arrived.set(), "access_token")  # the last of its observers
        with HttpPerson() as alice:
            alice.visit(shown(w)["device"]["verification_uri_complete"])
        assert arrived.wait(20), w.error

    def close(self) -> None:
        for value in self.names.values():
            if isinstance(value, OIDCLogin):
                value.sign_out()
                value.close()


SIGN_IN = """
from oidc_widget import OIDCLogin
w = OIDCLogin("https://idp.example.com", "notebooks")
w
"""


def _widgets() -> Iterator[OIDCLogin]:
    return (widget for widget in list(_instances.values()) if isinstance(widget, OIDCLogin))
