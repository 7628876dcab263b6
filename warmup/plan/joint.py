"""The smoothest release of mail with windows, exactly: one level a day, found by decomposition.

Theory of operation. Which daily totals can serve all batches of mail? Those that release no more on
a day than its cap, in any run of days no less than the batches whose whole window lies within the run, and
all of it in the end. (The condition of P. Hall; a set of days that falls into runs is served run by run.)
These totals are the bases of a polymatroid, and there the least sum of r^2 / w is found by *decomposition*
(S. Fujishige, Mathematics of Operations Research 5, 1980; H. Groenevelt, European Journal of Operational
Research 54, 1991):

1. Give all days the one level s at which their releases, w x s held between their bounds, sum to
   the mail there is. (The level is the price of a day's last message, as in :mod:`warmup.plan.convex`.)
2. Ask which days are short at that (:mod:`warmup.plan.windows`).
3. If none is, the level is right for all. Otherwise the days that are short need a higher one, and in the
   best release serve exactly the batches whose windows lie within them; the others serve the
   rest. Both parts are smaller problems of the same kind, for windows stay windows when days are taken out.

There is no tolerance and nothing to converge: every cut leaves days on both sides, so there are fewer than
2 n problems for n days, each of O(m log m) for its m batches. As a rule parts halve; where they do not, it
is O(n m log m). Caps and lower bounds (the days of a floor) change the first step only: where releases
keep to bounds, no set of days lacks more for the bounds than some set lacks without.

For a processor that must finish jobs within their windows this is the schedule of F. Yao, A. Demers and
S. Shenker (FOCS 1995), here with caps, weights and lower bounds.

*Exactness.* A level is a quotient p / q of whole numbers, and releases and mail are counted in q-ths of
a message.

*Whole messages.* The running sum is rounded as in :mod:`warmup.plan.whole`. Every condition above is one
on the difference of two running sums, x - y <= c or x - y >= c with c whole, and rounding keeps
both; so the whole releases serve all batches too, and each is less than one message from the real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import floor

import attrs

from warmup.plan.convex import FREE, Level, held, impossible
from warmup.plan.flows import daily
from warmup.plan.windows import Batch, narrow, short

__all__ = ["joint", "joint_releases"]

_Bend = tuple[int, int, int, int, int, int]
"""Its place in the order, numerator, denominator, day, change of a, change of b; see :func:`_level`."""
_HALF = Fraction(1, 2)


@attrs.frozen(eq=False)
class _Part:
    """Some days, what is served on them and nowhere else, and what their release is made of.

    Attributes:
        days: The days.
        mail: The batches, their windows by places in ``days``.
        bends: Where releases begin and end to rise with the level, in order of levels.
    """

    days: list[int]
    mail: Sequence[Batch]
    bends: Sequence[_Bend]


def joint(
    mail: Sequence[Batch], weights: Sequence[int], high: Sequence[int], low: Sequence[int] | None = None
) -> list[int]:
    """Find the smoothest whole release; see :func:`joint_releases`."""
    sums = accumulate(joint_releases(mail, weights, high, low))
    return daily([floor(sum_ + _HALF) for sum_ in sums])


def joint_releases(
    mail: Sequence[Batch], weights: Sequence[int], high: Sequence[int], low: Sequence[int] | None = None
) -> list[Fraction]:
    """Find the smoothest release of mail with windows.

    Args:
        mail: The batches, in order of their first days.
        weights: Whole weights of the days; nothing goes on a day of weight 0.
        high: The most that may go on each day; 0 where the weight is 0.
        low: The least that must go on each day, no more than ``high``; 0 unless given.

    Returns:
        The release of each day.

    Raises:
        PlanError: Not all mail can go within its windows and the bounds.
    """
    count = len(weights)
    lows = low or [0] * count
    # Two different places are at least 1 / max(weights)^2 apart.
    order = max(1, *weights) ** 2
    bends = sorted(
        bend
        for day, weight in enumerate(weights)
        if weight
        for bend in (
            (lows[day] * order // weight, lows[day], weight, day, -lows[day], weight),
            (high[day] * order // weight, high[day], weight, day, high[day], -weight),
        )
    )
    found = [Fraction(0)] * count
    stack = [_Part(list(range(count)), mail, bends)]
    while stack:
        part = stack.pop()
        total = sum(some for _, _, some in part.mail)
        level = _level(part.bends, sum(lows[day] for day in part.days), total)
        if level is None:
            raise impossible(part.days[0], f"{total:,} must go on it and other days that hold less")
        releases = [held(weights[day], level, lows[day], high[day]) for day in part.days]
        times = level[1]
        tight = short(part.mail, [above * times // below for above, below in releases], times)
        if tight is None:
            for day, release in zip(part.days, releases, strict=True):
                found[day] = Fraction(*release)
        else:
            stack += _halves(part, tight)
    return found


def _level(bends: Sequence[_Bend], least: int, total: int) -> Level | None:
    """The level at which days release so much in all; None if they cannot."""
    level = FREE
    a, b = least, 0  # in all they release a + b s
    for _, above, below, _, more_a, more_b in bends:
        if a * below + b * above >= total * below:
            break
        a += more_a
        b += more_b
        level = (above, below)
    if b:
        return total - a, b
    return level if a == total else None


def _halves(part: _Part, tight: Sequence[bool]) -> list[_Part]:
    """The days that need a higher level, with the mail that must go on them, and the rest."""
    within = [0, *accumulate(tight)]
    inner: list[Batch] = []
    outer: list[Batch] = []
    for batch in part.mail:
        first, last, _ = batch
        (inner if within[last + 1] - within[first] == last + 1 - first else outer).append(batch)
    found = []
    for mail, keep in ((inner, tight), (outer, [not needy for needy in tight])):
        days = [day for day, kept in zip(part.days, keep, strict=True) if kept]
        chosen = set(days)
        bends = [bend for bend in part.bends if bend[3] in chosen]
        found.append(_Part(days, narrow(mail, keep), bends))
    return found
