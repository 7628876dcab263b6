"""The shape of a day and of a week, learned from what was sent.

An hour's weight is the number of deliveries that began in it plus one, so that no hour is barred
because a sample was small (Laplace's rule); weights are then put in thousandths of the day, and an hour
below half a thousandth has none. Days on which clocks were changed are left out: an hour of theirs is
missing or lasts twice as long. So are the log's first and last day, which it hardly ever shows whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

import attrs

from warmup.demand.history import History, refused
from warmup.plan.calendar import window_of
from warmup.plan.mix import seats
from warmup.plan.patterns import Pattern, parse_pattern
from warmup.timing import DAY

__all__ = [
    "DAYS_MIN",
    "DELIVERIES_MIN",
    "LearnedPattern",
    "LearnedWeek",
    "learn_pattern",
    "learn_weekdays",
]

DELIVERIES_MIN = 240
"""Ten an hour on average: the standard deviation of such an hour's count is about a third of it."""

DAYS_MIN = 3
"""Whole days that a pattern is learned from, at least: one day's campaign is no habit."""

WEEKS_MIN = 2
"""Whole weeks that weekday weights are learned from, at least: one week cannot tell habit from chance."""

_THOUSAND = 1_000


@attrs.frozen(kw_only=True)
class LearnedPattern:
    """A pattern, and what it was learned from.

    Attributes:
        pattern: 24 weights that sum to 1,000.
        sample: Deliveries counted.
        days: Whole days with deliveries among them.
    """

    pattern: Pattern
    sample: int
    days: int


@attrs.frozen(kw_only=True)
class LearnedWeek:
    """Weights of the weekdays, and what they were learned from.

    Attributes:
        weights: Monday first, in thousandths; the largest is 1.
        sample: Deliveries counted.
        weeks: Whole weeks among them.
    """

    weights: tuple[Fraction, ...]
    sample: int
    weeks: int

    @property
    def text(self) -> str:
        """The weights as ``warmup plan --weekdays`` takes them: ``1,0.95,...``."""
        return ",".join(format(int(weight * _THOUSAND) / _THOUSAND, "g") for weight in self.weights)


def learn_pattern(history: History) -> LearnedPattern:
    """Learn the pattern of a day.

    Raises:
        DataError: The history knows no times of day, or too few deliveries or days.
    """
    first, last = history.whole
    hours = [0] * 24
    days = 0
    for day, row in history.hours.items():
        if first <= day <= last and window_of(history.zone, day).length == DAY:
            days += 1
            hours = [a + b for a, b in zip(hours, row, strict=True)]
    sample = sum(hours)
    if not history.hours:
        wrong = "has no times of day"
        raise refused(history.name, wrong, "use a log, or a CSV whose column date has times")
    if sample < DELIVERIES_MIN or days < DAYS_MIN:
        wrong = f"shows {sample:,} deliveries on {days} whole days"
        mend = f"a pattern takes {DELIVERIES_MIN} on {DAYS_MIN}; use a longer log, or a pattern with a name"
        raise refused(history.name, wrong, mend)
    weights = seats(_THOUSAND, [count + 1 for count in hours])
    return LearnedPattern(pattern=parse_pattern(weights), sample=sample, days=days)


def learn_weekdays(history: History) -> LearnedWeek:
    """Learn the weights of the weekdays: the mean of each over the last whole weeks.

    Raises:
        DataError: There are fewer than two whole weeks.
    """
    first, last = history.whole
    weeks = ((last - first).days + 1) // 7
    if weeks < WEEKS_MIN:
        wrong = f"shows {(last - first).days + 1} whole days"
        mend = f"weekday weights take {7 * WEEKS_MIN}; use a longer log, or write seven weights"
        raise refused(history.name, wrong, mend)
    sums = weekday_sums(history.daily, last - timedelta(days=7 * weeks - 1), last)
    if not any(sums):
        raise refused(history.name, "shows no mail in its last whole weeks", "use another log")
    largest = max(sums)
    weights = tuple(Fraction((2 * _THOUSAND * total + largest) // (2 * largest), _THOUSAND) for total in sums)
    return LearnedWeek(weights=weights, sample=sum(sums), weeks=weeks)


def weekday_sums(daily: Mapping[date, int], first: date, last: date) -> list[int]:
    """Deliveries from ``first`` to ``last`` by weekday, Monday first."""
    sums = [0] * 7
    for day, number in daily.items():
        if first <= day <= last:
            sums[day.weekday()] += number
    return sums
