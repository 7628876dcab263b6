"""How fast a plan is made, and how soon the command answers. One JSON object a line.

    python benchmarks/planner.py [--rounds N]

``planner.caps`` makes the 1,080,000 caps of 1,000 IPs with targets and first days of their own, 12
providers and 90 days, against a plain loop that does the same arithmetic with nothing around it.
``cold`` lines are whole processes against ``python -c pass``, in interleaved rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from warmup.plan import Plan, plan

PROVIDERS = 12
DAYS = 90
SHARES = (300, 200, 120, 80, 70, 60, 50, 40, 30, 20, 17, 13)
START = date(2026, 12, 1)
HEAVY = ("sqlalchemy", "dns", "alembic", "asyncio", "rich")
MIX = {f"p{index}": f"0.{weight:03d}" for index, weight in enumerate(SHARES)}


def _wanted(ips: int) -> tuple[list[int], list[int]]:
    """Shares and first days (as offsets) of the sources: all shares differ."""
    return [1_000 + 47 * index for index in range(ips)], [index % 60 for index in range(ips)]


def our_plan(ips: int) -> Plan:
    """The plan under test."""
    shares, offsets = _wanted(ips)
    names = [f"ip-{index + 1}" for index in range(ips)]
    return plan(
        sum(shares),
        start=START,
        ips=[(name, START + timedelta(days=days)) for name, days in zip(names, offsets, strict=True)],
        shares=dict(zip(names, shares, strict=True)),
        days=DAYS,
        mix=MIX,
    )


def ours(made: Plan) -> int:
    """Make every cap; return their sum."""
    total = 0
    for _, _, _, caps in made.grid():
        total += sum(caps)
    return total


def plain(ips: int) -> int:
    """The same caps by a loop: the same curve, the same Sainte-Lague split from rounded quotas."""
    shares, offsets = _wanted(ips)
    weights = list(SHARES)
    whole = sum(weights)
    twice = 2 * whole
    places = range(PROVIDERS)
    total = 0
    for day in range(DAYS):
        for share, offset in zip(shares, offsets, strict=True):
            step = day - offset + 1
            if step < 1:
                continue
            level = min(share, 50_000)
            cap = max(1, level * min(step, 45) // 45)
            double = 2 * cap
            parts = [-((whole - double * weight) // twice) for weight in weights]
            missing = cap - sum(parts)
            while missing > 0:
                best = max(places, key=lambda i: weights[i] / (2 * parts[i] + 1))
                parts[best] += 1
                missing -= 1
            while missing < 0:
                worst = min((i for i in places if parts[i]), key=lambda i: weights[i] / (2 * parts[i] - 1))
                parts[worst] -= 1
                missing += 1
            total += sum(parts)
    return total


def _race(rounds: int, *works: Callable[[], int]) -> list[tuple[float, int]]:
    """Median seconds and result of each, in interleaved rounds: a busy machine slows all of them."""
    times: list[list[float]] = [[] for _ in works]
    results = [0 for _ in works]
    for _ in range(rounds):
        for index, work in enumerate(works):
            begun = time.perf_counter()
            results[index] = work()
            times[index].append(time.perf_counter() - begun)
    return [(statistics.median(took), result) for took, result in zip(times, results, strict=True)]


def _say(name: str, value: float, unit: str, **more: Any) -> None:
    print(json.dumps({"name": name, "value": round(value, 4), "unit": unit, **more}), flush=True)


def caps(rounds: int) -> None:
    """Time the caps of 10, 100 and 1,000 IPs."""
    for ips in (10, 100, 1_000):
        # A new plan each round: one that has run remembers splits.
        race = _race(rounds, lambda ips=ips: ours(our_plan(ips)), lambda ips=ips: plain(ips))
        (mine, here), (theirs, there) = race
        assert here == there, (here, there)
        cells = ips * PROVIDERS * DAYS
        _say(
            f"planner.caps.{ips}",
            mine,
            "s",
            against=round(theirs, 4),
            ratio=round(mine / theirs, 3),
            cells=cells,
        )
        _say(f"planner.caps.{ips}.each", mine / cells * 1e6, "us")
    made = our_plan(1_000)
    [(rows, _)] = _race(1, lambda: sum(row.cap for row in made.rows()))
    _say("planner.rows.1000", rows, "s", cells=1_000 * PROVIDERS * DAYS)
    [(building, _)] = _race(rounds, lambda: len(our_plan(1_000).sources))
    _say("planner.build.1000", building, "s")


CLI = "import sys; from warmup.cli import main; sys.argv[0] = 'warmup'; main()"
SMALL = ["plan", "--target", "5000", "--start", "2026-12-01"]
COMMANDS = {
    "bare": ["-c", "pass"],
    "help": ["-c", CLI, "--help"],
    "plan": ["-c", CLI, *SMALL],
    "plan-help": ["-c", CLI, "plan", "--help"],
}
AT_MOST = {"help": 7, "plan": 12}


def cold(rounds: int) -> None:
    """Time whole processes, and list what heavy packages they load."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        # An installed package is compiled to bytecode; so is what is measured here, in the first round.
        environment = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        for counts in [False] + [True] * rounds:
            for name, words in COMMANDS.items():
                begun = time.perf_counter()
                subprocess.run(
                    [sys.executable, *words], check=True, stdout=subprocess.DEVNULL, env=environment
                )
                if counts:
                    times[name].append(time.perf_counter() - begun)
    bare = statistics.median(times["bare"])
    _say("cold.bare", bare * 1e3, "ms")
    for name in COMMANDS:
        if name != "bare":
            took = statistics.median(times[name])
            limit = {"at_most": AT_MOST[name]} if name in AT_MOST else {}
            _say(
                f"cold.{name}",
                took * 1e3,
                "ms",
                against=round(bare * 1e3, 2),
                ratio=round(took / bare, 2),
                **limit,
            )
    for name in ("help", "plan"):
        found = subprocess.run(
            [sys.executable, "-X", "importtime", *COMMANDS[name]], check=True, capture_output=True, text=True
        ).stderr
        loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in found.splitlines()}
        _say(f"cold.{name}.heavy", len(loaded & set(HEAVY)), "packages", loaded=sorted(loaded & set(HEAVY)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark the planner.")
    parser.add_argument("--rounds", type=int, default=5, help="Times each measurement is repeated.")
    rounds = parser.parse_args().rounds
    os.environ.pop("WARMUP_CONFIG", None)
    caps(rounds)
    cold(max(rounds, 9))


if __name__ == "__main__":
    main()
