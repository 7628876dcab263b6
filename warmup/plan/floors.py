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

*Several deadlines* take the argument away: patient mail that fills a day now may be what two later days
lack. What can be said is this. At most the floor of a day counts, so serve what is due first with the floor
as each day's cap: whatever days can be filled can be filled from what is served so (N. S. Mendelsohn and
A. L. Dulmage, 1958). Between the sums of its walls the count above is then the most there could be, and where
windows can fill these days, they are taken. Otherwise days are filled one after the other wherever enough
has arrived, and once more backwards in time; the better is taken, and may be less than the most there is.
Deadlines are kept in any case: what fills some days within its windows is part of a release of all mail
(they are bases of a polymatroid, see :mod:`warmup.plan.joint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import accumulate

from warmup.plan.lateness import latest
from warmup.plan.windows import Batch, served

__all__ = ["floors", "window_floors"]


def floors(
    lower: Sequence[int],
    upper: Sequence[int],
    weights: Sequence[int],
    caps: Sequence[int],
    floor: int,
) -> list[int]:
    """Choose the days that shall have their floor.

    Args:
        lower: What must have gone by the end of each day, in all; attainable under the caps.
        upper: What has arrived by the end of each day, in all.
        weights: Weights of the days; a day without is no floor day.
        caps: The most that may go on each day; 0 where the weight is 0.
        floor: The floor, above 0.

    Returns:
        The least that must go on each day: its floor, or 0.
    """
    need = latest(lower, caps)
    gone = 0
    chosen = []
    for day, cap in enumerate(caps):
        must = max(0, need[day] - gone)
        amount = max(must, floor)
        if weights[day] and amount <= cap and gone + amount <= upper[day]:
            chosen.append(floor)
            gone += amount
        else:
            chosen.append(0)
            gone += must
    return chosen


def window_floors(
    mail: Sequence[Batch], weights: Sequence[int], caps: Sequence[int], floor: int
) -> tuple[list[int], int]:
    """Choose the days that shall have their floor, for mail of several deadlines.

    Args:
        mail: The batches, in order of their first days; can all be served under the caps.
        weights: Weights of the days; a day without is no floor day.
        caps: The most that may go on each day; 0 where the weight is 0.
        floor: The floor, above 0.

    Returns:
        The least that must go on each day, its floor or 0; and a number of floor days that nothing exceeds.
    """
    wanted = [floor if cap >= floor else 0 for cap in caps]
    useful = served(mail, wanted)
    upper, lower = [0] * len(caps), [0] * len(caps)
    for first, last, count in useful:
        upper[first] += count
        lower[last] += count
    ideal = floors(list(accumulate(lower)), list(accumulate(upper)), weights, wanted, floor)
    most = sum(map(bool, ideal))
    if _filled(useful, ideal) == ideal:
        return ideal, most
    end = len(caps) - 1
    mirrored = sorted((end - last, end - first, count) for first, last, count in useful)
    ahead, back = _filled(useful, wanted), _filled(mirrored, wanted[::-1])[::-1]
    return ahead if sum(ahead) >= sum(back) else back, most


def _filled(mail: Sequence[Batch], wanted: Sequence[int]) -> list[int]:
    """Fill each day that has enough mail, with what is due first."""
    heap: list[list[int]] = []  # last day, count
    at = there = 0
    chosen = []
    for day, floor in enumerate(wanted):
        while at < len(mail) and mail[at][0] == day:
            _, last, count = mail[at]
            heappush(heap, [last, count])
            there += count
            at += 1
        while heap and heap[0][0] < day:
            there -= heappop(heap)[1]
        if there < floor:
            chosen.append(0)
            continue
        chosen.append(floor)
        there -= floor
        missing = floor
        while missing:
            some = min(missing, heap[0][1])
            heap[0][1] -= some
            missing -= some
            if not heap[0][1]:
                heappop(heap)
    return chosen
