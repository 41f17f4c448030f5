"""Contestants who take turns, and what is made of their times."""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def take_turns(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Let each one measure itself, in turns, that many times."""
    results: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            results[name].append(measure())
    return results


def medians(results: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return each one's median."""
    return {name: statistics.median(values) for name, values in results.items()}


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent don't exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def rates(
    functions: Mapping[str, Callable[[], object]], seconds: float, rounds: int = 15
) -> dict[str, float]:
    """Return how often each runs in a second of processor time, taking turns: the median of the rounds."""

    def rate(function: Callable[[], object]) -> float:
        started, count = time.process_time(), 0
        while (took := time.process_time() - started) < seconds / rounds:
            for _ in range(10):
                function()
            count += 10
        return count / took

    for function in functions.values():
        function()  # what is loaded once
    turns = {name: lambda function=function: rate(function) for name, function in functions.items()}
    return medians(take_turns(turns, rounds))
