"""Every query that runs for each release uses its index, however long the queue is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from engine_house import START, House, furnish, submission

from warmup.model import DeliveryState
from warmup.store import Database, admissions, create_or_upgrade, domains, draws, lanes, queue
from warmup.store.hot import Hot
from warmup.timing import DAY, HOUR, SimulatedClock

NOW = START + 12 * HOUR
Job = Callable[[sa.Connection], Any]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A database with some of everything, so that the planner has something to choose."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('hot') / 'warmup.db'}")
    create_or_upgrade(database, "simulated")
    house = furnish(database, SimulatedClock(START))
    house.submit(*[f"u{number}@gmail.com" for number in range(60)])
    house.submit(*[f"d{number}@gmail.com" for number in range(5)], deadline=START + DAY)
    house.engine.submit([submission("one@slow.example")])
    house.until(START + 8 * HOUR)
    yield house
    database.close()


def statements(house: House, job: Job, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What a job asks of the driver, with its parameters as parameters."""
    seen: list[tuple[str, Any]] = []
    plain = Hot._run

    def watched(self: Hot, connection: sa.Connection, values: Any, *, many: bool) -> Any:
        compiled = self._for(connection)
        seen.append((compiled.text, compiled.values(values[0] if many else values)))
        return plain(self, connection, values, many=many)

    def core(_c: Any, _cursor: Any, statement: str, parameters: Any, _ctx: Any, many: bool) -> None:
        seen.append((statement, parameters[0] if many else parameters))

    engine = house.database._engine
    sa.event.listen(engine, "before_cursor_execute", core)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Hot, "_run", watched)
            house.database.read(job)
    finally:
        sa.event.remove(engine, "before_cursor_execute", core)
    return [(text, values) for text, values in seen if text.lstrip().upper().startswith("SELECT")]


def plan_of(house: House, job: Job, monkeypatch: pytest.MonkeyPatch) -> str:
    """How SQLite would run a job's queries, one step a line."""
    lines = []
    for text, values in statements(house, job, monkeypatch):
        rows = house.database.read(
            lambda c, text=text, values=values: c.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {text}", tuple(values)
            ).all()
        )
        lines.extend(row[3] for row in rows)
    return "\n".join(lines)


HOT: dict[str, tuple[Job, str]] = {
    "fresh, ramping": (
        lambda c: draws.draw_fresh(c, "default", "google", NOW, 20, ramping=True),
        "ix_deliveries_ramping",
    ),
    "fresh, warm": (
        lambda c: draws.draw_fresh(c, "default", "google", NOW, 20, ramping=False),
        "ix_deliveries_warm",
    ),
    "fresh, a site held": (
        lambda c: draws.draw_fresh(c, "default", "google", NOW, 20, ramping=True, held=["x"]),
        "ix_deliveries_ramping",
    ),
    "fresh, a stream closed": (
        lambda c: draws.draw_fresh(
            c, "default", "google", NOW, 20, ramping=True, closed=["bulk"], priorities=[5]
        ),
        "ix_deliveries_ramping",
    ),
    "retries, a stream closed": (
        lambda c: draws.draw_retries(c, "default", "google", NOW, 20, closed=["bulk"]),
        "ix_deliveries_retry",
    ),
    "retries": (lambda c: draws.draw_retries(c, "default", "google", NOW, 20), "ix_deliveries_retry"),
    "retries, a site held": (
        lambda c: draws.draw_retries(c, "default", "google", NOW, 20, held=["x"]),
        "ix_deliveries_retry",
    ),
    "retries that can move": (
        lambda c: draws.draw_movable(
            c, "default", "google", NOW, 20, held=["x"], closed=["bulk"], homes=[1], able=["127.0.0.2"]
        ),
        "ix_deliveries_retry",
    ),
    "next retry": (lambda c: draws.next_due(c, "default", "google", NOW), "ix_deliveries_retry"),
    "unresolved": (lambda c: domains.unresolved(c, NOW, 50), "ix_deliveries_unresolved"),
    "lapsed": (lambda c: queue.lapsed(c, NOW, "here", "1", 50), "ix_deliveries_leased"),
    "deadlines": (lambda c: queue.due_deadlines(c, NOW, 50), "ix_deliveries_deadline"),
    "promised": (lambda c: admissions.promised(c, 1, NOW, NOW + HOUR), "ix_admissions_slots"),
    "open windows": (lambda c: lanes.ledgers_of(c), "ix_windows_open"),
    "a provider's open windows": (lambda c: lanes.ledgers_of(c, "google", lock=True), "ix_windows_open"),
}


