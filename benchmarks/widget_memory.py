# ruff: noqa: INP001, T201  # a script that prints a report
"""What a widget leaves behind that was closed, or replaced by running its cell again.

``python benchmarks/widget_memory.py [--count 1000]``
"""

from __future__ import annotations

import argparse
import gc
import itertools
import time
import tracemalloc
import weakref

from oidc_widget import OIDCLogin

TOKEN = {"access_token": "t", "expires_in": 600, "claims": {"sub": "a"}}


def make(count: int, flow: str, *, close: bool) -> int:
    """Make so many, one after the other under one name, and return how many are still there afterwards."""
    left = []
    for _ in range(count):
        w = OIDCLogin("https://idp.example.com", "notebooks", flow=flow)
        w.observe(lambda _: None, "access_token")
        w.receive("token", TOKEN, express=True)
        left.append(weakref.ref(w))
        if close:
            w.close()
    del w
    time.sleep(0.5)  # what observers are told of the end
    gc.collect()
    return sum(reference() is not None for reference in left)


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    count = parser.parse_args().count
    for close, flow in itertools.product((True, False), ("popup", "device")):
        make(50, flow, close=close)  # what is loaded once
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        alive = make(count, flow, close=close)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        what = "closed" if close else "replaced"
        print(f"{what:8} {flow:6} {alive} of {count} alive, {(after - before) / count:.0f} bytes each")


if __name__ == "__main__":
    main()
