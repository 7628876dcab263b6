"""The smoothest release under caps that dip, exactly: one level a day.

Theory of operation. Minimise the sum of r_i^2 / w_i, r_i being what goes on day i and w_i its
weight, with R_i = r_0 + ... + r_i between a lower and an upper curve, and r_i within bounds of its
own. In the optimum every day has a *level* s_i, the price of its last message, and

    r_i = w_i x s_i, held between the day's bounds.

The level changes only behind a day on which R touches a curve: it falls behind a deadline that was
just met, and rises behind a day on which the queue ran empty (the conditions of Karush, Kuhn and
Tucker). Without caps that is the taut string; with caps, the straight pieces of the string become
pieces of one level.

*Forward.* Let g_i(s) be the R_i that is best when the level behind day i is s. Since a level
adds the same price to all days, g_i(s) = g_{i-1}(s) + r_i(s), cut to the curves: a sum of
non-decreasing pieces of straight lines, cut at a lowest and at a highest level. It is kept as the
sorted list of its bends. A day adds at most four bends and a bend is removed but once, at an end of
the list; so there are O(n) of them. Without caps new bends come at the ends alone and the whole is
O(n); a bend from a cap goes in by bisection: O(n log n) comparisons.

*Backward.* From the last level, each day's level is the next day's, cut to the day's own lowest
and highest level. There is no iteration, no tolerance and nothing to converge.

*Exactness.* Every line is a + b s with whole a and b, so a level is a quotient of whole numbers
whose denominator is at most the sum W of all weights. Two different levels are at least 1 / W^2
apart, hence floor(s x W^2) puts them in order: whole numbers decide, never a float.

The forward half is the dynamic programme that N. Johnson gave for the fused lasso (Journal of
Computational and Graphical Statistics 22, 2013), here with bounds on each day and weights.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from warmup.errors import PlanError, WarmupError

__all__ = ["FREE", "Level", "held", "impossible", "levels"]

Level = tuple[int, int]
"""A level as numerator and denominator (above 0), in messages per unit of weight; not reduced."""

FREE: Level = (0, 1)
"""The level behind the last day where nothing asks for more than the lower curve."""

_Bend = tuple[int, int, int, int, int]  # its place in the order, numerator, denominator, change of a, of b
_NONE: _Bend = (0, 0, 1, 0, 0)


def held(weight: int, level: Level, low: int, high: int) -> tuple[int, int]:
    """Return a day's release at a level, as numerator and denominator.

    Args:
        weight: The day's weight.
        level: Its level.
        low: The least that may go.
        high: The most that may go.
    """
    above, below = level
    asked = weight * above
    if asked <= low * below:
        return low, 1
    if asked >= high * below:
        return high, 1
    return asked, below


def levels(
    lower: Sequence[int],
    upper: Sequence[int],
    weights: Sequence[int],
    high: Sequence[int],
    low: Sequence[int] | None = None,
) -> list[Level]:
    """Find the level of each day of the smoothest release.

    Args:
        lower: What must have gone by the end of each day, in all; never falls.
        upper: What can have gone by the end of each day, in all; never falls, and is no less than ``lower``.
        weights: Whole weights of the days; on a day of weight 0 exactly ``low`` goes.
        high: The most that may go on each day.
        low: The least that must go on each day, no more than ``high``; 0 unless given.

    Returns:
        One level a day. R, in all, lies on a curve wherever the level changes, and on the lower
        curve at the end.

    Raises:
        PlanError: No release keeps to the bounds.
    """
    count = len(weights)
    order = max(1, sum(weights)) ** 2
    # Bends enter on the left one at a time; what is cut off there makes room again.
    bends = [_NONE] * (count + 1)
    head = count + 1
    bottom = 0  # the line left of all bends: constant
    top, rise = 0, 0  # the line right of all bends
    lowest: list[_Bend | None] = [None] * count
    highest: list[_Bend | None] = [None] * count
    for day in range(count):
        weight, most, floor_, ceiling = weights[day], high[day], lower[day], upper[day]
        least = low[day] if low else 0
        if weight and most > least:
            free = most >= ceiling - bottom  # the cap cannot bind: the upper curve is nearer
            bend = (least * order // weight, least, weight, -least, weight)
            if head == len(bends) or bend <= bends[head]:
                head -= 1
                bends[head] = bend
            else:
                insort(bends, bend, head)
            if free:
                rise = weight
            else:
                insort(bends, (most * order // weight, most, weight, most, -weight), head)
                top += most
        else:
            top += least
        bottom += least

        if floor_ > bottom:
            a, b = bottom, 0
            while head < len(bends):
                _, above, below, more_a, more_b = bends[head]
                if a * below + b * above >= floor_ * below:
                    break
                a += more_a
                b += more_b
                head += 1
            if b <= 0:
                raise impossible(day, f"{floor_:,} must have gone in all, at most {a:,} can")
            head -= 1
            above = floor_ - a
            bends[head] = lowest[day] = (above * order // b, above, b, a - floor_, b)
            bottom = floor_
        elif bottom > ceiling:
            raise impossible(day, f"at least {bottom:,} go in all, there are {ceiling:,}")
        if rise or top > ceiling:
            a, b = top, rise
            while len(bends) > head:
                _, above, below, more_a, more_b = bends[-1]
                if a * below + b * above <= ceiling * below:
                    break
                a -= more_a
                b -= more_b
                bends.pop()
            above = ceiling - a
            bend = (above * order // b, above, b, above, -b)
            bends.append(bend)
            highest[day] = bend
            top, rise = ceiling, 0

    found: list[Level] = [FREE] * count
    place, level = 0, FREE
    for day in range(count - 1, -1, -1):
        cut = lowest[day]
        if cut is not None and place < cut[0]:
            place, level = cut[0], (cut[1], cut[2])
        else:
            cut = highest[day]
            if cut is not None and place > cut[0]:
                place, level = cut[0], (cut[1], cut[2])
        found[day] = level
    return found


def impossible(day: int, why: str) -> WarmupError:
    """The error for bounds to which no release can keep."""
    return PlanError.of(f"day {day}", why, "lower what must have gone first, as warmup.plan.lateness does")
