"""Units of a cap in the corners: who holds one, who gives it back, and who never may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from engine_house import ACCEPTED, GREYLISTED, START, House, attempt

from warmup.engine import Asked
from warmup.engine.context import LEASE
from warmup.model import Grant, LaneKey, Reply, Stage, Wait, WaitReason
from warmup.timing import DAY, HOUR, MINUTE

HERE, THERE = LaneKey("127.0.0.2", "google"), LaneKey("127.0.0.3", "google")
REFUSED = Reply(0, "", "connection refused")


def google(count: int) -> list[str]:
    return [f"user{number}@gmail.com" for number in range(count)]


def used(house: House, key: LaneKey = HERE) -> int:
    ledger = next(one for one in house.engine.lanes() if one.lane.key == key).ledger
    assert ledger is not None
    return ledger.used


def held(house: House, ref: int) -> int:
    """Units that a delivery or an admission holds, over all windows."""
    query = sa.text("SELECT count(*) FROM reservations WHERE ref = :ref AND state <> 'voided'")
    return int(house.database.read(lambda c: c.execute(query, {"ref": ref}).scalar()) or 0)


def test_an_old_grant_is_not_begun_beside_a_new_one(house: House) -> None:
    """A worker whose claim lapsed holds two grants for one delivery: only the newer one sends."""
    house.submit("one@gmail.com")
    house.clock.advance(12 * HOUR)
    (old,) = house.release()
    house.clock.advance(LEASE)
    house.again(node="there").engine.sweep()
    house.engine.context.nudge()
    (new,) = house.release()

    assert (old.id, old.lease + 1) == (new.id, new.lease)
    assert house.begin([old, new]) == [new]


def test_a_delivery_that_comes_back_to_its_first_lane_spends_no_second_unit(
    furnished: Callable[..., House],
) -> None:
    """Tried from one source, not connected from another, tried from the first again: one unit, once."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"], curve="linear:days=1")
    house.submit("one@gmail.com")
    house.clock.advance(12 * HOUR)
    (first,) = house.send(Reply(451, "4.3.0", "try later"), Stage.RCPT)
    (other,) = {HERE, THERE} - {first.lane}
    house.engine.pause(first.lane.source, "google")
    house.clock.advance(HOUR)
    house.settle(house.release(), REFUSED, Stage.CONNECT)
    house.engine.resume(first.lane.source, "google")
    house.engine.pause(other.source, "google")
    house.clock.advance(2 * HOUR)
    (again,) = house.send()

    assert again.lane == first.lane
    assert (used(house, first.lane), used(house, other), held(house, first.id)) == (1, 0, 1)


def test_a_free_retry_is_not_kept_behind_those_that_need_a_unit(house: House) -> None:
    """Yesterday's deferred mail waits for today's units; what was greylisted today goes meanwhile."""
    house.submit(*google(2))
    house.clock.advance(23 * HOUR)
    assert len(house.send(Reply(451, "4.3.0", "try later"), Stage.RCPT)) == 2
    house.clock.advance_to(START + DAY + 37 * MINUTE)  # the first of 30 units
    (first,) = house.send(GREYLISTED, Stage.RCPT, limit=1, room=1)
    house.clock.advance_to(START + DAY + 53 * MINUTE)  # the second one is not there yet

    assert [grant.id for grant in house.release(limit=1, room=1)] == [first.id]


