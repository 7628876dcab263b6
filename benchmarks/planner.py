"""How fast a plan is made, and how soon the command answers. One JSON object a line.

    python benchmarks/planner.py [--rounds N]

``planner.caps`` makes the 1,080,000 caps of 1,000 IPs with targets and first days of their own, 12
providers and 90 days, against a plain loop that does the same arithmetic with nothing around it.
``planner.whole`` is everything that ``warmup plan --demand --smooth`` works out: plan, demand, forecast
and steadiest release of 12 providers over 365 days, for 10, 100 and 1,000 IPs: ``alike`` with equal shares,
``apart`` with shares that all differ. ``ratio`` is the time against a tenth of the IPs, at most 10 or so
where growth is linear.
``cold`` lines are whole processes against ``python -c pass``, in interleaved rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from measure import DAYS, PROVIDERS, START, WEIGHTS, grown, large_plan, mail_for, race, say, timed

from warmup.forecast.outlook import outlook
from warmup.model import RampClock
from warmup.plan import Plan
from warmup.plan.aim import Steadiness

CAP_DAYS = 90
HEAVY = ("sqlalchemy", "dns", "alembic", "asyncio", "rich")


def our_plan(ips: int) -> Plan:
    """The plan whose caps are made."""
    return large_plan(ips, apart=True, days=CAP_DAYS)


def ours(made: Plan) -> int:
    """Make every cap; return their sum."""
    total = 0
    for _, _, _, caps in made.grid():
        total += sum(caps)
    return total


def plain(ips: int) -> int:
    """The same caps by a loop: the same curve, the same Sainte-Lague split from rounded quotas."""
    made = our_plan(ips)
    shares = [source.share for source in made.sources]
    offsets = [(source.start - START).days for source in made.sources]
    weights = list(WEIGHTS)
    whole = sum(weights)
    twice = 2 * whole
    places = range(PROVIDERS)
    total = 0
    for day in range(CAP_DAYS):
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


def caps(rounds: int) -> None:
    """Time the caps of 10, 100 and 1,000 IPs."""
    for ips in (10, 100, 1_000):
        assert ours(our_plan(ips)) == plain(ips)
        # A new plan each round: one that has run remembers splits.
        mine, theirs = race(rounds, lambda ips=ips: ours(our_plan(ips)), lambda ips=ips: plain(ips))  # type: ignore[misc]
        cells = ips * PROVIDERS * CAP_DAYS
        against = {"against": round(theirs, 4), "ratio": round(mine / theirs, 3)}
        say(f"planner.caps.{ips}", mine, "s", **against, cells=cells)
        say(f"planner.caps.{ips}.each", mine / cells * 1e6, "us")
    made = our_plan(1_000)
    say(
        "planner.rows.1000",
        timed(1, lambda: sum(row.cap for row in made.rows())),
        "s",
        cells=1_000 * PROVIDERS * CAP_DAYS,
    )
    say("planner.build.1000", timed(rounds, lambda: our_plan(1_000)), "s")


def whole(rounds: int) -> None:
    """Time plan, demand, forecast and smoothing together."""
    for name, apart in (("alike", False), ("apart", True)):
        before = None
        for ips in (10, 100, 1_000):
            smoothed: set[str] = set()

            def work(ips: int = ips, apart: bool = apart, smoothed: set[str] = smoothed) -> None:
                of = large_plan(ips, apart)
                seen = outlook(of, mail_for(of), ramp=RampClock.EARNED, steadiness=Steadiness())
                smoothed.update(seen.smoothed or {})

            [took] = race(rounds if ips < 1_000 else 1, work)
            grown(f"planner.whole.{name}.{ips}", took, before, ips * PROVIDERS * DAYS, smoothed=len(smoothed))
            before = took


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
    say("cold.bare", bare * 1e3, "ms")
    for name in COMMANDS:
        if name != "bare":
            took = statistics.median(times[name])
            limit = {"at_most": AT_MOST[name]} if name in AT_MOST else {}
            say(
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
        say(f"cold.{name}.heavy", len(loaded & set(HEAVY)), "packages", loaded=sorted(loaded & set(HEAVY)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark the planner.")
    parser.add_argument("--rounds", type=int, default=5, help="Times each measurement is repeated.")
    rounds = parser.parse_args().rounds
    os.environ.pop("WARMUP_CONFIG", None)
    caps(rounds)
    whole(min(rounds, 3))
    cold(max(rounds, 9))


if __name__ == "__main__":
    main()
