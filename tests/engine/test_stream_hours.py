"""Streams that keep hours: when their mail goes, and what it says while it waits."""

from __future__ import annotations

from engine_house import START, House

from warmup.engine import Asked
from warmup.model import Grant, Wait, WaitReason
from warmup.timing import DAY, HOUR, MINUTE

SATURDAY = START + 4 * DAY  # START is Tuesday, 1 December 2026


def test_mail_goes_within_its_streams_hours_only(house: House) -> None:
    """Mail of a stream that sends from 9 to 17 on weekdays leaves then and at no other time."""
    house.engine.roll()
    ids = house.submit(*(f"user{number}@gmail.com" for number in range(12)), stream="office")
    gone = house.until(START + DAY)
    assert gone and all(9 * HOUR <= (at - START) % DAY < 17 * HOUR for at, _ in gone)
    house.until(SATURDAY)
    weekend = house.submit("late@gmail.com", stream="office")
    assert not house.until(SATURDAY + 2 * DAY)
    assert [house.state(one) for one in ids + weekend] == ["sent"] * 12 + ["queued"]
    assert house.until(SATURDAY + 3 * DAY)


def test_a_closed_stream_stands_in_nobodys_way(house: House) -> None:
    """At night the mail of other streams goes, also of one with the same priority."""
    house.engine.roll()
    house.submit(*(f"user{number}@gmail.com" for number in range(300)), stream="office")
    house.submit(*(f"other{number}@gmail.com" for number in range(300)), stream="shop")
    house.clock.advance(3 * HOUR)
    house.submit("now@gmail.com")
    gone = house.until(START + 6 * HOUR)
    assert [grant.recipient for _, grant in gone] == ["now@gmail.com"]


def test_the_wait_names_the_hours(house: House) -> None:
    """Mail held by its stream's hours says which, and when they begin: 10 o'clock in Berlin is 9 UTC."""
    house.engine.roll()
    house.clock.advance(6 * HOUR)
    (waiting,) = house.submit("user@gmail.com", stream="shop")
    assert not house.release()
    wait = house.engine.explain_delivery(waiting).wait
    assert isinstance(wait, Wait) and wait.reason is WaitReason.HOURS
    assert wait.not_before == START + 9 * HOUR
    assert "stream shop sends 10-12 in Europe/Berlin" in wait.limit.text
    assert house.wake_at == START + 9 * HOUR


def test_a_relay_is_told_the_hours_too(house: House) -> None:
    """A relay that asks outside a stream's hours waits for them; what it was granted stays granted."""
    house.engine.roll()
    house.clock.advance(6 * HOUR)
    asked = Asked(id="Q1", recipient="user@gmail.com", stream="shop")
    early = house.engine.admit(asked)
    assert isinstance(early, Wait) and early.not_before == START + 9 * HOUR
    house.clock.advance_to(START + 11 * HOUR - MINUTE)
    granted = house.engine.admit(asked)
    assert isinstance(granted, Grant)
    house.clock.advance(2 * MINUTE)
    assert house.engine.admit(asked) == granted
