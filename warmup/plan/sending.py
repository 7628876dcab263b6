"""The hours in which a stream's mail may leave, on the clock of the people it is for."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from warmup.errors import PlanError
from warmup.model import SendingHours
from warmup.plan.calendar import zone_of
from warmup.timing import SECOND, Instant

__all__ = ["opens_at", "parse_hours"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PART = re.compile(
    r"(?:(?P<first>[a-z]{3})[a-z]*(?:\s*-\s*(?P<last>[a-z]{3})[a-z]*)?\s+)?"
    r"(?P<from>[0-9]{1,2})(?::(?P<from_minute>[0-9]{2}))?\s*-\s*"
    r"(?P<to>[0-9]{1,2})(?::(?P<to_minute>[0-9]{2}))?"
)
_MEND = 'write it like "8-18", "mon-fri 8:30-20:00" or "mon-fri 8-20, sat 9-13"'
_EPOCH = datetime(1970, 1, 1)
_MINUTE_S = 60
_DAY_S = 86_400
OFFSET_STEP_MAX_S = 26 * 3_600
"""No zone ever moved its clock by more (Samoa skipped a day)."""


def parse_hours(text: str, zone: str) -> SendingHours:
    """Read ``mon-fri 8:30-20:00, sat 9-13``.

    Parts are joined by commas; one without days holds for every day. An end of 24 is midnight.

    Args:
        text: The hours on the local clock.
        zone: A name of the IANA database.

    Raises:
        PlanError: There is no such zone, or a part cannot be read, is empty or overlaps another.
    """
    zone_of(zone)
    days: list[list[tuple[int, int]]] = [[] for _ in _DAYS]
    for part in text.lower().split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise PlanError.of("hours", f"{part.strip()!r} cannot be read", _MEND)
        start = int(match["from"]) * 60 + int(match["from_minute"] or 0)
        end = int(match["to"]) * 60 + int(match["to_minute"] or 0)
        if int(match["from_minute"] or 0) > 59 or int(match["to_minute"] or 0) > 59 or end > 1_440:
            raise PlanError.of("hours", f"{part.strip()!r} is no time of a day", "use 0:00 to 24:00")
        if start >= end:
            mend = "end after the start; write a night as two parts: 22-24, 0-6"
            raise PlanError.of("hours", f"{part.strip()!r} has no length", mend)
        for day in _days_of(part.strip(), match["first"], match["last"]):
            days[day].append((start, end))
    spans = tuple(tuple(sorted(spans)) for spans in days)
    for name, ordered in zip(_DAYS, spans, strict=True):
        if any(before[1] > after[0] for before, after in itertools.pairwise(ordered)):
            raise PlanError.of("hours", f"the parts for {name} overlap", "name each minute once")
    return SendingHours(text=" ".join(text.split()), zone=zone, spans=spans)


def _days_of(part: str, first: str | None, last: str | None) -> list[int]:
    if first is None:
        return list(range(7))
    for name in (first, last or first):
        if name not in _DAYS:
            raise PlanError.of("hours", f"{part!r} names no day of the week", f"use {', '.join(_DAYS)}")
    begin = _DAYS.index(first)
    length = (_DAYS.index(last or first) - begin) % 7 + 1
    return [(begin + ahead) % 7 for ahead in range(length)]


def opens_at(hours: SendingHours, now: Instant) -> Instant | None:
    """When mail may leave next; None where it may leave now.

    Args:
        hours: The hours; at least one of them is open in any week.
        now: The instant asked about.
    """
    second = now // SECOND
    opening = _opening(hours, second)
    return None if opening <= second else opening * SECOND


def _wall(zone: str, second: int) -> int:
    """What the local clock shows, in seconds since the local epoch."""
    utc = _EPOCH + timedelta(seconds=second)
    info = zone_of(zone)
    local = utc if info is UTC else info.fromutc(utc.replace(tzinfo=info)).replace(tzinfo=None)
    return (local - _EPOCH) // timedelta(seconds=1)


def _is_open(hours: SendingHours, wall: int) -> bool:
    day, second = divmod(wall, _DAY_S)
    weekday = date.fromordinal(_EPOCH.toordinal() + day).weekday()
    return any(start * _MINUTE_S <= second < end * _MINUTE_S for start, end in hours.spans[weekday])


@lru_cache(maxsize=1_024)
def _starts(hours: SendingHours, day: int) -> tuple[int, ...]:
    """Openings on the local clock from a local day on, for the nine days that surely hold one."""
    found: list[int] = []
    for ahead in range(9):
        weekday = date.fromordinal(_EPOCH.toordinal() + day + ahead).weekday()
        found.extend((day + ahead) * _DAY_S + start * _MINUTE_S for start, _ in hours.spans[weekday])
    return tuple(found)


def _opening(hours: SendingHours, second: int) -> int:
    """The first second from this one on at which the local clock is inside the hours."""
    wall = _wall(hours.zone, second)
    if _is_open(hours, wall):
        return second
    for start in _starts(hours, wall // _DAY_S):
        if start <= wall:
            continue
        # The clock passes the opening once, or jumps over it; put back, it may pass it again later.
        low, high = second, second + (start - wall) + OFFSET_STEP_MAX_S
        direct = second + (start - wall)
        if _wall(hours.zone, direct) == start:
            high = direct
        while high - low > 1:
            middle = (low + high) // 2
            if _wall(hours.zone, middle) >= start:
                high = middle
            else:
                low = middle
        if _is_open(hours, _wall(hours.zone, high)):
            return high
    raise AssertionError(f"{hours.text} never opens in {hours.zone}")
