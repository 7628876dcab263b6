"""Units of a cap in the corners: who holds one, who gives it back, and who never may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from engine_house import ACCEPTED, BLOCKED, GREYLISTED, START, House, attempt

from warmup.engine import Asked
from warmup.model import Grant, LaneKey, Reply, Stage, Wait, WaitReason
from warmup.timing import DAY, HOUR, MINUTE, SECOND

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
    house.clock.advance(31 * MINUTE)
    house.engine.sweep()
    (new,) = house.release()

    assert (old.id, old.lease + 1) == (new.id, new.lease)
    assert house.begin([old, new]) == [new]
