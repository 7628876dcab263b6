"""What relays are told that keep their own queue, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_house import ACCEPTED, BLOCKED, GREYLISTED, START, House, attempt

from warmup.engine.admit import SLOT_GRACE, Asked
from warmup.engine.sweep import ADMISSIONS_KEPT
from warmup.errors import DataError, UsageError
from warmup.model import Decision, Grant, Reply, Stage, Wait, WaitReason
from warmup.timing import DAY, HOUR, MICROSECOND, MINUTE


def ask(house: House, name: str, *, domain: str = "gmail.com", number: int = 1) -> Decision:
    """Ask about one message."""
    recipient = f"{name}@{domain}"
    return house.engine.admit(Asked(id=name, recipient=recipient, sender="a@b.example", attempt=number))


def granted(house: House, name: str, **words: object) -> Grant:
    """Wait for a grant as a relay does."""
    for _ in range(5):
        decision = ask(house, name, **words)  # type: ignore[arg-type]
        if isinstance(decision, Grant):
            return decision
        assert isinstance(decision, Wait)
        assert decision.not_before is not None
        house.clock.advance_to(decision.not_before)
    raise AssertionError("told to wait five times")


def settle(house: House, grant: Grant, reply: Reply = ACCEPTED, stage: Stage = Stage.DOT) -> None:
    """Say how a conversation ended."""
    house.engine.settle(grant, attempt(reply, stage, house.clock.now()))


def used(house: House, provider: str = "google") -> int:
    """Units used over all windows of the lanes to a provider."""
    return sum(day.ledger.used for day in house.engine.days() if day.lane.provider == provider)


def test_the_same_attempt_again_is_the_same_answer(house: House) -> None:
    """Asked again about one conversation, in whatever process, the grant is the same and costs nothing."""
    house.clock.advance(HOUR)
    first = granted(house, "m1")
    assert ask(house, "m1") == first
    assert ask(house.again(), "m1") == first
    assert used(house) == 1


def test_another_recipient_is_another_unit(house: House) -> None:
    """A unit belongs to id and recipient."""
    house.clock.advance(12 * HOUR)
    one = house.engine.admit(Asked(id="m1", recipient="a@gmail.com"))
    house.clock.advance(HOUR)
    two = house.engine.admit(Asked(id="m1", recipient="b@gmail.com"))
    assert isinstance(one, Grant) and isinstance(two, Grant)
    assert one.id != two.id
    assert used(house) == 2


def test_greylisted_it_keeps_its_unit_and_its_source(furnished: Callable[..., House]) -> None:
    """A second conversation in the same window is free, and leaves from the source that was seen."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"])
    house.clock.advance(12 * HOUR)
    first = granted(house, "m1")
    settle(house, first, GREYLISTED, Stage.RCPT)
    for name in ("m2", "m3"):  # the other source is the less used one now, and back
        settle(house, granted(house, name))
    before = used(house)
    second = granted(house, "m1", number=2)
    assert second.lane == first.lane
    assert second.lease > first.lease
    assert used(house) == before
    settle(house, second)
    settle(house, second)  # a record that was not heard of is sent again
    assert sum(day.ledger.accepted for day in house.engine.days()) == 3


def test_carried_over_it_takes_a_unit_of_the_new_day(house: House) -> None:
    """In the next window the message needs a unit of that window."""
    house.clock.advance(12 * HOUR)
    settle(house, granted(house, "m1"), GREYLISTED, Stage.RCPT)
    house.clock.advance(DAY)
    granted(house, "m1", number=2)
    assert [day.ledger.used for day in house.engine.days() if day.lane.provider == "google"] == [1, 1]


def test_what_was_never_said_is_given_back(house: House) -> None:
    """Where no connection came about the unit returns to the cap."""
    house.clock.advance(HOUR)
    settle(house, granted(house, "m1"), Reply(0, "", "refused"), Stage.CONNECT)
    assert used(house) == 0
    granted(house, "m1", number=2)
    assert used(house) == 1


