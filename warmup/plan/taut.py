"""The smoothest release without caps: a string pulled tight between two curves, in O(n).

Put the running sum of the weights on the axis and the running sum of releases above it. What must
have gone is one wall, what has arrived the other. Minimising the sum of r^2 / w (and, in fact, the
sum of w f(r / w) for every convex f) is pulling a string through between the walls: its slope is
the release per unit of weight.

The funnel: from the last point that is certain, the apex, keep the tightest line that bends round
the lower wall and the one that bends round the upper wall. A new point is added to both; where they
cross, the string is certain to bend there, and the apex moves on. Each point enters each line once
and leaves it once. Slopes are compared by cross-multiplication of whole numbers.

Known as the taut string of R. E. Barlow, D. J. Bartholomew, J. M. Bremner and H. D. Brunk
(*Statistical Inference under Order Restrictions*, 1972), in the funnel of P. L. Davies and
A. Kovac (Annals of Statistics 29, 2001); and known in teletraffic as optimal smoothing: J. D. Salehi,
Z.-L. Zhang, J. Kurose and D. Towsley (IEEE/ACM Transactions on Networking 6, 1998).

The string knows nothing of a cap on a single day. Where a cap dips below it, see
:mod:`warmup.plan.convex`.
"""

from __future__ import annotations

from collections.abc import Sequence

from warmup.plan.convex import FREE, Level

__all__ = ["string"]


def string(lower: Sequence[int], upper: Sequence[int], weights: Sequence[int]) -> list[Level]:
    """Find the level of each day: its release per unit of weight.

    Args:
        lower: What must have gone by the end of each day, in all; never falls. The last figure is where
            the string ends.
        upper: What can have gone by the end of each day, in all; never falls, no less than ``lower``.
        weights: Whole weights of the days; nothing goes on a day of weight 0, so ``lower`` must not
            rise there beyond the ``upper`` of the day before.

    Returns:
        One level a day: day i releases weights[i] x level.
    """
    found: list[Level] = [FREE] * len(weights)
    # Days without weight stand at the same place of the axis as the weighted day before them.
    days = [day for day, weight in enumerate(weights) if weight]
    if not days:
        return found
    ends = [day - 1 for day in days[1:]] + [len(weights) - 1]
    count = len(days)
    x = [0] * (count + 1)
    low = [0] * (count + 1)
    high = [0] * (count + 1)
    for point in range(count):
        x[point + 1] = x[point] + weights[days[point]]
        low[point + 1] = lower[ends[point]]
        high[point + 1] = upper[days[point]]
    high[count] = low[count]

    # Either line is a list of points, the apex first; what lies before its ``from`` is certain.
    floor_x, floor_y, floor_from = [0], [0], 0
    roof_x, roof_y, roof_from = [0], [0], 0
    knots: list[tuple[int, int]] = []
    for point in range(1, count + 1):
        here, low_here, high_here = x[point], low[point], high[point]
        # The line round the upper wall is convex: a point that the new one sees past is dropped.
        while len(roof_x) - roof_from > 1:
            last_x, last_y = roof_x[-1], roof_y[-1]
            if (high_here - last_y) * (last_x - roof_x[-2]) > (last_y - roof_y[-2]) * (here - last_x):
                break
            roof_x.pop()
            roof_y.pop()
        if len(roof_x) - roof_from == 1:
            apex_x, apex_y = roof_x[-1], roof_y[-1]
            while len(floor_x) - floor_from > 1:
                next_x, next_y = floor_x[floor_from + 1], floor_y[floor_from + 1]
                if (high_here - apex_y) * (next_x - apex_x) > (next_y - apex_y) * (here - apex_x):
                    break
                floor_from += 1
                apex_x, apex_y = next_x, next_y
                knots.append((apex_x, apex_y))
            roof_x[-1], roof_y[-1] = apex_x, apex_y
        roof_x.append(here)
        roof_y.append(high_here)
        # The line round the lower wall is concave.
        while len(floor_x) - floor_from > 1:
            last_x, last_y = floor_x[-1], floor_y[-1]
            if (low_here - last_y) * (last_x - floor_x[-2]) < (last_y - floor_y[-2]) * (here - last_x):
                break
            floor_x.pop()
            floor_y.pop()
        if len(floor_x) - floor_from == 1:
            apex_x, apex_y = floor_x[-1], floor_y[-1]
            while len(roof_x) - roof_from > 2:
                next_x, next_y = roof_x[roof_from + 1], roof_y[roof_from + 1]
                if (low_here - apex_y) * (next_x - apex_x) < (next_y - apex_y) * (here - apex_x):
                    break
                roof_from += 1
                apex_x, apex_y = next_x, next_y
                knots.append((apex_x, apex_y))
            floor_x[-1], floor_y[-1] = apex_x, apex_y
        floor_x.append(here)
        floor_y.append(low_here)
    knots.append((x[count], low[count]))

    start_x = base = point = 0
    for end, value in knots:
        level = (value - base, end - start_x)
        while point < count and x[point + 1] <= end:
            found[days[point]] = level
            point += 1
        start_x, base = end, value
    return found
