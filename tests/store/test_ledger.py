"""The account of a window: units are taken within the cap, or not at all, and given back once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from engine_house import START, House, furnish

from warmup.errors import IllegalTransition, StoreError
from warmup.store import Database, create_or_upgrade, lanes
from warmup.timing import SimulatedClock


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    database = Database(database_url)
    create_or_upgrade(database, "simulated")
    house = furnish(database, SimulatedClock(START))
    house.release()
    yield house
    database.close()


def google(house: House) -> int:
    """Id of the window of Google's lane; its cap is 30."""
    return next(
        one.ledger.id for one in house.engine.lanes() if one.ledger and one.lane.key.provider == "google"
    )


def account(house: House, window: int, database: Database | None = None) -> tuple[int, int, int]:
    query = sa.text("SELECT used, cap, tat FROM windows WHERE id = :id")
    return tuple((database or house.database).read(lambda c: c.execute(query, {"id": window}).one()))  # type: ignore[return-value]


def take(house: House, window: int, seen: int, count: int, tat: int = 0) -> bool:
    return house.database.write(lambda c: lanes.take_units(c, window, seen, count, tat))


def reserve(house: House, window: int, ref: int) -> None:
    row = {"window": window, "ref": ref, "at": START, "cap": 30}
    house.database.write(lambda c: lanes.reserve(c, [row]))


def test_no_more_than_the_cap(house: House) -> None:
    """The last unit goes, the one after it does not, whatever the caller believes."""
    window = google(house)
    assert not take(house, window, 0, 31)
    assert take(house, window, 0, 29)
    assert not take(house, window, 29, 2)
    assert take(house, window, 29, 1, tat=77)
    assert not take(house, window, 30, 1)
    assert account(house, window) == (30, 30, 77)


def test_a_stale_view_takes_nothing(house: House) -> None:
    """Who decided on an account that has moved since has to decide again."""
    window = google(house)
    assert take(house, window, 0, 1, tat=5)
    assert not take(house, window, 0, 1, tat=9)
    assert account(house, window) == (1, 30, 5)


def test_a_lowered_cap_holds_at_once(house: House) -> None:
    """Between a decision and its unit the cap may fall: the unit is refused, and nothing is refunded."""
    window = google(house)
    assert take(house, window, 0, 10)
    house.database.write(lambda c: lanes.lower_cap(c, window, 5))
    assert not take(house, window, 10, 1)
    house.database.write(lambda c: lanes.lower_cap(c, window, 20))
    assert account(house, window) == (10, 5, 0)


def test_a_closed_window_never_grants_again(house: House) -> None:
    """Closed is for good, with room or without."""
    window = google(house)
    house.database.write(lambda c: lanes.close_windows(c, [window]))
    assert not take(house, window, 0, 1)


def test_a_unit_is_given_back_once(house: House) -> None:
    """Giving back twice, or after it was spent, changes nothing."""
    window = google(house)
    assert take(house, window, 0, 2)
    reserve(house, window, 1)
    reserve(house, window, 2)
    house.database.write(lambda c: lanes.post(c, [(window, 2)]))

    def void(ref: int) -> bool:
        return house.database.write(lambda c: lanes.void(c, window, ref))

    assert [void(1), void(1), void(2), void(3)] == [True, False, False, False]
    assert account(house, window)[0] == 1
    held = house.database.read(lambda c: lanes.held_units(c, [window], [1, 2, 3]))
    assert held == {2: frozenset({window})}


def test_a_broken_account_stops_the_work(house: House) -> None:
    """A unit to give back that nobody ever took is our own bug: nothing is written."""
    window = google(house)
    reserve(house, window, 1)
    with pytest.raises(IllegalTransition, match="no unit"):
        house.database.write(lambda c: lanes.void(c, window, 1))
    assert house.database.read(lambda c: lanes.held_units(c, [window], [1])) == {1: frozenset({window})}


def test_the_database_has_the_last_word(house: House) -> None:
    """Neither more than the largest cap there was, nor less than none, nor two open windows for a lane."""
    window = google(house)
    for statement in (
        "UPDATE windows SET used = peak + 1",
        "UPDATE windows SET used = -1",
        "UPDATE windows SET ends_at = starts_at",
        "INSERT INTO windows (lane, date, zone, starts_at, ends_at, step, cap, peak, used, accepted, tat, "
        "partial, closed) SELECT lane, date, zone, ends_at, ends_at + 1, 1, 9, 9, 0, 0, 0, partial, closed "
        "FROM windows",
    ):
        with pytest.raises(StoreError):
            house.database.write(lambda c, statement=statement: c.exec_driver_sql(statement))
    assert account(house, window) == (0, 30, 0)


def test_racing_writers_never_pass_the_cap(house: House) -> None:
    """Connections that all take what they saw free: together the cap, however they interleave."""
    window, taken = google(house), []
    url = house.database.url.render_as_string(hide_password=False)

    def race() -> None:
        database = Database(url)
        while True:
            seen, cap, _ = account(house, window, database)
            if seen == cap:
                break
            if database.write(lambda c, seen=seen: lanes.take_units(c, window, seen, 1, 0)):
                taken.append(1)
        database.close()

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert (len(taken), account(house, window)[0]) == (30, 30)