def test_places_are_given_in_the_order_of_asking(house: House) -> None:
    """The k-th asker is told the k-th free slot, keeps it when asking early, and is let go at it."""
    names = [f"m{number}" for number in range(8)]
    waits = [ask(house, name) for name in names]
    slots = [wait.not_before for wait in waits if isinstance(wait, Wait)]
    assert len(slots) == 8
    assert slots == sorted(set(slots))  # type: ignore[type-var]
    house.clock.advance(MINUTE)
    assert [wait.not_before for name in reversed(names) if isinstance(wait := ask(house, name), Wait)] == [
        *reversed(slots)
    ]
    for name, slot in zip(names, slots, strict=True):
        assert slot is not None
        house.clock.advance_to(slot - MICROSECOND)
        assert isinstance(ask(house, name), Wait)
        house.clock.advance(MICROSECOND)
        assert isinstance(ask(house, name), Grant)


def test_a_place_nobody_claims_goes_to_the_next(house: House) -> None:
    """Some minutes after a slot that its holder let pass, whoever asks takes it."""
    wait = ask(house, "m1")
    assert isinstance(wait, Wait)
    assert wait.not_before is not None
    house.clock.advance_to(wait.not_before)
    assert isinstance(ask(house, "m2"), Wait)
    house.clock.advance(SLOT_GRACE + MICROSECOND)
    assert isinstance(ask(house, "m2"), Grant)


def test_the_cap_holds_whoever_asks_and_however_often(house: House) -> None:
    """In a day of asking at every told time no more than the cap is granted, and the wait names the cap."""
    went = 0
    last: Decision | None = None
    for number in range(70):
        last = ask(house, f"m{number}")
        while isinstance(last, Wait) and last.reason in (WaitReason.PATTERN, WaitReason.PACE):
            assert last.not_before is not None
            house.clock.advance_to(last.not_before)
            last = ask(house, f"m{number}")
        if isinstance(last, Wait):
            break
        went += 1
    assert went == 30  # half of 60
    assert isinstance(last, Wait)
    assert last.reason is WaitReason.CAP
    assert last.not_before == START + DAY
    assert "cap 30 a day" in str(last)


def test_a_block_is_heard_through_a_relay_too(house: House) -> None:
    """A block that a relay reports stops the lane for everybody, and the next asker is told why."""
    house.clock.advance(12 * HOUR)
    settle(house, granted(house, "m1"), BLOCKED, Stage.MAIL)
    wait = ask(house, "m2")
    assert isinstance(wait, Wait)
    assert wait.reason is WaitReason.SUSPENDED


def test_attempts_count_upwards(house: House) -> None:
    """A lower attempt than one known, an empty id, an address that is none: refused, nothing spent."""
    house.clock.advance(12 * HOUR)
    settle(house, granted(house, "m1", number=2), GREYLISTED, Stage.RCPT)
    with pytest.raises(UsageError, match="count conversations upwards"):
        ask(house, "m1", number=1)
    with pytest.raises(UsageError, match="1 to 500"):
        house.engine.admit(Asked(id="", recipient="a@gmail.com"))
    with pytest.raises(UsageError, match="from 1"):
        house.engine.admit(Asked(id="x", recipient="a@gmail.com", attempt=0))
    with pytest.raises(UsageError, match="no stream"):
        house.engine.admit(Asked(id="x", recipient="a@gmail.com", stream="none"))
    with pytest.raises(DataError):
        house.engine.admit(Asked(id="x", recipient="a@gmail.com\r\nRCPT TO:<b@c.example>"))
    assert used(house) == 1


def test_what_nobody_asks_about_is_forgotten_after_a_month(house: House) -> None:
    """Old questions do not pile up, and recent ones keep their unit."""
    house.clock.advance(12 * HOUR)
    first = granted(house, "m1")
    settle(house, first)
    house.clock.advance(ADMISSIONS_KEPT - DAY)
    again = granted(house, "m2")
    house.clock.advance(2 * DAY)
    house.engine.sweep()
    assert granted(house, "m1").id != first.id
    assert granted(house, "m2", number=2).id == again.id