@pytest.mark.parametrize("name", HOT)
def test_a_hot_query_reads_its_index(house: House, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of its index, without sorting, and without looking at every delivery."""
    job, index = HOT[name]
    plan = plan_of(house, job, monkeypatch)
    assert f"INDEX {index}" in plan, plan
    assert "SCAN deliveries\n" not in plan + "\n", plan
    assert "SCAN messages" not in plan
    if name.startswith(("fresh", "retries", "next")):
        assert "TEMP B-TREE" not in plan, plan


def test_whether_anything_waits_is_told_by_indexes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a million sent deliveries and nothing left to do, nobody reads the million."""
    plan = plan_of(house, queue.pending, monkeypatch)
    assert "SCAN deliveries\n" not in plan + "\n", plan


@pytest.mark.parametrize("name", HOT)
def test_states_are_spelled_out(house: House, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that is a parameter hides a partial index, or has the statement compiled twice each time."""
    words = {*DeliveryState, "waiting", "granted"}
    for text, values in statements(house, HOT[name][0], monkeypatch):
        assert not words & {value for value in values if isinstance(value, str)}, text


@pytest.mark.parametrize("name", HOT)
def test_a_hot_query_touches_no_content(house: House, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of 30 MB lies where no scan of the queue comes by."""
    assert "bodies" not in plan_of(house, HOT[name][0], monkeypatch)


def test_a_release_touches_no_content(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the queue to a lease no content is read; only ``begin`` asks for it, by its message."""
    texts: list[str] = []
    plain = Hot._run

    def watched(self: Hot, connection: sa.Connection, values: Any, *, many: bool) -> Any:
        texts.append(self._for(connection).text)
        return plain(self, connection, values, many=many)

    core: Callable[..., None] = lambda _c, _cursor, statement, *_: texts.append(statement)  # noqa: E731
    sa.event.listen(house.database._engine, "before_cursor_execute", core)
    house.clock.advance(2 * HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(Hot, "_run", watched)
        grants = house.release()
        assert grants and not any("bodies" in text for text in texts)
        house.begin(grants)
    sa.event.remove(house.database._engine, "before_cursor_execute", core)
    asked = [text for text in texts if "bodies" in text]
    assert asked and all("bodies.message = " in text for text in asked)


def test_a_large_body_leaves_the_queue_small(tmp_path: Path) -> None:
    """Deliveries with 30 MB attachments are as many to a page as those without."""
    database = Database(f"sqlite:///{tmp_path / 'warmup.db'}")
    create_or_upgrade(database, "simulated")
    house = furnish(database, SimulatedClock(START))

    def pages() -> int:
        query = "SELECT count(*) FROM dbstat WHERE name = 'deliveries'"
        try:
            return int(database.read(lambda c: c.exec_driver_sql(query).scalar()) or 0)
        except Exception as error:
            pytest.skip(f"this SQLite cannot count pages: {error}")

    small = submission("small@gmail.com")
    large = attrs.evolve(small, envelope=attrs.evolve(small.envelope, content=b"x" * (30 << 20) + b"\r\n"))
    house.engine.submit([small] * 50)
    before = pages()
    house.engine.submit([large])
    assert pages() == before
    database.close()
