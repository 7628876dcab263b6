"""Streams of several deadlines that share one cap.

*Lateness first.* Serving what is due first at full caps leaves the fewest messages overdue at the end of each
day, on all days at once: mail that is due by a day never waits behind mail that is due after it. Among
what is due on one day the stream of the better priority goes first. Mail without a deadline waits behind
all that has one. That is what a stream is held to: its mail goes by its due day, or by the day on which it
went at full caps if that is later. So from here on all mail has a window within which it can go.

*Then the sums.* Between the sums of all walls more is allowed than can be kept: patient mail that went early
could stand for urgent mail that has not even arrived. So the least between the sums
(:mod:`warmup.plan.smooth`, in one pass) is the answer if its releases serve all mail within its windows,
and that is how it mostly is. Otherwise :mod:`warmup.plan.joint` finds the least over the windows themselves.
Either way the answer is exact. Whether the releases serve all is asked before they are made whole: what
whole messages happen to keep may lie more than a message from the least. Running sums are quotients by W,
the sum of the weights, or less; a window that is broken thus lacks 1 / W^2 at least, and parts half as large
show it.

*At last* the days' releases are given to the streams, again what is due first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from warmup.plan.floors import window_floors
from warmup.plan.flows import FlowClass, daily
from warmup.plan.joint import joint
from warmup.plan.smooth import smooth
from warmup.plan.windows import batches, short

__all__ = ["together"]


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
) -> tuple[list[list[int]], int]:
    """Smooth classes of different deadlines.

    Args:
        parts: The classes.
        weights: Whole weights of the days.
        caps: The most that may go on each day; 0 where the weight is 0.
        floor: On as many days as can be found at least this goes; 0: none.

    Returns:
        What has gone of each class by the end of each day, and a number of days than which none can
        have more at the floor.
    """
    uppers = [part.upper for part in parts]
    reached = _serve(caps, uppers, [_urgency(part) for part in parts])
    lowers = [list(map(min, part.due, sums)) for part, sums in zip(parts, reached, strict=True)]
    mail = sorted(
        batch for lower, upper in zip(lowers, uppers, strict=True) for batch in batches(lower, upper)
    )
    lower, upper = ([sum(row) for row in zip(*walls, strict=True)] for walls in (lowers, uppers))
    low, full = window_floors(mail, weights, caps, floor) if floor else (None, 0)
    times = 2 * max(1, sum(weights)) ** 2
    fine = smooth(
        _in_parts(lower, times),
        _in_parts(upper, times),
        weights,
        _in_parts(caps, times),
        _in_parts(low, times) if low else None,
    )
    if short(mail, fine, times):
        total = joint(mail, weights, caps, low)
    else:
        total = daily([(2 * sum_ + times) // (2 * times) for sum_ in accumulate(fine)])
    keys = [
        [*((sum_, day) for day, sum_ in enumerate(row)), (upper[-1], len(row))]
        for row, upper in zip(lowers, uppers, strict=True)
    ]
    return _serve(total, uppers, keys), full


def _in_parts(row: Sequence[int], times: int) -> list[int]:
    return [figure * times for figure in row]
