"""How fast the steadiest release is found. One JSON object a line.

    python benchmarks/steady.py [--rounds N]

``steady.string`` and ``steady.levels`` are one row of 1,000 to 100,000 days, against a plain loop that
releases as early as possible over the same rows: what is linear has the same ratio on each line. ``dips``
are caps of which many bind, ``held`` caps with no deadline at all before the end, ``falling`` the worst
that is known: caps that fall day by day, so that each goes to the front of the list.
``steady.streams`` is a quarter, a year, four years and sixteen of three streams of several deadlines:
``sums`` where the sums of their walls suffice, ``bursts`` where urgent bursts and a monthly mailing call for
decomposing, ``long`` where nearly all windows overlap.
``steady.lanes`` smooths 12,000 lanes of 365 days, each on its own; ``steady.providers`` does
what a plan does: 12 providers, two streams, split among 1,000 sources.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import accumulate

from measure import race, say

from warmup.plan.convex import levels
from warmup.plan.lateness import earliest
from warmup.plan.smooth import smooth
from warmup.plan.steady import Flow, steady
from warmup.plan.taut import string
from warmup.timing import Chance

DAYS = 365
WEEK = (10, 10, 10, 10, 10, 4, 4)
CHANCE = Chance("benchmark")
Row = tuple[list[int], list[int], list[int], list[int]]  # lower, upper, weights, caps


def row(days: int, kind: str, name: object = 0, deadline: int = 7) -> Row:
    """Arrivals of a made-up sender: workdays, a large Tuesday, caps of one kind."""
    weights = [WEEK[day % 7] for day in range(days)]
    arrivals = [
        CHANCE.below(2_000, name, day) + (40_000 if day % 7 == 1 else 0) if day % 7 < 5 else 0
        for day in range(days)
    ]
    upper = list(accumulate(arrivals))
    lower = [0] * deadline + upper[:-deadline] if kind != "held" else [0] * days
    lower[-1] = upper[-1]
    if kind == "free":
        caps = [10**9] * days
    elif kind == "falling":
        caps = [20_000 - 10_000 * day // days for day in range(days)]
        lower, upper = [0] * days, [upper[-1]] * days
        lower[-1] = upper[-1]
    else:
        caps = [5_000 + CHANCE.below(12_000, "cap", name, day) for day in range(days)]
    return list(map(min, lower, earliest(upper, caps))), upper, weights, caps


def rows(rounds: int) -> None:
    """One row, ten times as long each time."""
    for kind in ("free", "dips", "held", "falling"):
        for days in (1_000, 10_000, 100_000):
            lower, upper, weights, caps = row(days, kind)
            works: list[tuple[str, Callable[[], object]]] = [
                ("levels", lambda: levels(lower, upper, weights, caps))  # noqa: B023
            ]
            if kind == "free":
                works.append(("string", lambda: string(lower, upper, weights)))  # noqa: B023
            for name, work in works:
                took, plain = race(rounds, work, lambda: earliest(upper, caps))  # noqa: B023
                say(
                    f"steady.{name}.{kind}.{days}",
                    took / days * 1e6,
                    "us",
                    against=round(plain / days * 1e6, 4),
                    ratio=round(took / plain, 1),
                )


def streams(rounds: int) -> None:
    """Three streams of several deadlines, four times as long each time."""
    for kind, deadlines in (("sums", (0, 3, 7)), ("bursts", (0, 2, 27)), ("long", (0, 9, 60))):
        for days in (91, 365, 1_460, 5_840):
            weights = [WEEK[day % 7] for day in range(days)]
            some = [[CHANCE.below(2_000, kind, place, day) for day in range(days)] for place in range(3)]
            if kind == "sums":
                some[1] = [40_000 if day % 7 == 1 else 0 for day in range(days)]
                some[2] = [10 * count if day % 7 < 5 else 0 for day, count in enumerate(some[2])]
            elif kind == "bursts":
                some[0] = [10 * count if count % 10 == 0 else 100 for count in some[0]]
                some[1] = [40_000 if day % 7 == 1 else 0 for day in range(days)]
                some[2] = [120_000 if day % 28 == 1 else 0 for day in range(days)]
            flows = [
                Flow(name=str(deadline), arrivals=row, deadline=deadline)
                for row, deadline in zip(some, deadlines, strict=True)
            ]
            caps = [18_000 + CHANCE.below(12_000, "cap", day) for day in range(days)]
            [took] = race(rounds, lambda: steady(flows, caps, weights))  # noqa: B023
            say(f"steady.streams.{kind}.{days}", took * 1e3, "ms", each_us=round(took / days * 1e6, 1))


def lanes(rounds: int) -> None:
    """12,000 lanes, each smoothed on its own; a tenth of them has caps that dip."""
    made = [row(DAYS, "dips" if lane % 10 == 0 else "free", lane) for lane in range(12_000)]
    for count in (120, 1_200, 12_000):

        def work(count: int = count) -> int:
            return sum(sum(smooth(*each)) for each in made[:count])

        [took] = race(rounds if count < 12_000 else 1, work)
        say(f"steady.lanes.{count}", took, "s", days=DAYS, each_us=round(took / count / DAYS * 1e6, 3))


def providers(rounds: int) -> None:
    """12 providers with two streams, smoothed and split among 10, 100 and 1,000 sources."""
    made = [row(DAYS, "dips", provider) for provider in range(12)]
    weights = made[0][2]

    def find(sources: int) -> int:
        total = 0
        for _, upper, _, caps in made:
            arrivals = [sum_ - before for sum_, before in zip(upper, [0, *upper], strict=False)]
            flows = [
                Flow(name="transactional", arrivals=[count // 50 for count in arrivals], deadline=0),
                Flow(name="bulk", arrivals=arrivals, deadline=7),
            ]
            found = steady(flows, [cap // sources * sources for cap in caps], weights)
            if sources > 1:
                shares = {str(index): [cap // sources for cap in caps] for index in range(sources)}
                total += sum(map(sum, found.by_source(shares).values()))
        return total

    for sources in (1, 10, 100, 1_000):
        [took] = race(rounds if sources < 1_000 else 1, lambda sources=sources: find(sources))  # type: ignore[misc]
        say(f"steady.providers.{sources}", took, "s", days=DAYS, cells=12 * DAYS * sources)


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark smoothing.")
    parser.add_argument("--rounds", type=int, default=3, help="Times each measurement is repeated.")
    rounds = parser.parse_args().rounds
    rows(rounds)
    streams(rounds)
    lanes(rounds)
    providers(rounds)


if __name__ == "__main__":
    main()
