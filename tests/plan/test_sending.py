"""Sending hours: what is read, and when they open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.errors import PlanError
from warmup.plan.sending import opens_at, parse_hours
from warmup.timing import SECOND, from_datetime, to_datetime

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"]


def instant(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("text", "now", "opening"),
    [
        ("8-18", "2026-12-01T07:00:00+01:00", "2026-12-01T08:00:00+01:00"),
        ("8-18", "2026-12-01T08:00:00+01:00", None),
        ("8-18", "2026-12-01T18:00:00+01:00", "2026-12-02T08:00:00+01:00"),
        ("mon-fri 8:30-20", "2026-12-04T20:00:00+01:00", "2026-12-07T08:30:00+01:00"),
        ("fri-mon 22-24, 0-6", "2026-12-02T12:00:00+01:00", "2026-12-03T00:00:00+01:00"),
        # Half past two does not exist on 28 March 2027: the clock jumps from 2 to 3.
        ("2:30-4", "2027-03-28T01:00:00+01:00", "2027-03-28T03:00:00+02:00"),
        # On 31 October 2027 it comes twice: mail goes from the first on.
        ("2:30-4", "2027-10-31T01:00:00+02:00", "2027-10-31T02:30:00+02:00"),
    ],
)
def test_hours_open_on_the_local_clock(text: str, now: str, opening: str | None) -> None:
    """Hours are those of the zone's own clock, on the days on which it is put forward or back, too."""
    hours = parse_hours(text, "Europe/Berlin")
    assert opens_at(hours, instant(now)) == (None if opening is None else instant(opening))


@given(
    zone=st.sampled_from(ZONES),
    start=st.integers(0, 22),
    length=st.integers(1, 24),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
)
def test_an_opening_is_open_and_tight(zone: str, start: int, length: int, at: datetime) -> None:
    """At the opening mail may go; a second before it may not, and it comes within two days."""
    hours = parse_hours(f"{start}-{min(24, start + length)}", zone)
    now = from_datetime(at.replace(tzinfo=UTC))
    opening = opens_at(hours, now)
    if opening is None:
        local = to_datetime(now).astimezone(ZoneInfo(zone))
        assert start <= local.hour < start + length
        return
    assert now < opening <= now + timedelta(days=2) // timedelta(microseconds=1)
    assert opens_at(hours, opening) is None
    assert opens_at(hours, opening - SECOND) == opening


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("8 to 18", "cannot be read"),
        ("18-8", "has no length"),
        ("8-25", "is no time of a day"),
        ("8:75-9", "is no time of a day"),
        ("foo-fri 8-18", "names no day"),
        ("8-18, mon 9-10", "overlap"),
        ("", "cannot be read"),
    ],
)
def test_hours_that_cannot_be_kept_are_refused(text: str, says: str) -> None:
    """Hours that cannot be read, are empty or overlap are refused with the way to write them."""
    with pytest.raises(PlanError, match=says):
        parse_hours(text, "UTC")
