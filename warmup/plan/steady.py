"""The steadiest release of one provider's mail: every deadline met under the caps, the rest smooth.

What is least is the sum of r^2 / w over the days, r a day's release in whole messages and w the
weight of its weekday; first, though, lateness: what cannot be met under the caps is as little as it
can be, and is named. A cap is never exceeded and no mail is invented.

Cumulative deadlines and arrivals are the two walls between which :mod:`warmup.plan.smooth` finds the least;
for streams of several deadlines :mod:`warmup.plan.together` does. Both are exact, whole messages aside.

*The end.* Mail without a deadline goes within ``patience`` days where caps allow; nobody is late by it.
By the end of the days asked for, everything goes as far as caps allow, what is due later too. To
keep that from pressing the last arrivals into the last day, ask for some more days than there are
arrivals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from math import lcm

import attrs

from warmup.errors import PlanError, Problem
from warmup.plan.floors import floors
from warmup.plan.flows import Flow, flow_class, shares
from warmup.plan.lateness import Late, binding, earliest, lates
from warmup.plan.share import share
from warmup.plan.smooth import smooth
from warmup.plan.together import together

__all__ = ["PATIENCE", "Flow", "Steady", "steady", "whole_weights"]

PATIENCE = 7
"""Days within which mail without a deadline goes: a week, so that one large day a week is spread over all."""


@attrs.frozen(kw_only=True)
class Steady:
    """What goes on which day.

    Attributes:
        releases: Deliveries that go on each day.
        streams: The same by stream; they sum to ``releases``.
        backlog: What waits at the end of each day.
        late: What was due and had not gone by the end of its day, in order of days.
        kept: On how many days at least the floor goes; 0 without a floor.
        most: Whether ``kept`` is proved to be as many days as there can be. It always is with streams of one
            deadline, and need not be with several.
    """

    releases: tuple[int, ...]
    streams: Mapping[str, tuple[int, ...]]
    backlog: tuple[int, ...]
    late: tuple[Late, ...] = ()
    kept: int = 0
    most: bool = True

    def by_source(self, caps: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
        """Split each day's release among sources, in proportion to their caps.

        Parts sum to the release and none exceeds its cap: they are given seat by seat (Sainte-Lague),
        where a larger whole never makes a part smaller, and a release as large as all caps
        together fills each exactly.

        Args:
            caps: The caps of each source, one a day.

        Raises:
            PlanError: On some day the caps sum to less than the release.
        """
        rows: dict[str, list[int]] = {source: [] for source in caps}
        for day, release in enumerate(self.releases):
            parts = share(release, [row[day] for row in caps.values()])
            for row, part in zip(rows.values(), parts, strict=True):
                row.append(part)
        return {source: tuple(row) for source, row in rows.items()}


def whole_weights(weights: Iterable[Fraction | int]) -> list[int]:
    """Scale weights to whole numbers; only their proportions matter."""
    parts = [Fraction(weight) for weight in weights]
    common = lcm(*(part.denominator for part in parts))
    return [int(part * common) for part in parts]


def steady(
    flows: Sequence[Flow],
    caps: Sequence[int],
    weights: Sequence[Fraction | int] | None = None,
    *,
    floor: int = 0,
    patience: int = PATIENCE,
) -> Steady:
    """Find the steadiest release of one provider's mail.

    Args:
        flows: The streams; names of their own.
        caps: The most that may go on each day, all sources together; as many days as are asked for.
        weights: The days' weights, 0 or more: a day of weight 0 releases nothing, and the sum of
            r^2 / w is made least. All the same unless given.
        floor: The keep-warm volume: on as many days as possible (:attr:`Steady.most`) at least this
            goes, within the deadlines and caps. 0: none.
        patience: Days within which mail without a deadline goes where caps allow.

    Returns:
        Whole releases of each day and stream, what waits, and what is late with the caps that bind.

    Raises:
        PlanError: Figures below 0, rows of different lengths, or a name twice; all are listed.
    """
    _check(flows, caps, weights, floor, patience)
    days = len(caps)
    scaled = whole_weights(weights) if weights is not None else [1] * days
    held = [cap if weight else 0 for cap, weight in zip(caps, scaled, strict=True)]
    groups: dict[int | None, list[Flow]] = {}
    for flow in flows:
        groups.setdefault(flow.deadline, []).append(flow)
    parts = [flow_class(tuple(group), days, patience) for group in groups.values()]
    parts.sort(key=lambda part: min(flow.priority for flow in part.flows))
    arrived = [sum(row) for row in zip(*(part.upper for part in parts), strict=True)]
    ahead = earliest(arrived, held)
    if len(parts) == 1:
        lower = list(map(min, parts[0].due, ahead))
        low = floors(lower, arrived, scaled, held, floor) if floor else None
        sums = [list(accumulate(smooth(lower, arrived, scaled, held, low)))]
        full = sum(map(bool, low or ()))
    else:
        sums, full = together(parts, scaled, held, floor)

    since = binding(arrived, ahead)
    rows: dict[str, list[int]] = {}
    late: list[Late] = []
    for part, gone in zip(parts, sums, strict=True):
        rows |= shares(part, gone)
        for flow in part.flows:
            if flow.deadline is not None:
                due = flow_class((flow,), days, patience).hard
                late += lates(flow.name, due, list(accumulate(rows[flow.name])), since)
    releases = [sum(row) for row in zip(*rows.values(), strict=True)]
    kept = (
        sum(release >= floor for release, weight in zip(releases, scaled, strict=True) if weight)
        if floor
        else 0
    )
    return Steady(
        releases=tuple(releases),
        streams={flow.name: tuple(rows[flow.name]) for flow in flows},
        backlog=tuple(came - gone for came, gone in zip(arrived, accumulate(releases), strict=True)),
        late=tuple(sorted(late, key=lambda entry: entry.day)),
        kept=kept,
        most=kept >= full,
    )


def _check(
    flows: Sequence[Flow],
    caps: Sequence[int],
    weights: Sequence[Fraction | int] | None,
    floor: int,
    patience: int,
) -> None:
    problems = []
    if not caps:
        problems.append(Problem("caps", "there are no days", "give the cap of at least one day"))
    if not flows:
        problems.append(Problem("flows", "there are no streams", "give at least one"))
    if weights is not None and len(weights) != len(caps):
        problems.append(Problem("weights", f"{len(weights)} for {len(caps)} days", "give one for each day"))
    names = [flow.name for flow in flows]
    problems += [
        Problem(f"flows.{name}", "is given twice", "give each stream a name of its own")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    rows: list[tuple[str, Iterable[Fraction | int]]] = [
        ("caps", caps),
        ("weights", weights or ()),
        ("floor", (floor,)),
        ("patience", (patience,)),
    ]
    for flow in flows:
        rows += [
            (f"flows.{flow.name}.arrivals", flow.arrivals),
            (f"flows.{flow.name}.waiting", flow.waiting),
            (f"flows.{flow.name}.deadline", (flow.deadline or 0,)),
        ]
        if any(flow.arrivals[len(caps) :]):
            problems.append(
                Problem(
                    f"flows.{flow.name}.arrivals",
                    f"mail arrives after the {len(caps)} days of the caps",
                    "give caps for those days too",
                )
            )
    problems += [
        Problem(name, f"{figure} is below 0", "use figures of 0 or more")
        for name, row in rows
        for figure in row
        if figure < 0
    ][:20]
    if problems:
        raise PlanError(problems=problems)
