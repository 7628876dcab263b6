"""Windows and shapes: whose day is it, and how a pattern lies over it."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zone_files import behaviour, transitions

from warmup.errors import PlanError
from warmup.pacing import hours
from warmup.plan.calendar import LOOK_S, local_date, shape, window_at, window_of, zone_of
from warmup.plan.patterns import FLAT, PATTERNS, Pattern, parse_pattern
from warmup.timing import DAY, HOUR, MINUTE, SECOND, Chance, from_datetime

ZONES = sorted(available_timezones() - {"localtime", "Factory"})

ODD_DAYS = [
    ("UTC", date(2026, 1, 1), 24 * 60),
    ("Europe/Berlin", date(2026, 3, 29), 23 * 60),
    ("Europe/Berlin", date(2026, 10, 25), 25 * 60),
    ("Australia/Lord_Howe", date(2026, 10, 4), 23 * 60 + 30),
    ("Australia/Lord_Howe", date(2026, 4, 5), 24 * 60 + 30),
    ("Pacific/Apia", date(2011, 12, 30), 0),
    ("Pacific/Apia", date(2011, 12, 31), 24 * 60),
    ("Pacific/Kwajalein", date(1993, 8, 21), 0),
    ("Antarctica/Casey", date(2009, 10, 18), 21 * 60),
    ("Antarctica/Casey", date(2010, 3, 5), 27 * 60),
    ("America/Santiago", date(2026, 9, 6), 23 * 60),
    ("Asia/Beirut", date(2022, 3, 27), 23 * 60),
    ("Africa/Cairo", date(2026, 4, 24), 23 * 60),
    ("America/Havana", date(2026, 3, 8), 23 * 60),
    ("America/St_Johns", date(2006, 4, 2), 23 * 60),
    ("America/St_Johns", date(2006, 10, 29), 25 * 60),
    ("America/Nuuk", date(2026, 3, 28), 23 * 60),
    ("Africa/Monrovia", date(1972, 1, 7), 24 * 60 - 44.5),
]

days_in_range = st.dates(date(1970, 1, 2), date(2060, 12, 31))
patterns = st.lists(st.integers(0, 50), min_size=24, max_size=24).filter(any).map(parse_pattern)


def _local(zone: str, instant: int) -> date:
    """The local date by another route than the one under test."""
    return datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone)).date()


@pytest.mark.parametrize(("zone", "day", "minutes"), ODD_DAYS)
def test_odd_days_have_the_length_the_clock_gave_them(zone: str, day: date, minutes: float) -> None:
    """A day is as long as its zone made it, from 0 to 27 hours."""
    assert window_of(zone, day).length == minutes * MINUTE


@pytest.mark.parametrize(("zone", "day", "minutes"), ODD_DAYS)
def test_a_window_starts_with_the_first_minute_of_its_date(zone: str, day: date, minutes: float) -> None:
    """Searched minute by minute, no earlier minute has that date or a later one."""
    middle = from_datetime(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("UTC")))
    start = next(t for t in range(middle - 17 * HOUR, middle + 17 * HOUR, MINUTE) if _local(zone, t) >= day)
    found = window_of(zone, day).starts_at
    assert start - MINUTE < found <= start


def test_windows_tile_time_in_every_zone() -> None:
    """In every zone the windows of days that follow each other leave no gap and share no instant."""
    chance = Chance("tiles")
    span = (date(2060, 12, 31) - date(1970, 1, 2)).days
    for zone in ZONES:
        for sample in range(3):
            day = date(1970, 1, 2) + timedelta(days=chance.below(span, zone, sample))
            window, after = window_of(zone, day), window_of(zone, day + timedelta(days=1))
            assert window.ends_at == after.starts_at
            assert 0 <= window.length <= 27 * HOUR
            assert _local(zone, window.starts_at - SECOND) < day <= _local(zone, window.starts_at)
            if window.length:
                assert window_at(zone, window.starts_at) == window_at(zone, window.ends_at - 1) == window


def test_no_zone_changes_twice_within_a_week() -> None:
    """Offsets are compared three days apart: nothing in the database hides between two looks."""
    for zone in ZONES:
        seconds = [second for second, _ in transitions(zone)[1] if second >= -2 * DAY // SECOND]
        for one, two in pairwise(seconds):
            assert two - one > 2 * LOOK_S, (zone, one)


@pytest.mark.parametrize("quarter", range(4))
def test_every_day_of_every_zone_from_2000_to_2040(quarter: int) -> None:
    """Windows tile time without gap or overlap, each beginning with the first second of its date.

    Zones that the database's files show to be the same since 2000 are walked once; the profile dev
    walks a sample of them.
    """
    alike = {behaviour(zone): zone for zone in ZONES}
    zones = sorted(alike.values())[quarter::4]
    if os.environ.get("HYPOTHESIS_PROFILE") != "ci":
        zones = ["Europe/Berlin", *zones[::25]]
    days = [date(2000, 1, 1) + timedelta(days=number) for number in range(14_976)]
    assert days[-1] == date(2040, 12, 31)
    assert [found for zone in zones for found in _misplaced(zone, days)] == []


def _misplaced(zone: str, days: list[date]) -> list[tuple[str, date]]:
    """Days that follow each other, of which the windows do not, or that begin at another second.

    Local dates come from zoneinfo alone. On a day of 24 hours that follows one, the first second of
    the date is its midnight; on any other the second before is looked at too.
    """
    there = ZoneInfo(zone)
    reached = window_of(zone, days[0] - timedelta(days=1)).ends_at
    plain = False
    wrong = []
    for day in days:
        window = window_of(zone, day)
        starts, ends = window.starts_at, window.ends_at
        second = starts // SECOND
        local = datetime.fromtimestamp(second, there)
        was_plain, plain = plain, ends - starts == DAY
        if was_plain and plain and local.hour == local.minute == local.second == 0:
            placed = local.toordinal() == day.toordinal()
        else:
            placed = (
                0 <= ends - starts <= 27 * HOUR
                and datetime.fromtimestamp(second - 1, there).date() < day <= local.date()
            )
        if starts != reached or not placed:
            wrong.append((zone, day))
        reached = ends
    return wrong


def test_no_window_around_a_clock_change_is_out_of_place() -> None:
    """Walking a year of instants through restless zones, every instant lies in the window it is given."""
    for zone in ("Antarctica/Casey", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca"):
        before = None
        for hour in range(0, 366 * 24, 5):
            instant = from_datetime(datetime(2011, 1, 1, tzinfo=ZoneInfo("UTC"))) + hour * HOUR
            window = window_at(zone, instant)
            assert instant in window
            assert local_date(zone, instant) <= window.date
            if before is not None and window != before:
                assert window.starts_at >= before.ends_at
            before = window


@given(zone=st.sampled_from(ZONES), day=days_in_range, pattern=patterns, cap=st.integers(0, 100_000))
def test_hours_sum_to_the_cap_in_every_zone(zone: str, day: date, pattern: Pattern, cap: int) -> None:
    """Whatever the zone did to the day, its hours hold the whole cap; a day of no length holds nothing."""
    window = window_of(zone, day)
    form = shape(window, zone, pattern)
    assert form.edges[0] == window.starts_at
    assert form.edges[-1] == window.ends_at
    assert all(a < b for a, b in zip(form.edges, form.edges[1:], strict=False))
    assert all(a <= b for a, b in zip(form.sums, form.sums[1:], strict=False))
    assert sum(hours(form, cap)) == (cap if window.length else 0)


def test_a_plain_day_has_the_pattern_itself() -> None:
    """On a day of 24 hours each hour has exactly its weight."""
    for pattern in PATTERNS.values():
        form = shape(window_of("UTC", date(2026, 6, 1)), "UTC", pattern)
        total = sum(pattern.weights)
        assert hours(form, 3 * total) == tuple(3 * weight for weight in pattern.weights)


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("Europe/Berlin", date(2026, 3, 29), {2: 0, 3: 2}),
        ("Europe/Berlin", date(2026, 10, 25), {2: 1}),
        ("Australia/Lord_Howe", date(2026, 10, 4), {2: 1}),
        ("Australia/Lord_Howe", date(2026, 4, 5), {1: 1}),
        ("America/Santiago", date(2026, 9, 6), {0: 0, 1: 2}),
        ("America/Nuuk", date(2026, 3, 28), {22: 2, 23: 0}),
        ("Antarctica/Casey", date(2009, 10, 18), {2: 0, 3: 0, 4: 0, 5: 4}),
        ("Antarctica/Casey", date(2010, 3, 5), {23: 1, 0: 1, 1: 1}),
    ],
)
def test_a_skipped_hour_goes_to_the_next_and_a_repeated_one_counts_once(
    zone: str, day: date, expected: dict[int, int]
) -> None:
    """The share of a skipped hour goes to the hour the clock lands in, or to the last of the day.

    An hour seen twice has one share.
    """
    whole = [1] * 24
    for hour, times in expected.items():
        whole[hour] = times
    found = hours(shape(window_of(zone, day), zone, FLAT), 24_000)
    assert found == tuple(1_000 * times for times in whole)


def test_a_minute_that_is_left_of_an_hour_holds_a_minutes_share() -> None:
    """Where the clock jumped one minute after midnight, that minute is no place for a whole hour's mail."""
    form = shape(window_of("America/St_Johns", date(2006, 4, 2)), "America/St_Johns", FLAT)
    assert hours(form, 24 * 60)[:3] == (1, 119, 60)


