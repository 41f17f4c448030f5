"""What importing costs, and the first widget.

In kernels of their own, in milliseconds of processor time, from compiled files, as pip leaves them: `from
oidc_widget import OIDCLogin` and `OIDCLogin(…)` where anywidget is imported and has made its first widget;
and `import oidc_widget.verify` in a plain process, beside `joserfc`, which it is built on.
"""

from __future__ import annotations

import compileall
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ROOT
from benchmarks.figure import Figure
from benchmarks.rounds import medians, take_turns
from kernel_process import KernelProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_WIDGET = """
import time
import anywidget
anywidget.AnyWidget()
started = time.process_time()
from oidc_widget import OIDCLogin
imported = time.process_time()
OIDCLogin("https://idp.example.com", "notebooks")
print(1000 * (imported - started), 1000 * (time.process_time() - imported))
"""

IMPORT = """
import json, sys, time
started = time.process_time()
import {}
took = 1000 * (time.process_time() - started)
jupyter = {{"IPython", "anywidget", "comm", "ipykernel", "ipywidgets", "jupyter_core", "traitlets"}}
print(json.dumps([took, sorted(jupyter & set(sys.modules))]))
"""

MOST = 10  # ms


def measure(*, quick: bool) -> Iterator[Figure]:
    """Yield the kernel's rows, and the API's."""
    compileall.compile_dir(ROOT / "src/oidc_widget", quiet=1)
    found = [first_widget() for _ in range(2 if quick else 15)]
    imported, made = (sorted(column)[len(column) // 2] for column in zip(*found, strict=True))
    yield Figure(
        "import and first widget, beyond anywidget",
        imported + made,
        "ms",
        {"of these OIDCLogin(…)": made},
        f"≤ {MOST} ms",
        imported + made <= MOST,
    )
    modules = ("oidc_widget.verify", "joserfc.jwt")
    times = medians(
        take_turns({name: lambda name=name: imported_in(name)[0] for name in modules}, 2 if quick else 15)
    )
    _, jupyter = imported_in("oidc_widget.verify")
    yield Figure(
        f"import oidc_widget.verify, which loads {', '.join(jupyter) or 'nothing of Jupyter'}",
        times["oidc_widget.verify"],
        "ms",
        {"import joserfc.jwt": times["joserfc.jwt"]},
        "nothing of Jupyter",
        not jupyter,
    )


def first_widget() -> tuple[float, float]:
    """Return the ms that the import takes, and the first widget."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(KernelProcess("python3", Path(folder))) as kernel,
    ):
        imported, made = kernel.run(FIRST_WIDGET).split()
    return float(imported), float(made)


def imported_in(module: str) -> tuple[float, list[str]]:
    """Import a module in a process of its own; return the ms, and what came along of Jupyter."""
    answer = subprocess.run(
        [sys.executable, "-c", IMPORT.format(module)], capture_output=True, text=True, check=True
    )
    took, jupyter = json.loads(answer.stdout)
    return took, jupyter
