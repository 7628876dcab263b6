"""What the scripts beside this one measure with."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from warmup.plan import Plan, plan, split
from warmup.plan.demand import Demand, DemandStream

__all__ = ["DAYS", "PROVIDERS", "START", "WEIGHTS", "grown", "large_plan", "mail_for", "race", "say", "timed"]

PROVIDERS = 12
DAYS = 365
WEIGHTS = (300, 200, 120, 80, 70, 60, 50, 40, 30, 20, 17, 13)
START = date(2026, 12, 1)
MIX = {f"p{index}": f"0.{weight:03d}" for index, weight in enumerate(WEIGHTS)}


def large_plan(ips: int, apart: bool, days: int = DAYS) -> Plan:
    """A plan of many IPs with sixty different first days; apart: shares that all differ."""
    shares = [1_000 + 47 * index if apart else 24_500 for index in range(ips)]
    names = [f"ip-{index + 1}" for index in range(ips)]
    starts = [(name, START + timedelta(days=index % 60)) for index, name in enumerate(names)]
    return plan(
        sum(shares),
        start=START,
        ips=starts,
        shares=dict(zip(names, shares, strict=True)),
        days=days,
        mix=MIX,
    )


def mail_for(of: Plan) -> Demand:
    """Two kinds of mail, of which the larger comes on weekdays: together about what the plan carries."""
    days = [of.start + timedelta(days=index) for index in range(of.days)]
    bulk = [split(of.target * 9 // 10 if on.weekday() < 5 else 0, of.mix) for on in days]
    urgent = [split(of.target // 10, of.mix) for _ in days]
    return Demand(
        name="benchmark",
        start=of.start,
        streams=tuple(
            DemandStream(
                name=name,
                arrivals={provider: tuple(day[provider] for day in rows) for provider in of.providers},
                deadline=deadline,
                priority=priority,
            )
            for name, rows, deadline, priority in (("bulk", bulk, 5, 5), ("urgent", urgent, 0, 1))
        ),
    )


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


def grown(name: str, took: float, before: float | None, cells: int, **more: Any) -> None:
    """Print seconds, what they are against those of a tenth of the IPs, and microseconds a cell."""
    growth = {} if before is None else {"against": round(before, 4), "ratio": round(took / before, 2)}
    say(name, took, "s", cells=cells, **growth, **more)
    say(f"{name}.each", took / cells * 1e6, "us")
