"""Print what `make security-report` has seen: case, expected, seen, test; and the counts.

>>> python tests/hostile/report.py python.xml browser.xml vitest.json

What is read are pytest's JUnit files and vitest's JSON file. A test without a case of its own stands for
itself: its name says what must hold.
"""

# ruff: noqa: T201  (a table for a terminal)
from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

WIDTHS = (46, 30, 30)  # characters of the columns before the last


@dataclass(frozen=True)
class Row:
    """One line of the table; `outcome` is `passed`, `failed` or `skipped`."""

    case: str
    expected: str
    seen: str
    test: str
    outcome: str
    #: The misbehaviour of the table, if it is one of those.
    misbehaviour: str | None = None


def main(paths: list[str]) -> int:
    """Print the table, and return 1 if something is not as expected, or was skipped without a reason."""
    rows = [row for path in paths for row in (junit(path) if path.endswith(".xml") else vitest(path))]
    print(line("case", "expected", "seen", "test"))
    print("-" * 140)
    for row in sorted(rows, key=lambda row: (row.outcome == "passed", row.test, row.case)):
        print(line(row.case, row.expected, row.seen, row.test))
    counts = Counter(row.outcome for row in rows)
    cases = {row.misbehaviour for row in rows} - {None}
    print("-" * 140)
    print(f"{len(rows)} tests of {len(cases)} misbehaviours and faults, and of what must hold: ", end="")
    print(", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped")))
    unexplained = [row for row in rows if row.outcome == "skipped" and not row.seen.removeprefix("skipped: ")]
    return 1 if counts["failed"] or unexplained or not rows else 0


def line(*columns: str) -> str:
    """Put columns under each other; what is too long is not cut, since it is what one looks for."""
    *first, last = columns
    return "  ".join([*(f"{text:{width}}" for text, width in zip(first, WIDTHS, strict=True)), last])


def junit(path: str) -> list[Row]:
    """Read pytest's file (`--junitxml`)."""
    rows = []
    for test in ET.parse(path).iter("testcase"):  # noqa: S314  # made a moment ago, here
        told = {each.get("name"): each.get("value", "") for each in test.iter("property")}
        name = f"{test.get('classname', '').replace('.', '/')}.py::{test.get('name')}"
        skipped, failed = (
            test.find("skipped"),
            test.find("failure") is not None or test.find("error") is not None,
        )
        outcome = "skipped" if skipped is not None else "failed" if failed else "passed"
        seen = told.get("seen", "as expected" if outcome == "passed" else outcome)
        if skipped is not None:
            seen = f"skipped: {skipped.get('message', '')}"
        case = told.get("case") or sentence(test.get("name") or "")
        rows.append(Row(case, told.get("expected", "holds"), seen, name, outcome, misbehaviour(told)))
    return rows


def sentence(name: str) -> str:
    """Return what a test's name says, with its parameters; the browser is the same everywhere."""
    words, bracket, parameters = name.partition("[")
    parameters = parameters.removesuffix("]").removesuffix("chromium").removesuffix("-")
    return words.removeprefix("test_").replace("_", " ") + (parameters and f" {bracket}{parameters}]")


def vitest(path: str) -> list[Row]:
    """Read vitest's file (`--reporter=json`)."""
    rows = []
    for file in json.loads(Path(path).read_text())["testResults"]:
        name = f"frontend/{file['name'].partition('/frontend/')[2]}"
        for test in file["assertionResults"]:
            outcome = {"passed": "passed", "failed": "failed"}.get(test["status"], "skipped")
            told = test.get("meta", {}).get("security", {})
            seen = told.get("seen", "as expected" if outcome == "passed" else f"{outcome}: ")
            case = told.get("case", test["fullName"].strip())
            place = f"{name} > {test['title']}"
            rows.append(Row(case, told.get("expected", "holds"), seen, place, outcome, misbehaviour(told)))
    return rows


def misbehaviour(told: dict[str, str]) -> str | None:
    """Return the name of the case, whichever way it was tried."""
    return told["case"].partition(": ")[2] if "case" in told else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
