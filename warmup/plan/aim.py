"""What goes today so that the days look alike: the first day of the steadiest release there is.

A warm provider could take everything at once. Instead, each day is held to an *aim*: the first day of the
steadiest release (:mod:`warmup.plan.steady`) of what waits and what is expected, under the caps ahead. It
is found anew as the day goes on, so that mail nobody expected is spread too and no deadline is ever
missed for the sake of steadiness. Where the mail comes as expected, finding it anew changes nothing:
the rest of a steadiest release is the steadiest release of the rest.

What is expected is said by the operator, or learned from what went: the mean of each weekday. An aim
holds mail back and never makes any; it lies at or under the cap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction

import attrs

from warmup.errors import PlanError, Problem
from warmup.plan.steady import PATIENCE, Flow, steady

__all__ = ["KEEP_WARM", "Queued", "Steadiness", "aim", "expected"]

KEEP_WARM = 500
"""Deliveries a day of one lane below which nothing is held back: providers do not notice less (AWS: an IP
is tracked from several hundred in 24 hours, https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html)."""

HORIZON = 60
"""Days that are looked ahead: several times what mail may wait."""

WEEKS = 4
"""Weeks of the past from which a weekday's mean is taken: a monthly mailing is one of them."""

GONE = "\x00gone"


@attrs.frozen(kw_only=True)
class Steadiness:
    """How mail is spread once lanes are warm.

    Attributes:
        keep_warm: Deliveries a day of each lane that are never held back; 0 or more.
        patience: Days within which mail without a deadline goes, 1 to 60.
    """

    keep_warm: int = KEEP_WARM
    patience: int = PATIENCE

    def __attrs_post_init__(self) -> None:
        found = []
        if self.keep_warm < 0:
            found.append(
                Problem("keep_warm", f"{self.keep_warm} is below 0", "use 0 or more deliveries a day")
            )
        if not 1 <= self.patience <= HORIZON:
            found.append(Problem("patience", f"{self.patience} is out of range", f"use 1 to {HORIZON} days"))
        if found:
            raise PlanError(problems=found)


@attrs.frozen
class Queued:
    """Deliveries that wait and are alike.

    Attributes:
        stream: Their stream.
        age: Whole days since the one on which they came; 0: today.
        due: Days from today by whose end they must have gone, 0: today; None: whenever.
        count: How many.
    """

    stream: str
    age: int
    due: int | None
    count: int


def aim(
    queued: Iterable[Queued],
    coming: Mapping[str, Sequence[int]],
    deadlines: Mapping[str, int | None],
    *,
    gone: int,
    caps: Sequence[int],
    weights: Sequence[Fraction | int],
    lanes: int = 1,
    policy: Steadiness | None = None,
) -> int:
    """Return how many deliveries to one provider go today, those that went already among them.

    Args:
        queued: What waits.
        coming: By stream, what is expected to arrive on each day from today on; of today, what has not come.
        deadlines: Days that a stream's mail may wait, 0: the same day; None or not named: whenever.
        gone: How many went today already.
        caps: The most that may go, from today on; one day at least.
        weights: The days' weights; 0 for a day of rest.
        lanes: How many lanes share it; each has its keep-warm volume.
        policy: How mail is spread.

    Returns:
        No less than ``gone`` and the keep-warm volume of the lanes, as far as today's cap allows.
    """
    policy = policy or Steadiness()
    floor = min(policy.keep_warm * lanes, caps[0])
    if not weights[0] or gone >= caps[0]:
        return min(max(gone, floor), caps[0])
    flows = _flows(queued, coming, deadlines, len(caps), policy.patience)
    if gone:
        flows.append(Flow(name=GONE, arrivals=[gone], deadline=0, priority=0))
    if not flows:
        return floor
    found = steady(flows, caps, weights, floor=policy.keep_warm * lanes, patience=policy.patience)
    return max(found.releases[0], gone, floor)


def _flows(
    queued: Iterable[Queued],
    coming: Mapping[str, Sequence[int]],
    deadlines: Mapping[str, int | None],
    days: int,
    otherwise: int,
) -> list[Flow]:
    """Mail by the days that it may wait: what waits is set back by its age, what comes follows.

    What comes so late that it may wait beyond the days looked at is left out: it would be pressed into the
    last of them, and every day before would have to make room.
    """
    rows: dict[int | None, list[int]] = {}
    old: dict[int | None, dict[int, int]] = {}
    for stream, row in coming.items():
        sums = rows.setdefault(deadlines.get(stream), [0] * days)
        wait = deadlines.get(stream)
        last = days - (otherwise if wait is None else wait)
        for day, count in enumerate(row[: max(1, last)]):
            sums[day] += count
    for one in queued:
        patience, came = deadlines.get(one.stream), -one.age
        if one.due is not None:
            # Mail may have a deadline of its own: it counts as if it had come when its stream's says so.
            patience = max(one.due, one.due if patience is None else patience)
            came = one.due - patience
        rows.setdefault(patience, [0] * days)
        waiting = old.setdefault(patience, {})
        waiting[came] = waiting.get(came, 0) + one.count
    flows = []
    for place, (patience, row) in enumerate(rows.items()):
        waiting = old.get(patience, {})
        row[0] += waiting.pop(0, 0)
        aged = [0] * -min(waiting, default=0)
        for came, count in waiting.items():
            aged[-1 - came] = count
        if any(row) or aged:
            flows.append(Flow(name=str(place), arrivals=row, deadline=patience, waiting=aged))
    return flows


def expected(past: Mapping[date, int], today: date, days: int) -> list[int]:
    """What arrives from today on if the weeks to come are like those that passed.

    Args:
        past: What went on each day that a lane was open; a day that is not named counts as unknown.
        today: The first day asked for.
        days: How many.

    Returns:
        For each day the mean of its weekday in the last four weeks, rounded to the nearest whole number;
        0 where that weekday is unknown.
    """
    since = today - timedelta(weeks=WEEKS)
    sums = [[0, 0] for _ in range(7)]
    for on, count in past.items():
        if since <= on < today:
            sums[on.weekday()][0] += count
            sums[on.weekday()][1] += 1
    means = [(2 * total + seen) // (2 * seen) if seen else 0 for total, seen in sums]
    return [means[(today.weekday() + day) % 7] for day in range(days)]
