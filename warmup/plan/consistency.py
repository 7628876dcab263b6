"""The consistency score: how much one day resembles the next, and its hours the pattern.

Every provider asks for steady mail and none says how steady. The score is two overlaps, multiplied:

    score = 100 x days x hours

*Days*: of the mail of two neighbouring days, the part that both have in common, over all neighbours.
With q a day's count divided by its weekday's weight, that is sum 2 min(q, q') / sum (q + q'),
the similarity of Bray and Curtis (Ecological Monographs 27, 1957). 1: each day is as the day before, its
weight considered. 0: every other day is empty. Steady growth by a factor g gives 2 / (1 + g): 0.87
for 30 % a day. Days of weight 0 lie between neighbours and are passed over; mail that goes on
one has nothing in common with anything.

*Hours*: of a day's mail, the part that lies in its hour as the pattern has it, sum min(count, share):
one minus the total variation distance of the two. 1: the hours are the pattern. 1/24: everything goes
in one hour of a flat pattern.

Both are 0 to 1, depend on proportions only, and give a day the weight of its mail; so an empty day
among empty days neither helps nor harms. The score is 100 only if both are perfect, 0 if either has
nothing in common, and rises with either.

*Whole messages.* Three messages cannot resemble a pattern of 24 hours, nor can half a message a day be
the same each day. What a single message can do is therefore forgiven: a difference of ``grain`` messages
between two days, and in each hour what it takes to reach a whole one. With a grain of 0 nothing is
forgiven, and the score is exactly free of scale; with a grain of 1 it comes down to that as counts grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import attrs

from warmup.errors import PlanError

__all__ = ["Consistency", "consistency", "day_overlap", "hour_overlap"]

FLAT = (1,) * 24


@attrs.frozen(kw_only=True)
class Consistency:
    """How steady mail is.

    Attributes:
        days: What neighbouring days have in common, 0 to 1, weekdays considered.
        hours: What the hours have in common with the pattern, 0 to 1; 1 where no hours are known.
    """

    days: Fraction
    hours: Fraction

    @property
    def score(self) -> float:
        """100 x days x hours: 0 to 100, to a tenth, rounded down so that only perfection is 100."""
        return int(1000 * self.days * self.hours) / 10

    def to_dict(self) -> dict[str, float]:
        """Return plain figures: score 0 to 100, days and hours 0 to 1."""
        return {"score": self.score, "days": round(float(self.days), 4), "hours": round(float(self.hours), 4)}


def consistency(
    counts: Sequence[int],
    weights: Sequence[Fraction | int] | None = None,
    *,
    hours: Sequence[Sequence[int]] = (),
    pattern: Sequence[int] = FLAT,
    grain: int = 1,
) -> Consistency | None:
    """Score a plan, a demand as it would arrive, or what was really sent.

    Args:
        counts: Deliveries of each day, in order.
        weights: The days' weights, 0 or more; all the same unless given.
        hours: Deliveries of the 24 local hours: a row a day, or one row for all days together.
            None: the hours are not judged.
        pattern: Weights of the 24 local hours.
        grain: Messages of difference that are forgiven, 0 or 1.

    Returns:
        The two overlaps and their score; None if there is no mail to judge.

    Raises:
        PlanError: Rows of the wrong length, or figures below 0.
    """
    if weights is None:
        weights = [1] * len(counts)
    if len(weights) != len(counts):
        raise PlanError.of(
            "consistency.weights", f"{len(weights)} for {len(counts)} days", "give one for each day"
        )
    if any(len(row) != 24 for row in (*hours, pattern)):
        raise PlanError.of("consistency.hours", "a row is not 24 hours long", "give 24 figures a row")
    if any(figure < 0 for row in (counts, weights, pattern, *hours) for figure in row):
        raise PlanError.of("consistency", "a figure is below 0", "use counts and weights of 0 or more")
    if not any(counts) and not any(map(any, hours)):
        return None
    return Consistency(days=day_overlap(counts, weights, grain), hours=hour_overlap(hours, pattern, grain))


def day_overlap(counts: Sequence[int], weights: Sequence[Fraction | int], grain: int = 1) -> Fraction:
    """What neighbouring days have in common: 0 to 1."""
    parts = [Fraction(weight) for weight in weights]
    # Counts divided by their weights, all times one number, so that they are whole.
    common = lcm(*(part.numerator for part in parts if part)) * lcm(*(part.denominator for part in parts))
    differing = whole = 0
    before: tuple[int, int] | None = None
    for count, part in zip(counts, parts, strict=True):
        if not part:
            differing += 2 * count * common
            whole += 2 * count * common
            continue
        unit = int(common / part)
        if before is not None:
            rate, slack = before
            differing += max(0, abs(count * unit - rate) - grain * max(slack, unit))
            whole += count * unit + rate
        before = count * unit, unit
    return 1 - Fraction(differing, whole) if whole else Fraction(1)


def hour_overlap(rows: Sequence[Sequence[int]], pattern: Sequence[int], grain: int = 1) -> Fraction:
    """What the hours have in common with the pattern: 0 to 1."""
    total = sum(pattern)
    mail = outside = 0  # times the pattern's total
    for row in rows:
        count = sum(row)
        mail += count * total
        for sent, weight in zip(row, pattern, strict=True):
            share = count * weight
            if grain:
                share = -(-share // total) * total  # a whole message, if any at all
            outside += max(0, sent * total - share)
    return 1 - Fraction(outside, mail) if mail else Fraction(1)
