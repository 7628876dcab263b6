"""What the scripts beside this one measure with."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

__all__ = ["race", "say", "timed"]


def race(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Median processor seconds of each, in interleaved rounds: a busy machine slows all of them."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for index, work in enumerate(works):
            begun = time.process_time()
            work()
            times[index].append(time.process_time() - begun)
    return [statistics.median(took) for took in times]


def timed(rounds: int, work: Callable[[], object]) -> float:
    """Median seconds of some work."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def say(name: str, value: float, unit: str, **more: Any) -> None:
    """Print a figure as one JSON object on a line."""
    print(json.dumps({"name": name, "value": round(value, 4), "unit": unit, **more}), flush=True)
