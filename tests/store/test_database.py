"""Transactions, grouped commits, and what happens when the disk is full or the server goes away."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
import sqlalchemy as sa
from engine_house import START, House, furnish, submission

from warmup.errors import StoreError, TemporaryError, UsageError, WarmupError
from warmup.store import Database, create_or_upgrade
from warmup.timing import HOUR, SimulatedClock

COUNT = sa.text("SELECT count(*) FROM journal")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    create_or_upgrade(database, "simulated")
    yield database
    database.close()


def note(text: str) -> Callable[[sa.Connection], None]:
    statement = sa.text("INSERT INTO journal (at, kind, text) VALUES (0, 'test', :text)")
    return lambda connection: connection.execute(statement, {"text": text}) and None


def rows(database: Database) -> int:
    return int(database.read(lambda c: c.execute(COUNT).scalar()) or 0)


class Crowd:
    """Threads that all want to write while one of them is in the middle of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.commits = 0
        self.errors: list[Exception] = []
        sa.event.listen(database._engine, "commit", self._count)

    def _count(self, _: sa.Connection) -> None:
        self.commits += 1

    def run(self, jobs: list[Callable[[sa.Connection], object]]) -> None:
        entered, go = threading.Event(), threading.Event()

        def first(connection: sa.Connection) -> None:
            entered.set()
            assert go.wait(20)

        def work(job: Callable[[sa.Connection], object]) -> None:
            try:
                self.database.write(job)
            except Exception as error:
                self.errors.append(error)

        leader = threading.Thread(target=work, args=(first,))
        leader.start()
        assert entered.wait(20)
        others = [threading.Thread(target=work, args=(job,)) for job in jobs]
        for thread in others:
            thread.start()
        while len(self.database._queue) < len(jobs):
            pass  # until all of them have queued behind the leader
        self.commits = 0
        go.set()
        for thread in (leader, *others):
            thread.join(20)
            assert not thread.is_alive()


def test_concurrent_writers_share_a_commit(database: Database) -> None:
    """Forty threads that submit at once wait for one fsync, not for forty."""
    crowd = Crowd(database)
    crowd.run([note(str(number)) for number in range(40)])

    assert crowd.errors == []
    assert rows(database) == 40
    assert crowd.commits <= 3


def test_a_job_that_fails_takes_nobody_along(database: Database) -> None:
    """One bad job among twenty raises in its own thread; the others are on disk, each once."""

    def bad(connection: sa.Connection) -> None:
        note("half")(connection)
        raise UsageError("no")

    crowd = Crowd(database)
    crowd.run(
        [*(note(str(number)) for number in range(10)), bad, *(note(str(number)) for number in range(10))]
    )

    assert [type(error) for error in crowd.errors] == [UsageError]
    assert rows(database) == 20


def test_a_broken_statement_is_a_store_error(database: Database) -> None:
    """What the database refuses leaves as our error, without a trace of SQL in its class."""
    with pytest.raises(StoreError) as failed:
        database.write(lambda c: c.execute(sa.text("INSERT INTO nothing VALUES (1)")))
    assert failed.value.exit_code == 74
    database.write(note("after"))
    assert rows(database) == 1


def test_an_interrupt_is_the_leaders_alone(database: Database) -> None:
    """Ctrl-C in one thread does not look like Ctrl-C in another."""

    def interrupted(_: sa.Connection) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.write(interrupted)
    database.write(note("after"))
    assert rows(database) == 1


# A full disk


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[House]:
    database = Database(f"sqlite:///{tmp_path / 'warmup.db'}")
    create_or_upgrade(database, "simulated")
    yield furnish(database, SimulatedClock(START))
    database.close()


def _pages(house: House, most: int | None = None) -> int:
    pragma = "PRAGMA page_count" if most is None else f"PRAGMA max_page_count = {most}"
    return int(house.database.write(lambda c: c.exec_driver_sql(pragma).scalar()) or 0)


def test_a_full_disk_takes_nothing_half(cramped: House) -> None:
    """A message that does not fit is refused whole; what was there goes on as soon as there is room."""
    kept = cramped.submit("one@gmail.com")
    _pages(cramped, _pages(cramped) + 8)
    big = submission("big@gmail.com")
    big = attrs.evolve(big, envelope=attrs.evolve(big.envelope, content=b"x" * 200_000 + b"\r\n"))
    for _ in range(3):
        with pytest.raises(StoreError, match="full") as failed:
            cramped.engine.submit([submission("small@gmail.com"), big])
        assert failed.value.exit_code == 74
    assert [row.id for row in cramped.engine.queue_list()] == kept

    _pages(cramped, 1_000_000)
    (second,), (third,) = cramped.engine.submit([submission("small@gmail.com"), big])
    assert (second, third) == (kept[0] + 1, kept[0] + 2)
    cramped.resolve()
    cramped.clock.advance(12 * HOUR)
    assert len(cramped.send(limit=2)) == 2


