"""The keep-warm floor: as many days as possible on which enough goes to be seen.

Providers keep a reputation of an IP only where it sends them enough; AWS speaks of several hundred
within 24 hours (https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip.html). A day below that is
not seen at all. So where the queue cannot fill all days, two half days are worth less than one
full day and a pause, and what is maximised is the *number of days with at least the floor*. Mail is
only held back within its own deadline for it, never invented.

*How.* First the least that must have gone for all later deadlines to be met under the caps (the
latest release). Then, day by day: release what must go, and the floor wherever the queue has it.

*Why that is the most.* Let two schedules stand at R and R + f, the second having one floor day
more. Whatever the first does later, the second can wait until the first has caught up and then
do the same: it keeps to the curves and the caps, and misses at most one floor day of the first, for
a floor day is itself a step of f. So taking a floor day now is never worse. And less sent is never
worse: whoever stands lower can copy every step of another, and fall in with the deadlines where
they come. Both hold for one floor on any set of days (days without weight, and days whose cap is
below the floor, are no floor days). What remains is smoothed with these days' floors as lower
bounds, so the count is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from warmup.plan.lateness import latest

__all__ = ["floors"]


def floors(
    lower: Sequence[int],
    upper: Sequence[int],
    weights: Sequence[int],
    caps: Sequence[int],
    wanted: Sequence[int],
) -> list[int]:
    """Choose the days that shall have their floor.

    Args:
        lower: What must have gone by the end of each day, in all; attainable under the caps.
        upper: What has arrived by the end of each day, in all.
        weights: Weights of the days; a day without is no floor day.
        caps: The most that may go on each day; 0 where the weight is 0.
        wanted: The floor of each day. The count is the greatest possible where all are the same.

    Returns:
        The least that must go on each day: its floor, or 0.
    """
    need = latest(lower, caps)
    gone = 0
    chosen = []
    for day, floor in enumerate(wanted):
        must = max(0, need[day] - gone)
        amount = max(must, floor)
        if weights[day] and floor > 0 and amount <= caps[day] and gone + amount <= upper[day]:
            chosen.append(floor)
            gone += amount
        else:
            chosen.append(0)
            gone += must
    return chosen
