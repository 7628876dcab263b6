"""Streams of mail as curves: what has arrived, what must have gone, and whose mail goes first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import attrs

__all__ = ["Flow", "FlowClass", "daily", "flow_class", "shares"]


@attrs.frozen(kw_only=True)
class Flow:
    """One stream's mail for one provider.

    Attributes:
        name: The stream's name.
        arrivals: Deliveries that arrive on each day, from day 0; days after the last have none.
        deadline: Whole days after its arrival by whose end a delivery must have gone; 0: the same
            day; None: whenever.
        priority: 0 (first) to 9 (last), among what is due on the same day.
        waiting: What is in the queue already: arrived one day before day 0, two days before, ...
    """

    name: str
    arrivals: Sequence[int]
    deadline: int | None = None
    priority: int = 5
    waiting: Sequence[int] = ()


@attrs.frozen(eq=False)
class FlowClass:
    """The streams that share a deadline: running sums by the end of each day.

    Attributes:
        flows: The streams.
        upper: What has arrived.
        due: What must have gone: by its deadline, by patience, or because the days end.
        hard: What must have gone by its deadline alone; only mail in this can be late.
    """

    flows: tuple[Flow, ...]
    upper: list[int]
    due: list[int]
    hard: list[int]


def flow_class(flows: tuple[Flow, ...], days: int, patience: int) -> FlowClass:
    """Lay the streams of one deadline over the days asked for.

    Args:
        flows: At least one; all of the same deadline.
        days: How many days there are.
        patience: Days within which mail without a deadline must go.
    """
    deadline = flows[0].deadline
    grace = patience if deadline is None else deadline
    arrived, due, hard = [0] * days, [0] * days, [0] * days
    for flow in flows:
        for day, count in _came(flow, days):
            arrived[max(0, day)] += count
            last = max(0, day + grace)
            due[min(last, days - 1)] += count
            if deadline is not None and last < days:
                hard[last] += count
    return FlowClass(flows, *(list(accumulate(row)) for row in (arrived, due, hard)))


def _came(flow: Flow, days: int) -> list[tuple[int, int]]:
    """(day of arrival, count), oldest first; days before day 0 are negative."""
    waiting = [(-1 - age, count) for age, count in enumerate(flow.waiting)]
    return [*reversed(waiting), *enumerate(flow.arrivals[:days])]


def daily(sums: Sequence[int]) -> list[int]:
    """Return the days' figures of a running sum."""
    return [sum_ - before for sum_, before in zip(sums, (0, *sums), strict=False)]


def shares(part: FlowClass, sums: Sequence[int]) -> dict[str, list[int]]:
    """Share a class's releases among its streams: older mail first, then by priority, then in order."""
    days = len(sums)
    if len(part.flows) == 1:
        return {part.flows[0].name: daily(sums)}
    batches = sorted(
        (came, flow.priority, place, count)
        for place, flow in enumerate(part.flows)
        for came, count in _came(flow, days)
        if count
    )
    rows = [[0] * days for _ in part.flows]
    at = taken = 0
    for day, going in enumerate(daily(sums)):
        left = going
        while left:
            _, _, place, count = batches[at]
            some = min(left, count - taken)
            rows[place][day] += some
            left -= some
            taken += some
            if taken == count:
                at, taken = at + 1, 0
    return {flow.name: row for flow, row in zip(part.flows, rows, strict=True)}
