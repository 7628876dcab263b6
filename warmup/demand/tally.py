"""The running count that every reader keeps: bounded, whatever it is fed."""

from __future__ import annotations

from datetime import date

from warmup.demand.history import DAYS_MAX, PROBLEMS_MAX, History, Report
from warmup.errors import Problem

__all__ = ["Place", "Tally"]

STREAMS_MAX = 50
_DAYS_KEPT = 2 * DAYS_MAX

Place = tuple[date, int | None]
"""A local day, and the local hour of it where that is known."""


class Tally:
    """Counts deliveries by stream, day and provider, and keeps book of every line."""

    def __init__(self, name: str, zone: str) -> None:
        self.name = name
        self.zone = zone
        self.place = name
        self.lines = 0
        self.base = 0
        self.counted = 0
        self.skipped: dict[str, int] = {}
        self.outcomes: dict[str, int] = {}
        self.forgotten = 0
        self._counts: dict[tuple[str, date, str], int] = {}
        self._hours: dict[date, list[int]] = {}
        self._days: set[date] = set()
        self._streams: set[str] = set()
        self._problems: list[Problem] = []
        self._mistakes = 0

    def begin(self, place: str) -> None:
        """Go on with another file, whose lines count from 1."""
        self.place = place
        self.base = self.lines

    def room_for(self, stream: str, day: date) -> tuple[str, str, str] | None:
        """Why one more line cannot be kept, as (field, wrong, mend); None: it can."""
        if stream not in self._streams:
            if len(self._streams) >= STREAMS_MAX:
                return "stream", f"is the {STREAMS_MAX + 1}st name", f"use at most {STREAMS_MAX} streams"
            self._streams.add(stream)
        if day not in self._days:
            if len(self._days) >= _DAYS_KEPT:
                return "date", f"{day} is one day too many", f"give at most {DAYS_MAX:,} days at once"
            self._days.add(day)
        return None

    def add(self, stream: str, place: Place, provider: str, number: int = 1) -> None:
        """Count deliveries; a negative number takes back what was counted before."""
        day, hour = place
        key = (stream, day, provider)
        count = self._counts.get(key, 0) + number
        if count:
            self._counts[key] = count
        else:
            self._counts.pop(key, None)
        if hour is not None and number:
            row = self._hours.get(day)
            if row is None:
                row = self._hours[day] = [0] * 24
            row[hour] += number

    def skip(self, reason: str) -> None:
        """Leave a line out, on purpose."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def mistake(self, line: int, field: str, wrong: str, mend: str) -> None:
        """Note a line that cannot be understood."""
        self._mistakes += 1
        if len(self._problems) < PROBLEMS_MAX:
            self._problems.append(Problem(field, wrong, mend, place=f"{self.place}:{line}"))

    def history(self) -> History:
        """What was counted so far."""
        return History(
            name=self.name,
            zone=self.zone,
            counts=dict(self._counts),
            hours={day: tuple(row) for day, row in self._hours.items() if any(row)},
            report=self.report(),
        )

    def report(self) -> Report:
        """What became of the lines so far."""
        return Report(
            lines=self.lines,
            counted=self.counted,
            skipped=dict(self.skipped),
            mistakes=self._mistakes,
            problems=tuple(self._problems),
            outcomes=dict(self.outcomes),
            forgotten=self.forgotten,
        )
