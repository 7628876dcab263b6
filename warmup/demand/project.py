"""From what was sent to what will be: a forecast that can be checked with a pencil.

*Level.* The history's last whole weeks (eight unless said) are taken. A future Tuesday gets the median of
their Tuesdays, so that one campaign among eight weeks leaves no trace; with ``mean`` it leaves its
eighth, and the sum of what was sent is kept. Providers share a weekday's figure as they shared that
weekday in those weeks.

*Growth* is linear: a rate of 10 % a month adds a tenth of the level for every 30 days that lie between
the last day of the history and the day in question.

*Season.* With ``season`` the day 52 weeks earlier speaks, where the history reaches so far: the same weekday,
so that Black Friday meets Black Friday. Its figure is scaled by how the level of the last weeks stands
to that of the same weeks a year before. Where the history does not reach, the level speaks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from math import floor
from typing import Literal

import attrs

from warmup.demand.history import DAYS_MAX, History, refused
from warmup.demand.spread import spread_by_weights
from warmup.errors import PlanError
from warmup.plan.demand import Demand, DemandStream

__all__ = ["GROWTH_NONE", "Growth", "parse_growth", "project"]

Method = Literal["median", "mean"]

WEEKS = 8
WEEKS_MAX = 104
YEAR = timedelta(days=364)
"""52 weeks: the same weekday a year before."""
A_DAY_MAX = 10**9

_PERIODS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
_GROWTH = re.compile(
    r"([+\-−]?)(\d{1,5}(?:\.\d{1,6})?) ?% ?(?:/|a|per|every) ?(day|week|month|quarter|year)", re.ASCII
)
_HALF = Fraction(1, 2)


@attrs.frozen
class Growth:
    """Linear growth.

    Attributes:
        rate: Part of the level that each period adds; negative where mail gets less.
        days: Length of a period.
    """

    rate: Fraction
    days: int = 30

    def factor(self, ahead: int) -> Fraction:
        """What the level is multiplied by ``ahead`` days after the history's end; never below 0."""
        return max(Fraction(0), 1 + self.rate * ahead / self.days)


GROWTH_NONE = Growth(Fraction(0))


def parse_growth(text: str) -> Growth:
    """Read ``10% a month``, ``2%/week`` or ``-5% per year``.

    Raises:
        PlanError: It is no such text.
    """
    match = _GROWTH.fullmatch(" ".join(text.lower().split()))
    if match is None:
        raise PlanError.of(
            "growth", f"{text[:60]!r} is no rate", "write it as 10% a month, 2%/week or -5% a year"
        )
    rate = Fraction(match[2]) / 100
    return Growth(-rate if match[1] in ("-", "−") else rate, _PERIODS[match[3]])


def project(
    past: History,
    start: date,
    days: int,
    *,
    growth: Growth = GROWTH_NONE,
    weeks: int = WEEKS,
    method: Method = "median",
    season: bool = False,
) -> Demand:
    """Forecast a demand from what was sent.

    Args:
        past: What was sent, in the plan's zone.
        start: First day of the demand, after the last day of the history.
        days: How many days, 1 to 3,660.
        growth: What is added as time goes on.
        weeks: Whole weeks that the level is taken from, 1 to 104; as many as there are, if fewer.
        method: How a weekday's figure is made from those weeks.
        season: Let the day 52 weeks earlier speak where there is one.

    Raises:
        DataError: There is nothing in the history, or not one whole week.
        PlanError: An argument is out of range.
    """
    for field, value, most in (("days", days, DAYS_MAX), ("weeks", weeks, WEEKS_MAX)):
        if not 1 <= value <= most:
            raise PlanError.of(field, f"{value:,} is out of range", f"use a number from 1 to {most:,}")
    first, last = past.whole
    if start <= last:
        wrong = f"{start} lies within what was sent, which ends on {last}"
        raise PlanError.of("start", wrong, "start later, or use the figures as they stand")
    length = (last - first).days + 1
    if length < 7:
        raise refused(
            past.name, f"shows {length} whole days", "a forecast takes a whole week; use a longer log"
        )
    window = 7 * min(weeks, length // 7)
    streams = []
    for stream in past.streams:
        counts = {
            (day, provider): number for (name, day, provider), number in past.counts.items() if name == stream
        }
        rows = _project(counts, first, last, window, start, days, growth, method, season)
        streams.append(DemandStream(name=stream, arrivals=rows))
    return Demand(name=f"{past.name}, forecast", start=start, streams=tuple(streams))


def _project(
    counts: Mapping[tuple[date, str], int],
    first: date,
    last: date,
    window: int,
    start: date,
    days: int,
    growth: Growth,
    method: Method,
    season: bool,
) -> dict[str, tuple[int, ...]]:
    daily: dict[date, int] = {}
    providers: dict[str, int] = {}
    begin = last - timedelta(days=window - 1)
    shares: list[dict[str, int]] = [{} for _ in range(7)]
    for (day, provider), number in counts.items():
        daily[day] = daily.get(day, 0) + number
        providers[provider] = providers.get(provider, 0) + number
        if begin <= day <= last:
            of_day = shares[day.weekday()]
            of_day[provider] = of_day.get(provider, 0) + number
    names = sorted(providers, key=lambda provider: (-providers[provider], provider))
    weekdays: list[list[int]] = [[] for _ in range(7)]
    for index in range(window):
        day = begin + timedelta(days=index)
        weekdays[day.weekday()].append(daily.get(day, 0))
    level = [_middle(values, method) for values in weekdays]
    scale = _scale(daily, begin, last, first) if season else None

    totals: list[list[int]] = [[0] * days for _ in range(7)]
    for index in range(days):
        day = start + timedelta(days=index)
        figure = level[day.weekday()]
        before = day - YEAR
        if scale is not None and first <= before <= last:
            figure = scale * daily.get(before, 0)
        figure *= growth.factor((day - last).days)
        totals[day.weekday()][index] = floor(figure + _HALF)
    if max(map(max, totals)) > A_DAY_MAX:
        raise PlanError.of("growth", f"leads to {max(map(max, totals)):,} a day", "give a smaller rate")

    sums = [[0] * days for _ in names]
    for weekday in range(7):
        of_day = shares[weekday] or providers
        rows = spread_by_weights(totals[weekday], [of_day.get(name, 0) for name in names])
        for total, row in zip(sums, rows, strict=True):
            for index, number in enumerate(row):
                total[index] += number
    return {name: tuple(row) for name, row in zip(names, sums, strict=True)}


def _middle(values: list[int], method: Method) -> Fraction:
    if method == "mean":
        return Fraction(sum(values), len(values))
    ranked = sorted(values)
    half = len(ranked) // 2
    return Fraction(ranked[half]) if len(ranked) % 2 else Fraction(ranked[half - 1] + ranked[half], 2)


def _scale(daily: Mapping[date, int], begin: date, last: date, first: date) -> Fraction | None:
    """How the last weeks stand to the same weeks a year before; None where those are not all there."""
    if begin - YEAR < first:
        # Without those weeks, nothing is known of the change from year to year: take the figures as they are.
        return Fraction(1) if last - YEAR >= first else None
    now = sum(number for day, number in daily.items() if begin <= day <= last)
    then = sum(number for day, number in daily.items() if begin - YEAR <= day <= last - YEAR)
    return Fraction(now, then) if now and then else Fraction(1)