def test_a_full_disk_while_sending_sends_nothing(cramped: House) -> None:
    """What cannot be recorded is not sent: a release that finds no room grants nothing and spends nothing."""
    for number in range(200):
        cramped.submit(f"u{number}@gmail.com")
    cramped.release(limit=0)
    cramped.clock.advance(12 * HOUR)
    filler = "INSERT INTO meta (key, value) VALUES (:key, :value)"

    def fill(connection: sa.Connection) -> None:
        connection.execute(
            sa.text(filler),
            {
                "key": str(connection.exec_driver_sql("SELECT count(*) FROM meta").scalar()),
                "value": "x" * 1000,
            },
        )

    _pages(cramped, _pages(cramped))
    with pytest.raises(StoreError):
        while True:
            cramped.database.write(fill)
    used = sum(status.ledger.used for status in cramped.engine.lanes() if status.ledger)
    try:
        granted = cramped.release()
    except StoreError:
        granted = []
    held = sa.text("SELECT count(*) FROM reservations WHERE state = 'pending'")
    after = sum(status.ledger.used for status in cramped.engine.lanes() if status.ledger)
    assert after - used == len(granted) == cramped.database.read(lambda c: c.execute(held).scalar())


def test_a_locked_database_is_a_reason_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that holds the file too long is exit 75, not a failure."""
    monkeypatch.setattr("warmup.store.database.BUSY_TIMEOUT_MS", 50)
    first, second = (Database(f"sqlite:///{tmp_path / 'warmup.db'}") for _ in range(2))
    create_or_upgrade(first, "simulated")

    def inside(connection: sa.Connection) -> None:
        with pytest.raises(TemporaryError) as failed:
            second.write(note("other"))
        assert failed.value.exit_code == 75

    first.write(inside)
    second.write(note("after"))
    assert rows(first) == 1
    first.close()
    second.close()


def test_a_server_that_went_away_is_found_again(postgres: Callable[[], str]) -> None:
    """After the server dropped our connections, one call fails and the next one works."""
    database, other = Database(postgres()), None
    create_or_upgrade(database, "simulated")
    house = furnish(database, SimulatedClock(START))
    house.submit("one@gmail.com")
    other = Database(database.url.render_as_string(hide_password=False))
    kill = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    other.write(lambda c: c.execute(kill).all())
    failures = 0
    for _ in range(4):
        try:
            house.release()
        except (StoreError, TemporaryError):
            failures += 1
    assert failures <= 2
    house.clock.advance(12 * HOUR)
    assert len(house.send()) == 1
    database.close()
    other.close()


# Several processes

WORKER = textwrap.dedent(
    """
    import sys
    from engine_house import START, furnish
    from warmup.errors import TemporaryError
    from warmup.store import Database
    from warmup.timing import HOUR, MINUTE, SimulatedClock

    url, node = sys.argv[1:]
    house = furnish(Database(url), SimulatedClock(START), node=node)
    sent = 0
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(24 * 6):
        try:
            sent += len(house.send(room=7))
        except TemporaryError:
            pass
        house.clock.advance(10 * MINUTE)
    print(sent, flush=True)
    """
)


def test_processes_share_one_cap(database: Database) -> None:
    """Three processes that release from one lane as fast as they can: together its cap, not one more."""
    house = furnish(database, SimulatedClock(START))
    house.submit(*[f"u{number}@gmail.com" for number in range(100)])
    url = database.url.render_as_string(hide_password=False)
    paths = str(Path(__file__).parents[1] / "engine")
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, url, f"node{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": paths, "PATH": "/usr/bin:/bin"},
        )
        for number in range(3)
    ]
    sent = []
    try:
        for worker in workers:
            assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        for worker in workers:
            out, _ = worker.communicate(timeout=120)
            sent.append(int(out))
            assert worker.returncode == 0
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    one = "SELECT used FROM windows w JOIN lanes l ON l.id = w.lane WHERE l.provider = 'google'"
    two = "SELECT count(DISTINCT ref) FROM reservations WHERE state = 'posted'"
    used, holders = (database.read(lambda c, q=q: c.execute(sa.text(q)).scalar()) for q in (one, two))
    assert (sum(sent), used, holders) == (30, 30, 30)


def test_a_wrong_address_is_said_so() -> None:
    """A database that is none is a mistake in the configuration, with its mend."""
    for url in ("", "nonsense", "mysql://host/name"):
        with pytest.raises(WarmupError) as failed:
            Database(url)
        assert failed.value.exit_code == 78


def test_a_password_is_not_shown() -> None:
    """Errors and logs name the database without its secret."""
    assert "secret" not in Database("postgresql://me:secret@127.0.0.1/none").label


def test_a_server_that_is_not_there() -> None:
    """A server that does not answer is a reason to come back later."""
    database = Database("postgresql://127.0.0.1:1/none?connect_timeout=2")
    with pytest.raises(TemporaryError):
        create_or_upgrade(database, "system")
