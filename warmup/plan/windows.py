"""Mail with windows: how much of it given days can serve at most, and which days are short.

A batch may go from its first day to its last. For such windows serving what is due first, day by day, serves
the most there can be (F. Glover, Naval Research Logistics Quarterly 14, 1967).

*Which days are short.* A message that fails found all days of its window full of mail that was due no
later. That mail could give up its place and go on any day of its own window, so these days are in reach as
well, and whatever fills them. What is in reach of one failure is thus a run of days that ends with the window
of what failed, and one sweep from the last day to the first finds all of them. They are full of the
batches whose windows lie within them, of which still some fail: the least cut of the flow of
batches into days (L. R. Ford and D. R. Fulkerson, 1956).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import accumulate

__all__ = ["Batch", "batches", "narrow", "served", "short"]

Batch = tuple[int, int, int]
"""The first day on which mail may go, the last one, and how many messages."""


def batches(lower: Sequence[int], upper: Sequence[int]) -> list[Batch]:
    """Cut mail that goes in the order of its arrival into batches of one window.

    Args:
        lower: What must have gone by the end of each day, in all; never falls.
        upper: What can have gone by the end of each day, in all; never falls, no less than ``lower``.
    """
    found = []
    came = gone = 0
    for day, need in enumerate(lower):
        while gone < need:
            while upper[came] <= gone:
                came += 1
            upto = min(need, upper[came])
            found.append((came, day, upto - gone))
            gone = upto
    return found


def narrow(mail: Iterable[Batch], keep: Sequence[bool]) -> list[Batch]:
    """Take days out of the windows: the days that are kept are numbered anew.

    Args:
        mail: Batches, each with at least one day that is kept.
        keep: Of each day, whether it is kept.

    Returns:
        The batches, those of one window as one, in order of their first days if they were.
    """
    place = [0, *accumulate(keep)]
    found: dict[tuple[int, int], int] = {}
    for first, last, count in mail:
        window = (place[first], place[last + 1] - 1)
        found[window] = found.get(window, 0) + count
    return [(first, last, count) for (first, last), count in found.items()]


def served(mail: Sequence[Batch], room: Sequence[int]) -> list[Batch]:
    """Return as much of the batches as can be served at most: what is due first, day by day."""
    left, _ = _serve(mail, room, 1)
    found = [(first, last, count - some) for (first, last, count), some in zip(mail, left, strict=True)]
    return [batch for batch in found if batch[2]]


def short(mail: Sequence[Batch], room: Sequence[int], times: int = 1) -> list[bool] | None:
    """Find the days that are short of room.

    Args:
        mail: Batches, in order of their first days.
        room: What may go on each day, in parts of a message.
        times: How many parts a message has.

    Returns:
        Of each day, whether it needs more room than it has, if the others are to serve no more
        than they must; None: everything can be served.
    """
    left, oldest = _serve(mail, room, times)
    if not any(left):
        return None
    failed = [len(room)] * len(room)
    for (first, last, _), some in zip(mail, left, strict=True):
        if some:
            failed[last] = min(failed[last], first)
    reach = len(room)
    found = []
    for day in range(len(room) - 1, -1, -1):
        reach = min(reach, failed[day])
        found.append(reach <= day)
        reach = min(reach, oldest[day]) if reach <= day else len(room)
    return found[::-1]


def _serve(mail: Sequence[Batch], room: Sequence[int], times: int) -> tuple[list[int], list[int]]:
    """What is left of each batch, and the first day on which any mail that goes on a day may go."""
    many = len(mail)
    left = [count * times for _, _, count in mail]
    oldest = [len(room)] * len(room)
    heap: list[int] = []  # last day and place of a batch, in one number
    at = 0
    for day, may in enumerate(room):
        free = may
        while at < many and mail[at][0] == day:
            heappush(heap, mail[at][1] * many + at)
            at += 1
        while heap:
            last, batch = divmod(heap[0], many)
            if last >= day:
                if not free:
                    break
                oldest[day] = min(oldest[day], mail[batch][0])
                if left[batch] > free:
                    left[batch] -= free
                    break
                free -= left[batch]
                left[batch] = 0
            heappop(heap)
    return left, oldest