def test_a_relays_unit_is_its_own_on_every_lane(furnished: Callable[..., House]) -> None:
    """A relay's message that comes back to a lane where it holds a unit spends no other."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"], curve="linear:days=1")
    house.clock.advance(12 * HOUR)
    first = house.engine.admit(Asked(id="q1", recipient="a@gmail.com"))
    assert isinstance(first, Grant)
    house.engine.settle(first, attempt(Reply(451, "4.3.0", "later"), Stage.RCPT, house.clock.now()))
    (other,) = {HERE, THERE} - {first.lane}
    house.engine.pause(first.lane.source, "google")
    second = house.engine.admit(Asked(id="q1", recipient="a@gmail.com", attempt=2))
    assert isinstance(second, Grant) and second.lane == other
    house.engine.settle(second, attempt(REFUSED, Stage.CONNECT, house.clock.now()))
    house.engine.resume(first.lane.source, "google")
    third = house.engine.admit(Asked(id="q1", recipient="a@gmail.com", attempt=3))

    assert isinstance(third, Grant) and third.lane == first.lane
    assert (used(house, first.lane), used(house, other), held(house, first.id)) == (1, 0, 1)


def test_a_repeated_question_is_not_granted_on_a_stopped_lane(house: House) -> None:
    """Asking twice gives the same grant, unless the lane was stopped meanwhile; and again when it goes on."""
    house.clock.advance(12 * HOUR)
    asked = Asked(id="q1", recipient="a@gmail.com")
    granted = house.engine.admit(asked)
    assert isinstance(granted, Grant) and house.engine.admit(asked) == granted
    house.engine.pause(None, "google")
    told = house.engine.admit(asked)
    assert isinstance(told, Wait) and told.reason is WaitReason.PAUSED
    house.engine.resume(None, "google")
    assert house.engine.admit(asked) == granted
    house.engine.pause(None, "google")
    house.engine.admit(asked)
    house.engine.settle(granted, attempt(ACCEPTED, Stage.DOT, house.clock.now()))

    assert used(house) == 1
    assert next(day for day in house.engine.days() if day.lane == HERE).evidence["accepted"] == 1


def test_a_relays_lost_conversation_stays_counted(house: House) -> None:
    """A conversation that was never accounted for may have said MAIL: the next one cannot free its unit."""
    house.clock.advance(12 * HOUR)
    lost = house.engine.admit(Asked(id="q1", recipient="a@gmail.com"))
    second = house.engine.admit(Asked(id="q1", recipient="a@gmail.com", attempt=2))
    assert isinstance(lost, Grant) and isinstance(second, Grant) and second.lease > lost.lease
    house.engine.settle(second, attempt(REFUSED, Stage.CONNECT, house.clock.now()))

    assert used(house) == 1


def test_a_provider_that_comes_back_has_no_second_allowance(house: House) -> None:
    """Taken out of the plan and put back at noon of another day: that day's mail was counted elsewhere."""
    yahoo = LaneKey("127.0.0.2", "yahoo")
    house.release()
    house = house.again(mix="google=0.7,other=0.3")
    house.clock.advance(DAY)
    house.submit(*[f"u{number}@yahoo.com" for number in range(100)])
    house.until(START + 36 * HOUR)
    assert used(house, LaneKey("127.0.0.2", "other")) > 0
    house = house.again(mix="google=0.5,yahoo=0.3,other=0.2")
    went = [grant.lane for _, grant in house.until(START + 2 * DAY)]

    assert yahoo not in went
    assert yahoo in [grant.lane for _, grant in house.until(START + 3 * DAY)]


@pytest.mark.parametrize("begun", [False, True])
def test_a_ghost_settles_nothing_of_another_workers(house: House, begun: bool) -> None:
    """An answer that comes while a newer claim is under way is journalled, and changes nothing."""
    house.submit("one@gmail.com")
    house.clock.advance(12 * HOUR)
    ghost = house.begin(house.release())
    house = house.again()
    house.engine.sweep()
    house.clock.advance(HOUR)
    again = house.release()
    assert [grant.id for grant in again] == [grant.id for grant in ghost]
    if begun:
        house.begin(again)
    before = house.state(again[0].id)
    house.settle(ghost, Reply(550, "5.1.1", "User unknown"), Stage.RCPT)

    assert house.state(again[0].id) == before == ("sending" if begun else "leased")
    assert [one["applied"] for one in house.engine.explain_delivery(again[0].id).facts["attempts"]] == [
        True,  # the sweep's: nobody knew
        False,
    ]
    assert used(house) == 1


def test_a_clock_put_back_over_midnight_begins_nothing(house: House) -> None:
    """A grant of the new day is not begun in the old one: its unit waits for the day to come again."""
    house.submit(*google(3))
    house.clock.advance(DAY + HOUR)
    grants = house.release()
    house.clock.jump(-90 * MINUTE)
    house.engine.accept_clock()

    assert grants and house.begin(grants) == []
    assert used(house) == 0
    house.clock.advance(90 * MINUTE)
    assert len(house.send()) == len(grants)
