"""A sign-in is guarded in the same way in a page, in a kernel and on the server."""

from __future__ import annotations

import re
from pathlib import Path

from oidc_widget.reserved import RESERVED

ROOT = Path(__file__).parents[1]


def test_the_browser_has_the_same_list():
    source = (ROOT / "frontend/protocol/authorization.ts").read_text("utf-8")
    [listed] = re.findall(r"RESERVED = new Set\(\[(.*?)\]", source, re.DOTALL)
    assert set(re.findall(r'"(\w+)"', listed)) == RESERVED
