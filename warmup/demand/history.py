"""What was sent in the past: counts by day and provider, hours of the day, and what was not counted.

A history is a value. Two of them add up, so that a log read in pieces is the log read whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import TypeVar

import attrs

from warmup.errors import DataError, Problem
from warmup.plan.demand import Demand, DemandStream

__all__ = ["DAYS_MAX", "History", "Report", "refused"]

DAYS_MAX = 3_660
"""Days that one history or demand may span: ten years, so that two odd dates cannot fill the memory."""

PROBLEMS_MAX = 20
"""Mistakes kept word for word; the others are counted."""

_DAY = timedelta(days=1)
_T = TypeVar("_T")


def refused(name: str, wrong: str, mend: str) -> DataError:
    """The error that a file cannot be used as a whole; who reads it says what for."""
    return DataError(problems=(Problem("", wrong, mend, place=name),))


@attrs.frozen(kw_only=True)
class Report:
    """What became of every line: ``lines`` is ``counted`` + the sum of ``skipped`` + ``mistakes``.

    Attributes:
        lines: Lines read; in a CSV file its records.
        counted: Lines that something was counted from, a line that counts 0 included.
        skipped: Lines left out on purpose, by reason.
        mistakes: Lines that could not be understood.
        problems: The first of the mistakes, each with its place and its mend.
        outcomes: First attempts by what became of them, in the log's own words (``sent``,
            ``deferred``); empty where the source does not say.
        forgotten: Recipients of a log still under way that had to be forgotten: a later attempt for
            one of them counts as new mail.
    """

    lines: int = 0
    counted: int = 0
    skipped: Mapping[str, int] = attrs.field(factory=dict)
    mistakes: int = 0
    problems: tuple[Problem, ...] = ()
    outcomes: Mapping[str, int] = attrs.field(factory=dict)
    forgotten: int = 0

    def __add__(self, other: Report) -> Report:
        return Report(
            lines=self.lines + other.lines,
            counted=self.counted + other.counted,
            skipped=_sum(self.skipped, other.skipped),
            mistakes=self.mistakes + other.mistakes,
            problems=(self.problems + other.problems)[:PROBLEMS_MAX],
            outcomes=_sum(self.outcomes, other.outcomes),
            forgotten=self.forgotten + other.forgotten,
        )

    def settle(self, tolerated: int = 0) -> None:
        """Raise the mistakes, where there are more of them than may be.

        Args:
            tolerated: How many lines in a thousand may be mistakes, 0 to 1,000.

        Raises:
            DataError: There are; the first are listed, and how many more there were.
        """
        if self.mistakes * 1_000 <= tolerated * self.lines:
            return
        more = self.mistakes - len(self.problems)
        rest = (Problem("", f"{more:,} more lines have mistakes", "mend these first"),) if more > 0 else ()
        raise DataError(problems=self.problems + rest)

    def sentences(self) -> tuple[str, ...]:
        """Say for people what was read and what was left out, the commonest reason first."""
        found = [f"{self.counted:,} of {self.lines:,} lines count"]
        for reason, number in sorted(self.skipped.items(), key=lambda item: (-item[1], item[0])):
            found.append(f"{number:,} left out: {reason}")
        if self.mistakes:
            found.append(f"{self.mistakes:,} not understood, the first: {self.problems[0]}")
        if self.forgotten:
            found.append(f"{self.forgotten:,} recipients forgotten: too many were under way at once")
        return tuple(found)


@attrs.frozen(kw_only=True)
class History:
    """What was sent, in the plan's zone.

    Attributes:
        name: Where it comes from, for people.
        zone: The IANA zone whose calendar days and hours these are.
        counts: Deliveries by (stream, day, provider id); nothing is kept for days without any.
        hours: Deliveries whose time is known, by day: 24 local hours each.
        report: What became of the lines.
    """

    name: str
    zone: str
    counts: Mapping[tuple[str, date, str], int]
    hours: Mapping[date, tuple[int, ...]] = attrs.field(factory=dict)
    report: Report = attrs.field(factory=Report)

    def __add__(self, other: History) -> History:
        if self.zone != other.zone:
            raise DataError.of("zone", f"{self.zone} and {other.zone} differ", "read both in the plan's zone")
        hours = dict(self.hours)
        for day, row in other.hours.items():
            mine = hours.get(day, (0,) * 24)
            hours[day] = tuple(a + b for a, b in zip(mine, row, strict=True))
        return History(
            name=self.name if self.name == other.name else f"{self.name}, {other.name}",
            zone=self.zone,
            counts=_sum(self.counts, other.counts),
            hours=hours,
            report=self.report + other.report,
        )

    @cached_property
    def total(self) -> int:
        """All deliveries."""
        return sum(self.counts.values())

    @cached_property
    def daily(self) -> Mapping[date, int]:
        """Deliveries by day, in the order of the days; days without any are left out."""
        sums: dict[date, int] = {}
        for (_, day, _), number in self.counts.items():
            sums[day] = sums.get(day, 0) + number
        return dict(sorted(sums.items()))

    @cached_property
    def providers(self) -> Mapping[str, int]:
        """Deliveries by provider, the largest first."""
        sums: dict[str, int] = {}
        for (_, _, provider), number in self.counts.items():
            sums[provider] = sums.get(provider, 0) + number
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def streams(self) -> tuple[str, ...]:
        """The names of the streams, sorted."""
        return tuple(sorted({stream for stream, _, _ in self.counts}))

    @cached_property
    def span(self) -> tuple[date, date]:
        """The first and the last day.

        Raises:
            DataError: There are none, or they lie more than ten years apart.
        """
        if not self.daily:
            wrong = "holds no mail that was sent: " + "; ".join(self.report.sentences())
            raise refused(self.name, wrong, "name a file with past sends")
        first, last = min(self.daily), max(self.daily)
        if (last - first).days >= DAYS_MAX:
            wrong = f"reaches from {first} to {last}"
            raise refused(self.name, wrong, f"give at most {DAYS_MAX:,} days; is one of the dates mistyped?")
        return first, last

    @cached_property
    def whole(self) -> tuple[date, date]:
        """The first and the last day that were seen to their end, as far as one can know.

        A log begins and ends somewhere in a day, so its first and last day are left out where three
        days or more are there. Counts without a time of day are those of whole days.
        """
        first, last = self.span
        if (last - first).days >= 2:
            first += _DAY * (first in self.hours)
            last -= _DAY * (last in self.hours)
        return first, last

    def before(self, day: date) -> History:
        """What was sent before a day; the report stays that of the whole."""
        return attrs.evolve(
            self,
            counts={key: number for key, number in self.counts.items() if key[1] < day},
            hours={each: row for each, row in self.hours.items() if each < day},
        )

    def demand(self, start: date | None = None, days: int | None = None) -> Demand:
        """The counts themselves as a demand, day by day.

        Args:
            start: First day; that of the history unless given.
            days: How many; up to the history's last day unless given.

        Raises:
            DataError: There is nothing in the history, or too many days are asked for.
        """
        first, last = self.span
        begin = first if start is None else start
        length = (last - begin).days + 1 if days is None else days
        if not 1 <= length <= DAYS_MAX:
            raise DataError.of("days", f"{length:,} is out of range", f"use a number from 1 to {DAYS_MAX:,}")
        rows: dict[str, dict[str, list[int]]] = {}
        for stream in self.streams:
            rows[stream] = {provider: [0] * length for provider in self.providers}
        for (stream, day, provider), number in self.counts.items():
            index = (day - begin).days
            if 0 <= index < length:
                rows[stream][provider][index] += number
        return Demand(
            name=self.name,
            start=begin,
            streams=tuple(
                DemandStream(name=stream, arrivals={key: tuple(row) for key, row in each.items()})
                for stream, each in rows.items()
            ),
        )


def _sum(mine: Mapping[_T, int], others: Mapping[_T, int]) -> dict[_T, int]:
    sums = dict(mine)
    for key, number in others.items():
        sums[key] = sums.get(key, 0) + number
    return sums
