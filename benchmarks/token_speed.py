# ruff: noqa: INP001, T201  # a script that prints a report
"""How long `w.token()` takes while the token is fresh: `python benchmarks/token_speed.py`.

In a plain process, without a browser: this is the path that each request of a loop takes.
"""

from __future__ import annotations

import statistics
import timeit

from oidc_widget import OIDCLogin

ROUNDS, CALLS = 20, 20_000

w = OIDCLogin("https://idp.example.com", "notebooks", flow="popup")
w.receive("token", {"access_token": "token", "expires_in": 3600}, express=True)
for name, call in {
    "w.token()": w.token,
    "w.token(scopes=…) as signed in": lambda: w.token(scopes="openid profile email"),
    "w.access_token": lambda: w.access_token,
    "w.auth": lambda: w.auth,
}.items():
    call()
    times = [1e6 * took / CALLS for took in timeit.repeat(call, number=CALLS, repeat=ROUNDS)]
    print(f"{name:34} {statistics.median(times):6.2f} µs (fastest {min(times):.2f})")