def test_a_repeated_hour_is_even_over_both_of_its_passes() -> None:
    """After its first pass, three hours past midnight, half of the hour that comes twice is gone."""
    window = window_of("Europe/Berlin", date(2026, 10, 25))
    form = shape(window, "Europe/Berlin", FLAT)
    assert len(form.hours[2]) == 2
    assert form.edges[3] == window.starts_at + 3 * HOUR
    assert form.sums[3] * 48 == 5 * form.total


def test_a_day_without_length_holds_nothing() -> None:
    """The day that Samoa skipped has a window, and nothing can be sent in it."""
    window = window_of("Pacific/Apia", date(2011, 12, 30))
    form = shape(window, "Pacific/Apia", FLAT)
    assert (window.length, form.total, hours(form, 50)) == (0, 0, (0,) * 24)
    assert window_at("Pacific/Apia", window.starts_at).date == date(2011, 12, 31)


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("+25:00", "IANA"),
        ("UTC+2", ""),
        ("", "IANA"),
        ("Europe", ""),
        ("../../etc/passwd", ""),
        ("right/UTC", ""),
        ("localtime", ""),
        ("Factory", ""),
        ("Europe/Berlin\n", "Europe/Berlin"),
        ("a" * 5_000, ""),
    ],
)
def test_only_names_of_the_database_are_zones(name: str, mend: str) -> None:
    """What is no name of the zone database is refused, with the nearest one where there is one."""
    with pytest.raises(PlanError) as caught:
        zone_of(name)
    assert mend in caught.value.problems[0].mend


