"""What can be met at all under the caps, and what cannot.

Releasing as much as possible as early as possible, E_i = min(A_i, E_{i-1} + c_i), is ahead of every
other release on every day at once. So max(0, D_i - E_i) is the least that can be overdue at the end
of day i, on all days at once: whichever way lateness is measured (messages, message-days, the
longest wait), it is least if and only if R_i is at least min(D_i, E_i). That is the lower curve that
is smoothed against; E itself keeps to it, so a release exists.

The caps that bind are those of the days since the queue was last empty under E: all of them are
used in full, and only more on one of those days would have helped.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

__all__ = ["Late", "binding", "earliest", "lates", "latest"]


@attrs.frozen(kw_only=True)
class Late:
    """Mail that was due on a day and had not gone by its end.

    Attributes:
        stream: Whose mail.
        day: The day on which it was due, from 0.
        amount: How many deliveries.
        since: The caps that bind: those of the days from this one to ``day``, all used in full.
        gone: The day by whose end all of it has gone; None: not within the days asked for.
    """

    stream: str
    day: int
    amount: int
    since: int
    gone: int | None


def earliest(upper: Sequence[int], caps: Sequence[int]) -> list[int]:
    """Return the most that can have gone by the end of each day, in all."""
    gone = 0
    sums = []
    for arrived, cap in zip(upper, caps, strict=True):
        gone = min(arrived, gone + cap)
        sums.append(gone)
    return sums


def latest(lower: Sequence[int], caps: Sequence[int]) -> list[int]:
    """Return the least that must have gone by the end of each day, in all, so that the rest can follow."""
    need = 0
    sums = [0] * len(lower)
    for day in range(len(lower) - 1, -1, -1):
        sums[day] = need = max(need, lower[day])
        need -= caps[day]
    return sums


def binding(upper: Sequence[int], ahead: Sequence[int]) -> list[int]:
    """For each day, the first day since which the queue was never empty though all caps were used.

    Args:
        upper: Arrivals, running sum.
        ahead: The earliest release, running sum.
    """
    since, days = 0, []
    for day, (arrived, gone) in enumerate(zip(upper, ahead, strict=True)):
        days.append(since)
        if gone == arrived:
            since = day + 1
    return days


def lates(stream: str, due: Sequence[int], gone: Sequence[int], since: Sequence[int]) -> list[Late]:
    """List what was overdue, by the day on which it was due.

    Args:
        stream: Whose mail.
        due: What must have gone by the end of each day, running sum.
        gone: What had gone, running sum; first in, first out.
        since: Of each day, the first of the days whose caps bind.
    """
    found = []
    before = reach = 0
    for day, need in enumerate(due):
        missing = need - max(gone[day], before)
        if missing > 0:
            reach = max(reach, day)
            while reach < len(gone) and gone[reach] < need:
                reach += 1
            found.append(
                Late(
                    stream=stream,
                    day=day,
                    amount=missing,
                    since=since[day],
                    gone=reach if reach < len(gone) else None,
                )
            )
        before = max(before, need)
    return found
