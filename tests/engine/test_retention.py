"""What is forgotten, and what never is."""

from __future__ import annotations

import sqlalchemy as sa
from engine_house import House

from warmup.engine import sweep
from warmup.timing import DAY


def rows(house: House, table: str) -> int:
    """How many rows a table has."""
    return int(
        house.database.read(lambda c: c.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())
    )


def test_contents_go_once_every_delivery_is_final(house: House) -> None:
    """A day after its end the content of finished mail is dropped; what still waits keeps its own."""
    (done,) = house.submit("one@gmail.com")
    house.until(house.clock.now() + DAY)
    house.clock.advance(DAY)
    (waiting,) = house.submit("two@gmail.com")
    house.engine.sweep()

    assert (house.state(done), house.state(waiting)) == ("sent", "queued")
    assert rows(house, "bodies") == 1
    assert rows(house, "messages") == 2


def test_finished_mail_is_forgotten_after_its_time_and_the_accounts_stay(house: House) -> None:
    """Three months later single messages, attempts and reservations are gone; days and evidence are not."""
    house.submit("one@gmail.com")
    house.engine.pause(None, "yahoo")
    (waiting,) = house.submit("two@yahoo.com")
    house.until(house.clock.now() + DAY)
    before = rows(house, "evidence")
    house.clock.advance(sweep.HISTORY_KEPT + DAY)
    house.engine.sweep()

    assert house.state(waiting) == "queued"
    assert rows(house, "messages") == rows(house, "deliveries") == rows(house, "bodies") == 1
    assert rows(house, "attempts") == rows(house, "reservations") == 0
    assert rows(house, "evidence") == before > 0
    assert sum(day.ledger.accepted for day in house.engine.days()) == 1


def test_a_pass_goes_on_where_the_last_one_ended(house: House, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """However much waits at the head of the queue, what is finished behind it is found in the end."""
    monkeypatch.setattr(sweep, "LOOKED_AT_MAX", 2)
    house.engine.pause(None, "yahoo")
    house.submit(*[f"u{number}@yahoo.com" for number in range(5)], "one@gmail.com")
    house.until(house.clock.now() + DAY)
    house.clock.advance(DAY)
    passes = 0
    while rows(house, "bodies") == 6 and passes < 10:
        house.engine.sweep()
        passes += 1

    assert rows(house, "bodies") == 5
    assert passes == 3


def test_what_waited_long_is_remembered_from_its_end(house: House) -> None:
    """Mail held for a hundred days is still told of after it went, or after it expired."""
    house.engine.pause(None, "google")
    (sent,) = house.submit("one@gmail.com")
    (expired,) = house.submit("two@gmail.com", deadline=house.clock.now() + 100 * DAY)
    house.clock.advance(101 * DAY)
    house.engine.resume(None, "google")
    house.engine.sweep()
    house.until(house.clock.now() + 2 * DAY)
    house.engine.sweep()

    assert (house.state(sent), house.state(expired)) == ("sent", "expired")
    assert "deadline" in "\n".join(house.engine.explain_delivery(expired).lines)
