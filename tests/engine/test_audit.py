"""What is counted and checked in the database, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import sqlalchemy as sa
from engine_house import GREYLISTED, House

from warmup.store import HEAD
from warmup.store.audit import FOUND_MAX, audit
from warmup.store.census import ages, census, last_seen
from warmup.timing import DAY, HOUR


def test_a_house_in_use_is_sound(house: House) -> None:
    """At every step of a delivery's way, through days, deferrals and crashes, every rule holds."""
    house.submit(*(f"u{n}@gmail.com" for n in range(40)), *(f"u{n}@yahoo.com" for n in range(10)))
    house.clock.advance(6 * HOUR)
    leased = house.release()
    assert leased
    assert house.database.read(audit) == []
    going = house.begin(leased[:5])
    assert house.database.read(audit) == []
    house.settle(going[:2])
    house.settle(going[2:4], GREYLISTED)
    assert house.database.read(audit) == []
    after = house.again()
    while after.engine.sweep():
        pass
    assert house.database.read(audit) == []
    after.until(after.clock.now() + 2 * DAY)
    assert house.database.read(audit) == []


def test_what_is_broken_is_told_but_not_endlessly(house: House) -> None:
    """A rule that is broken many times is told some times, with a word that there is more."""
    house.submit(*(f"u{n}@gmail.com" for n in range(FOUND_MAX + 5)))
    statement = sa.text("UPDATE deliveries SET state = 'sending'")
    house.database.write(lambda connection: connection.execute(statement).rowcount)
    found = house.database.read(audit)
    assert sum("without a unit" in one for one in found) == FOUND_MAX
    assert sum("and more of the last kind" in one for one in found) == 2


def test_counted(house: House) -> None:
    """The census counts what there is, and ages fall into their columns."""
    began = house.clock.now()
    house.submit("a@gmail.com", "b@gmail.com")
    house.clock.advance(3 * HOUR)
    house.submit("c@yahoo.com")
    counts = house.database.read(lambda connection: census(connection, (HEAD,)))
    assert (counts.messages, counts.deliveries, counts.units, counts.clock) == (3, 3, 0, "simulated")
    assert counts.server.split()[0] in ("SQLite", "PostgreSQL")
    now = house.clock.now()
    google, yahoo = house.database.read(lambda connection: ages(connection, now, (HOUR, DAY)))
    assert (google.provider, google.counts, google.oldest_at) == ("google", (0, 2, 0), began)
    assert (yahoo.provider, yahoo.counts) == ("yahoo", (1, 0, 0))
    assert house.database.read(last_seen) >= now
    other = house.database.read(lambda connection: census(connection, ()))
    assert (other.schema, other.deliveries) == (HEAD, 0)
