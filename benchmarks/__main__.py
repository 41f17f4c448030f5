"""Measure everything, print one table, and write it down.

python -m benchmarks [--quick] [--only NAME …] [--write FILE]
"""

from __future__ import annotations

import argparse
import inspect
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine, table

if TYPE_CHECKING:
    from benchmarks.figure import Figure

#: The modules, in the table's order. Each has `measure(*, quick)`; its docstring is title and note.
PARTS = (
    "click_to_token",
    "delivery",
    "weight",
    "lab_start",
    "imports",
    "token_reads",
    "memory",
    "verification",
    "protected_views",
    "relay",
    "hub_callback",
)


def main() -> int:
    """Measure, print, and write; return how many parts could not be measured."""
    parser = argparse.ArgumentParser(description="Measure everything side by side.")
    parser.add_argument(
        "--quick", action="store_true", help="few rounds: whether it runs, not how fast it is"
    )
    parser.add_argument("--only", action="append", choices=PARTS, metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table there, in Markdown")
    arguments = parser.parse_args()
    groups: dict[str, list[Figure]] = {}
    notes: dict[str, str] = {}
    failed = 0
    for name in arguments.only or PARTS:
        part = import_module(f"benchmarks.{name}")
        title, _, note = inspect.getdoc(part).partition("\n")
        title, started = title.rstrip("."), time.monotonic()
        notes[title] = note.strip()
        print(f"{title} …", file=sys.stderr, flush=True)
        groups[title] = []
        try:
            groups[title].extend(part.measure(quick=arguments.quick))
        except Exception:  # noqa: BLE001  # the others can be measured all the same; the end says so
            traceback.print_exc()
            failed += 1
        print(table.as_text(groups[title]), file=sys.stderr)
        print(f"  in {time.monotonic() - started:.0f} s\n", file=sys.stderr, flush=True)
    about = machine.describe()
    for name, value in about.items():
        print(f"{name}: {value}")
    print()
    print(table.as_text([figure for figures in groups.values() for figure in figures]))
    if failed:
        print(f"{failed} of the parts could not be measured: see above.", file=sys.stderr)
    if arguments.write:
        arguments.write.write_text(table.as_page(groups, about, notes))
    return failed


if __name__ == "__main__":
    sys.exit(main())
