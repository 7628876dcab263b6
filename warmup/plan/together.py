"""Streams of several deadlines that share one cap.

Between the sums of all walls more is allowed than can be kept: a release of patient mail could stand for
urgent mail that has not even arrived. So first the sums are smoothed and mail is served in the order of
its due days. If nobody is late by it, no plan is steadier, for the sums allow whatever the streams
allow.

Otherwise streams are smoothed in turn, each around the others, starting from the plan that serves due
days at full caps, for as long as the sum of r^2 / w falls: all deadlines are kept at every turn. What
that reaches is a plan in which no single stream can be steadier by itself; it may be a little above
the least.

Serving the earliest due day first at full caps is also what makes lateness least: of two messages
that are both there, the one due earlier never gains less by going first. Mail without a deadline waits
behind all that has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import lcm

from warmup.plan.flows import FlowClass, daily
from warmup.plan.smooth import smooth

__all__ = ["together"]

TURNS_MAX = 30
"""How often streams of different deadlines are smoothed in turn; it rarely takes more than five."""


def _serve(room: Sequence[int], upper: list[list[int]], due: list[list[tuple[int, int]]]) -> list[list[int]]:
    """Serve classes in the order of their due days.

    Args:
        room: What may go on each day.
        upper: Arrivals of each class, running sums.
        due: Of each class, (running sum, key): mail up to that sum is served by that key, the smallest
            first; among equals the class named first.

    Returns:
        What has gone of each class by the end of each day.
    """
    gone = [0] * len(upper)
    at = [0] * len(upper)
    sums: list[list[int]] = [[] for _ in upper]
    for day, may in enumerate(room):
        left = may
        while left > 0:
            best, key = -1, 0
            for place, steps in enumerate(due):
                if gone[place] < upper[place][day]:
                    while steps[at[place]][0] <= gone[place]:
                        at[place] += 1
                    if best < 0 or steps[at[place]][1] < key:
                        best, key = place, steps[at[place]][1]
            if best < 0:
                break
            some = min(left, min(upper[best][day], due[best][at[best]][0]) - gone[best])
            gone[best] += some
            left -= some
        for place, sum_ in enumerate(gone):
            sums[place].append(sum_)
    return sums


def _urgency(part: FlowClass) -> list[tuple[int, int]]:
    """Keys at full caps: what has a deadline by its day, then what has none and what is due later."""
    days = len(part.due)
    promised = part.hard[-1]
    return [
        *((sum_, day) for day, sum_ in enumerate(part.hard)),
        *((sum_, days + day) for day, sum_ in enumerate(part.due) if sum_ > promised),
    ]


def together(
    parts: Sequence[FlowClass], weights: Sequence[int], caps: Sequence[int], floor: int
) -> tuple[list[list[int]], bool]:
    """Smooth classes of different deadlines: what has gone of each, and whether it is the least."""
    uppers = [part.upper for part in parts]
    reached = _serve(caps, uppers, [_urgency(part) for part in parts])
    lowers = [list(map(min, part.due, sums)) for part, sums in zip(parts, reached, strict=True)]
    total = smooth(
        [sum(row) for row in zip(*lowers, strict=True)],
        [sum(row) for row in zip(*uppers, strict=True)],
        weights,
        caps,
        floor=floor,
    )
    keys = [
        [*((sum_, day) for day, sum_ in enumerate(row)), (upper[-1], len(row))]
        for row, upper in zip(lowers, uppers, strict=True)
    ]
    served = _serve(total, uppers, keys)
    if all(
        gone >= must
        for sums, lower in zip(served, lowers, strict=True)
        for gone, must in zip(sums, lower, strict=True)
    ):
        return served, True
    rows = _in_turn([daily(sums) for sums in reached], lowers, uppers, weights, caps, floor)
    return [list(accumulate(row)) for row in rows], False


def _in_turn(
    rows: list[list[int]],
    lowers: list[list[int]],
    uppers: list[list[int]],
    weights: Sequence[int],
    caps: Sequence[int],
    floor: int,
) -> list[list[int]]:
    """Smooth each class around the others, again and again, for as long as it helps."""
    common = lcm(*filter(None, weights))
    prices = [common // weight if weight else 0 for weight in weights]

    def cost(totals: list[int]) -> tuple[int, int]:
        kept = sum(total >= floor for total, weight in zip(totals, weights, strict=True) if weight)
        return -kept, sum(total * total * price for total, price in zip(totals, prices, strict=True))

    totals = [sum(row) for row in zip(*rows, strict=True)]
    best = cost(totals)
    for _ in range(TURNS_MAX):
        before = best
        for place, (lower, upper) in enumerate(zip(lowers, uppers, strict=True)):
            others = [total - own for total, own in zip(totals, rows[place], strict=True)]
            room = [cap - beside for cap, beside in zip(caps, others, strict=True)]
            row = smooth(lower, upper, weights, room, others=others, floor=floor)
            tried = [own + beside for own, beside in zip(row, others, strict=True)]
            if (found := cost(tried)) < best:
                rows[place], totals, best = row, tried, found
        if best == before:
            break
    return rows
