"""From the time that a file says to a day and an hour in the plan's zone.

Three ways of writing are read: ISO 8601 / RFC 3339 (``2026-11-24T07:57:09.123+01:00``, a space for the
``T``, an offset or none), the old syslog way without a year (``Nov 24 07:57:09``, RFC 3164), and the
same with one (``Nov 24 2026 07:57:09``, ``2026 Nov 24 07:57:09``). A time without an offset is local in
the zone of the file.

Lines of a log share their minutes, so every minute is worked out once. No zone has had offsets finer
than a minute since 1972 (IANA: Monrovia was the last), which is older than any log.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

from warmup.demand.tally import Place
from warmup.plan.calendar import window_at, zone_of
from warmup.plan.words import YEAR_MAX, YEAR_MIN
from warmup.timing import from_datetime

__all__ = ["STAMP", "Moments"]

MINUTES_KEPT = 50_000
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

STAMP = re.compile(
    r"(?P<minute>(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ](?P<hour>\d\d):(?P<min>\d\d))"
    r"(?::[0-6]\d(?:[.,]\d{1,9})?)?(?: ?(?P<offset>Z|[+-]\d\d:?\d\d)(?!\d))?",
    re.ASCII,
)
_SYSLOG = re.compile(
    r"(?:(?P<before>\d{4}) )?(?P<month>[A-Z][a-z]{2}) (?P<day>[ \d]\d) (?:(?P<after>\d{4}) )?"
    r"(?P<hour>\d\d):(?P<min>\d\d):[0-6]\d",
    re.ASCII,
)
_PRIORITY = re.compile(r"<\d{1,3}>(?:1 )?", re.ASCII)
_DAY = timedelta(days=1)


class Moments:
    """Places moments in days and hours.

    Args:
        zone: The plan's zone: whose days and hours come out.
        written: The zone of times that name none; the plan's unless given.
        today: No moment without a year lies later than the day after this one. Needed for the old
            syslog way only.

    Raises:
        PlanError: There is no such zone.
    """

    def __init__(self, zone: str, written: str | None = None, today: date | None = None) -> None:
        self.zone = zone
        self.today = today
        self._same = written is None or written == zone
        self._written = zone_of(zone if written is None else written)
        zone_of(zone)
        self._here = zone_of(zone)
        self._known: dict[tuple[str, str, date | None], Place | None] = {}

    def head(self, line: str) -> tuple[Place | None, int]:
        """The moment at the beginning of a log line, None where there is none, and where it ends."""
        at = 0
        if line.startswith("<") and (priority := _PRIORITY.match(line)) is not None:
            at = priority.end()
        if (match := STAMP.match(line, at)) is not None:
            return self._iso(match), match.end()
        if (match := _SYSLOG.match(line, at)) is not None:
            return self._syslog(match), match.end()
        return None, 0

    def iso(self, text: str) -> Place | None:
        """The moment that a whole text is, written the ISO way; None where it is none."""
        match = STAMP.fullmatch(text)
        return None if match is None else self._iso(match)

    def _iso(self, match: re.Match[str]) -> Place | None:
        key = (match["minute"], match["offset"] or "", None)
        if key not in self._known:
            year, month, day, hour, minute = map(int, match.group("year", "month", "day", "hour", "min"))
            self._keep(key, self._place(year, month, day, hour, minute, match["offset"] or ""))
        return self._known[key]

    def _syslog(self, match: re.Match[str]) -> Place | None:
        key = (match[0][:-3], "", self.today)
        if key not in self._known:
            self._keep(key, self._yearless(match))
        return self._known[key]

    def _keep(self, key: tuple[str, str, date | None], place: Place | None) -> None:
        if len(self._known) >= MINUTES_KEPT:
            self._known.clear()
        self._known[key] = place

    def _yearless(self, match: re.Match[str]) -> Place | None:
        name = match["month"].lower()
        if name not in MONTHS:
            return None
        month, day, hour, minute = MONTHS.index(name) + 1, *map(int, match.group("day", "hour", "min"))
        if (given := match["before"] or match["after"]) is not None:
            return self._place(int(given), month, day, hour, minute, "")
        if self.today is None:
            return None
        latest = min(self.today, date(YEAR_MAX, 12, 30)) + _DAY
        for year in range(latest.year, latest.year - 9, -1):  # 29 February is never further off
            try:
                if date(year, month, day) <= latest:
                    return self._place(year, month, day, hour, minute, "")
            except ValueError:
                continue
        return None

    def _place(self, year: int, month: int, day: int, hour: int, minute: int, offset: str) -> Place | None:
        try:
            naive = datetime(year, month, day, hour, minute)
            if not YEAR_MIN <= year <= YEAR_MAX:
                return None
            if not offset and self._same:
                return naive.date(), hour
            if not offset:
                moment = naive.replace(tzinfo=self._written).astimezone(UTC)
            elif offset == "Z":
                moment = naive.replace(tzinfo=UTC)
            else:
                ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
                moment = naive.replace(tzinfo=timezone(-ahead if offset[0] == "-" else ahead)).astimezone(UTC)
            local = moment.astimezone(self._here)
            return window_at(self.zone, from_datetime(moment)).date, local.hour
        except (ValueError, OverflowError):  # no such day, or one that no plan reaches
            return None
