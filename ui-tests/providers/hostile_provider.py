"""The provider that misbehaves (``hostile_provider.mjs``) as a process, and the table of how it does.

>>> with HostileProvider() as hostile:
...     for case, way, expected in cases("device", "paste"):
...         hostile.issuer(case, way)      # the `authority` of an OIDCLogin
...         hostile.log(issuer)            # the requests that came there
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

SCRIPT = Path(__file__).with_suffix(".mjs")
TABLE = Path(__file__).parents[2] / "tests/hostile/cases.json"

#: The origin of providers that are on another machine; tests bring its requests to the real one.
ELSEWHERE = "https://hostile.example"

Case = dict[str, Any]


def cases(*ways: str) -> Iterator[tuple[Case, str, str]]:
    """Yield each case that there is on these ways, with what it must come to."""
    for group in json.loads(TABLE.read_text()):
        for case in group["cases"]:
            own = case.get("expected", {})
            expected = dict.fromkeys(group["ways"], own if isinstance(own, str) else group["expected"])
            if isinstance(own, dict):
                expected.update(own)
            yield from ((case, way, expected[way]) for way in ways if expected.get(way))


class HostileProvider:
    """A running provider."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None:
            raise RuntimeError("The provider runs on Node: install Node 20 or later.")
        self._process = subprocess.Popen(
            [node, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.origin: str = json.loads(self._process.stdout.readline())["origin"]
        self._http = httpx.Client(trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._http.close()
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def issuer(self, case: Case, way: str) -> str:
        """Return an issuer of its own for one sign-in."""
        origin = ELSEWHERE if case.get("elsewhere") else self.origin
        return f"{origin}/{case['name']}/{way}/{uuid4().hex}"

    def here(self, address: str) -> str:
        """Return where an address really is."""
        return address.replace(ELSEWHERE, self.origin)

    def log(self, issuer: str) -> list[dict[str, Any]]:
        """Return the requests that came to an issuer."""
        return self._http.get(f"{self.here(issuer)}/log").json()["requests"]

    def landing(self, authorization_request: str) -> str:
        """Return where a person lands who opens this address."""
        return self._http.get(self.here(authorization_request)).headers["location"]
