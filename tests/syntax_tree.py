"""Python's syntax trees, for tests that read source code."""

from __future__ import annotations

import ast


def parse(source: str, filename: str = "<unknown>", *, tries: int = 5) -> ast.Module:
    """Parse a module, also while another thread does the same.

    CPython 3.11 counts the depth of all threads' trees in one place (python/cpython#106905): a traceback that
    a server's thread prints at this moment can spoil it.
    """
    try:
        return ast.parse(source, filename)
    except SystemError:
        if tries == 1:
            raise
    return parse(source, filename, tries=tries - 1)