def test_old_names_are_names() -> None:
    """Zones that look like offsets and abbreviations are taken where the database has them."""
    for name in ("EST5EDT", "Etc/GMT-14", "UTC", "America/Argentina/ComodRivadavia"):
        assert window_of(name, date(2026, 1, 1)).length == DAY


def test_years_have_bounds() -> None:
    """A day outside 1970 to 2999 is refused in words."""
    with pytest.raises(PlanError, match="out of range"):
        window_of("UTC", date(1969, 12, 31))


@pytest.mark.parametrize(
    "value",
    ["offic", "1,2,3", ",".join(["x"] * 24), [0] * 24, [1] * 23, [1] * 23 + [-1], [1.5] * 24, [True] * 24],
)
def test_bad_patterns_are_refused(value: object) -> None:
    """A pattern has a known name, or 24 whole weights of which one is above 0."""
    with pytest.raises(PlanError) as caught:
        parse_pattern(value)  # type: ignore[arg-type]
    assert caught.value.problems[0].mend


def test_a_pattern_reads_back_from_its_name() -> None:
    """The name of a pattern, one of your own included, is its text form."""
    own = parse_pattern([0] * 8 + [5] * 10 + [0] * 6)
    assert parse_pattern(own.name) == own
    assert all(parse_pattern(name) is pattern for name, pattern in PATTERNS.items())
