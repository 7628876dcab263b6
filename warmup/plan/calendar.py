"""Whose day is it: the windows of a time zone, and the running sum of a pattern over one.

The window of day D starts at the first instant whose local date is D or later, and ends where
that of D + 1 starts. So windows tile time in every zone: where midnight does not exist the day
starts with the clock change, where a day was skipped its window has no length, and where the
clock was put back over midnight the hour that comes twice lies in the later window.

A pattern speaks of local hours. The share of wall-clock time that was skipped goes to the hour in
which the clock lands, or to the day's last hour where it lands in another day. An hour that comes
twice holds its weight once, spread evenly over both.

Arithmetic is in whole seconds here: no zone in the database has finer offsets since 1970.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from math import gcd, lcm

from warmup.errors import PlanError
from warmup.model import Shape, Window
from warmup.plan.patterns import Pattern
from warmup.plan.words import YEAR_MAX, YEAR_MIN, nearest
from warmup.timing import SECOND, Instant

__all__ = ["local_date", "shape", "window_at", "window_of", "zone_of"]

_EPOCH = datetime(1970, 1, 1)
_HOUR = 3_600
_DAY = 86_400

LOOK_S = 3 * _DAY
"""Offsets are compared this far apart, then bisected. Since 1970 no zone changed twice within a week
(parts of Brazil gave summer time up after seven days in 2000); a test reads the whole database."""

EDGE_S = 2 * _DAY
"""How far the index of a year reaches over its ends: further than an offset and a window together."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}")
_NOT_PLACES = frozenset({"localtime", "posixrules", "Factory"})


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """Return a zone of the IANA database by its name.

    Raises:
        PlanError: There is none; the nearest names are given.
    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, available_timezones

    # Debian also keeps posix/ (the same again) and right/ (counting leap seconds: other instants).
    if _NAME.fullmatch(name) and name not in _NOT_PLACES and not name.startswith(("posix/", "right/")):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            pass
    mend = nearest(name, available_timezones() - _NOT_PLACES) if re.search("[A-Za-z]{2}", name) else ""
    raise PlanError.of(
        "timezone",
        f"there is no time zone {name!r}",
        mend or "use a name of the IANA database such as UTC or Europe/Berlin",
    )


def _offset(zone: tzinfo, second: int) -> int:
    """How far local time is ahead of UTC at a second since the epoch, in seconds."""
    ahead = zone.fromutc((_EPOCH + timedelta(seconds=second)).replace(tzinfo=zone)).utcoffset()
    assert ahead is not None
    return ahead.days * _DAY + ahead.seconds


@lru_cache(maxsize=4_096)
def _year(name: str, year: int) -> tuple[tuple[int, int, int], ...]:
    """A year cut where the offset changes: (from, to, offset), seconds since the epoch.

    Most zones change twice a year or never, so that a day is found among very few stretches.
    """
    zone = zone_of(name)
    start = _midnight(date(year, 1, 1)) - EDGE_S
    end = _midnight(date(year + 1, 1, 1)) + EDGE_S
    found = []
    begin = at = start
    offset = _offset(zone, start)
    while at < end:
        ahead = min(at + LOOK_S, end)
        if _offset(zone, ahead) != offset:
            low = at
            while ahead - low > 1:
                middle = (low + ahead) // 2
                if _offset(zone, middle) == offset:
                    low = middle
                else:
                    ahead = middle
            found.append((begin, ahead, offset))
            begin, offset = ahead, _offset(zone, ahead)
        at = ahead
    return (*found, (begin, end, offset))


def _stretches(zone: str, window: Window) -> list[tuple[int, int, int]]:
    """Cut a window where the offset changes: (from, to, offset), seconds since the epoch."""
    starts, ends = window.starts_at // SECOND, window.ends_at // SECOND
    if zone == "UTC":
        return [(starts, ends, 0)]
    cut = [
        (max(begin, starts), min(end, ends), offset) for begin, end, offset in _year(zone, window.date.year)
    ]
    return [stretch for stretch in cut if stretch[0] < stretch[1]]


_EPOCH_DAY = _EPOCH.toordinal()


def _midnight(day: date) -> int:
    """Local midnight, counted in seconds since the local epoch."""
    return (day.toordinal() - _EPOCH_DAY) * _DAY


def _edges(zone: str, day: date) -> tuple[int, int]:
    """The first second whose local date is ``day`` or later, and the first of the day after it."""
    starts = (day.toordinal() - _EPOCH_DAY) * _DAY
    if zone == "UTC":
        return starts, starts + _DAY
    edges = []
    local = starts
    for begin, end, offset in _year(zone, day.year):
        while local - offset < end:
            edges.append(max(begin, local - offset))
            if len(edges) == 2:
                return edges[0], edges[1]
            local += _DAY
    raise AssertionError(f"{zone} has no {day}")


@lru_cache(maxsize=16_384)
def window_of(zone: str, day: date) -> Window:
    """Return the window of a calendar day in a zone.

    Args:
        zone: A name of the IANA database.
        day: From 1970 to 2999.

    Raises:
        PlanError: There is no such zone, or the day is out of range.
    """
    zone_of(zone)
    if not YEAR_MIN <= day.year <= YEAR_MAX:
        raise PlanError.of("date", f"{day} is out of range", f"use a year from {YEAR_MIN} to {YEAR_MAX}")
    starts, ends = _edges(zone, day)
    return Window(day, starts * SECOND, ends * SECOND)


def local_date(zone: str, instant: Instant) -> date:
    """Return the date that a wall calendar in a zone shows at an instant."""
    second = instant // SECOND
    return (_EPOCH + timedelta(seconds=second + _offset(zone_of(zone), second))).date()


def window_at(zone: str, instant: Instant) -> Window:
    """Return the window that an instant lies in.

    Its date is the local date, or a later one while a clock put back over midnight repeats the
    end of the day before.

    Raises:
        PlanError: There is no such zone, or the day is out of range.
    """
    window = window_of(zone, local_date(zone, instant))
    while instant >= window.ends_at:
        window = window_of(zone, window.date + timedelta(days=1))
    return window


def _hand_on(held: list[int], weights: tuple[int, ...], skipped: tuple[int, int], hour: int) -> None:
    """Move the share of skipped wall-clock time, in seconds since midnight, to an hour."""
    for index, weight in enumerate(weights):
        seconds = min(skipped[1], (index + 1) * _HOUR) - max(skipped[0], index * _HOUR)
        if seconds > 0:
            held[index] -= weight * seconds
            held[hour] += weight * seconds


@lru_cache(maxsize=8_192)
def shape(window: Window, zone: str, pattern: Pattern) -> Shape:
    """Lay a pattern over a window: its running sum F(t).

    Args:
        window: A window of that zone.
        zone: A name of the IANA database.
        pattern: The weights of the local hours.
    """
    if window.length == 0:
        return Shape(edges=(window.starts_at,), sums=(0,), hours=((),) * 24)
    midnight = _midnight(window.date)
    held = [weight * _HOUR for weight in pattern.weights]
    pieces: list[tuple[int, int, int]] = []  # from, to, local hour
    reached = 0  # wall-clock seconds of the day that were seen or handed on
    for begin, end, offset in _stretches(zone, window):
        at = begin
        while at < end:
            local = at + offset
            stop = min(end, at + _HOUR - local % _HOUR)
            pieces.append((at, stop, local // _HOUR % 24))
            at = stop
        lands = begin + offset - midnight
        if lands > reached:
            _hand_on(held, pattern.weights, (reached, lands), lands // _HOUR)
        reached = max(reached, end + offset - midnight)
    _hand_on(held, pattern.weights, (reached, _DAY), pieces[-1][2])

    length = [0] * 24
    for begin, end, hour in pieces:
        length[hour] += end - begin
    scale = lcm(*filter(None, length))
    sums = [0]
    hours: list[list[tuple[int, int]]] = [[] for _ in range(24)]
    for index, (begin, end, hour) in enumerate(pieces):
        sums.append(sums[-1] + held[hour] * (end - begin) * (scale // length[hour]))
        hours[hour].append((index, index + 1))
    common = gcd(*sums)
    return Shape(
        edges=(window.starts_at, *(end * SECOND for _, end, _ in pieces)),
        sums=tuple(part // common for part in sums),
        hours=tuple(map(tuple, hours)),
    )
