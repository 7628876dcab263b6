"""How the mail of a provider falls to the lanes, in counts.

The engine gives each delivery to the lane that has used the smallest part of its cap and has a unit
due. Unit k of a cap is due at (k - 1/2) / cap of the day, so that the first N units of all lanes
together are the first N seats of Sainte-Lague's method with the caps as weights: the split below.
It is exact where the day's mail waits at its start; where mail trickles in, or jitter moves a unit
past its neighbour on another lane, a lane's part may differ by one or two.

Lanes with the same cap are taken together: the work grows with the number of different caps.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

__all__ = ["share_out"]


def share_out(total: int, lanes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Split a day's releases among groups of equal lanes.

    Args:
        total: Deliveries that go, 0 or more; no more than all caps together are given out.
        lanes: For each group the cap of one lane, and how many lanes there are.

    Returns:
        For each group what every lane gets, and how many of its lanes, the first ones, get one more.
    """
    whole = sum(cap * count for cap, count in lanes)
    if total >= whole:
        return [(cap, 0) for cap, _ in lanes]
    if total <= 0:
        return [(0, 0)] * len(lanes)
    double, twice = 2 * total, 2 * whole
    # ceil(total x cap / whole - 1/2): seats whose priority exceeds a common threshold. What is
    # missing or too much is at most half a seat a lane.
    parts = [-((whole - double * cap) // twice) for cap, _ in lanes]
    extra = [0] * len(lanes)
    missing = total - sum(part * count for part, (_, count) in zip(parts, lanes, strict=True))
    if missing > 0:
        # The next seat of a lane has the priority cap / (2 x part + 1), as a key that sorts upwards.
        heap = [
            _key(2 * part + 1, cap, at)
            for at, (part, (cap, _)) in enumerate(zip(parts, lanes, strict=True))
            if cap
        ]
        heapq.heapify(heap)
        while missing:
            at = heapq.heappop(heap).at
            count = lanes[at][1]
            given = min(missing, count)
            missing -= given
            if given == count:
                parts[at] += 1
                heapq.heappush(heap, _key(2 * parts[at] + 1, lanes[at][0], at))
            else:
                extra[at] = given
    elif missing < 0:
        # The last seat of a lane has the priority cap / (2 x part - 1): the smallest goes back first.
        heap = [
            _key(-(2 * part - 1), cap, -at)
            for at, (part, (cap, _)) in enumerate(zip(parts, lanes, strict=True))
            if part
        ]
        heapq.heapify(heap)
        while missing:
            at = -heapq.heappop(heap).at
            count = lanes[at][1]
            taken = min(-missing, count)
            missing += taken
            parts[at] -= 1
            if taken < count:
                extra[at] = count - taken
            elif parts[at]:
                heapq.heappush(heap, _key(-(2 * parts[at] - 1), lanes[at][0], -at))
    return list(zip(parts, extra, strict=True))


class _key:  # noqa: N801 - a sort key, as functools.cmp_to_key makes them
    """Orders fractions number / cap exactly, ties by place."""

    __slots__ = ("at", "cap", "number")

    def __init__(self, number: int, cap: int, at: int) -> None:
        self.number, self.cap, self.at = number, cap, at

    def __lt__(self, other: _key) -> bool:
        mine, theirs = self.number * other.cap, other.number * self.cap
        return mine < theirs or (mine == theirs and self.at < other.at)
