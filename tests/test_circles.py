"""The modules of the browser tests import one way: they are no package, so `lint-imports` can't read them."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from tests.syntax_tree import parse

UI_TESTS = Path(__file__).parents[1] / "ui-tests"


def imported_by(source):
    """Yield the modules that a module imports, for types too: who needs the type knows the module."""
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def graph_of(sources):
    """Map each module to those of them that it imports."""
    return {name: sources.keys() & set(imported_by(source)) - {name} for name, source in sources.items()}


def test_there_is_no_circle():
    sources = {
        ".".join(path.relative_to(UI_TESTS).with_suffix("").parts): path.read_text("utf-8")
        for path in UI_TESTS.rglob("*.py")
    }
    graph = graph_of(sources)
    assert "hub" in graph["tls_proxy"]
    assert "providers.oidc_provider" in graph["conftest"]
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("there", ["import b", "from b import B", "if TYPE_CHECKING:\n    from b import B"])
def test_a_circle_would_be_seen(there):
    graph = graph_of({"a": there, "b": "def later():\n    import c", "c": "from a import A"})
    with pytest.raises(CycleError, match="a"):
        TopologicalSorter(graph).prepare()
