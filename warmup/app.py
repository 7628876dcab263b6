"""The public face: configuration, database, engine and delivery put together."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from warmup.config import Config
from warmup.content.wire import prepare
from warmup.engine import Asked, Context, Engine, Story
from warmup.engine.admit import attempt_of
from warmup.engine.record import judge
from warmup.engine.transfer import Imported
from warmup.errors import StoreError, TemporaryError, UsageError
from warmup.model import (
    Attempt,
    Decision,
    Grant,
    LaneKey,
    LaneLimits,
    Reply,
    Report,
    ReportKind,
    Stage,
    Stream,
    Submission,
    Taken,
    Verdict,
)
from warmup.plan.calendar import local_date
from warmup.providers import Classifier, Directory
from warmup.store import Database, ForeignDatabase, Node, Witness, check, create_or_upgrade, machine_id
from warmup.store.census import where_it_stands
from warmup.timing import Chance, Clock, Instant, from_datetime

if TYPE_CHECKING:
    from warmup.contracts import Resolver, Transport

__all__ = ["Content", "Warmup"]

LOOKED_AHEAD = timedelta(days=3 * 365)
"""How far what is expected is laid out when the engine is made: longer than a daemon runs."""

Content: TypeAlias = "bytes | bytearray | memoryview | Message[Any, Any]"
OnSettled: TypeAlias = Callable[[Grant, Attempt], None]


class Warmup:
    """An engine with everything around it. Safe to use from any thread, but for the coroutines.

    Args:
        config: What to do and how.
        clock: Whose time to live in; made from the configuration unless given. A scaled clock that the
            configuration makes goes on from the last instant the database knows, so that days which
            were lived once are not lived again after a restart.
        transport: How mail leaves; made from the configuration unless given.
        resolver: Where mail goes; made from the configuration unless given.

    Raises:
        ConfigError: The database has another schema, or was made for another kind of clock.
        StoreError, TemporaryError: The database cannot be used.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock | None = None,
        transport: Transport | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.config = config
        self.database = Database(config.database)
        self.clock: Clock = clock if clock is not None else config.clock.make(self._seen_at())
        self._transport = transport
        self._resolver = resolver
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._witnessed = False

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Warmup:
        """Read a configuration file.

        Raises:
            ConfigError: Something in it is wrong; every mistake is listed with its place.
        """
        return cls(Config.from_file(Path(path)))

    def _seen_at(self) -> Instant:
        path = self.database.path
        if self.config.clock.kind == "system" or (path is not None and not path.exists()):
            return 0
        return self.database.read(where_it_stands)

    def upgrade(self) -> str:
        """Make the database, or bring it to this program's schema; what was done, in a word."""
        return create_or_upgrade(self.database, self.clock.kind)

    @property
    def engine(self) -> Engine:
        """The engine, made when first asked for. A database without tables is refused."""
        with self._lock, self.clock.busy():
            if self._engine is None:
                check(self.database, self.clock.kind)
                self._engine = Engine(self._context())
            return self._engine

    def _context(self) -> Context:
        config = self.config
        directory = Directory.default().extended(config.providers)
        return Context(
            database=self.database,
            clock=self.clock,
            plan=config.plan,
            ramp=config.ramp,
            growth=config.growth,
            steadiness=config.steadiness,
            demand=config.expects(local_date(config.plan.zone, self.clock.now()) + LOOKED_AHEAD),
            sources={source.address: source for source in config.sources},
            declarations=config.declarations,
            streams=config.streams,
            retry=config.retry,
            directory=directory,
            classifier=Classifier.default().extended(config.replies, directory=directory),
            chance=Chance(config.seed),
            node=config.node,
        )

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Warmup:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Mail in

    def submit(
        self,
        message: Content,
        *,
        sender: str | None = None,
        recipients: Sequence[str] | None = None,
        stream: str = "default",
        key: str | None = None,
        engagement: int = 0,
        deadline: Instant | datetime | None = None,
    ) -> tuple[int, ...]:
        """Queue a message; on disk when it returns.

        Args:
            message: Bytes, or an object of :mod:`email.message`.
            sender: Reverse-path; ``""`` for the null path; None: from the message's Sender or From.
            recipients: Forward-paths; None: from the message's To, Cc and Bcc.
            stream: Class of mail.
            key: The same key again gives the same ids and queues nothing.
            engagement: 0 to 100; the most engaged go first while a lane is ramping.
            deadline: When it becomes worthless: a datetime with a zone, or microseconds UTC; None: the
                stream's.

        Returns:
            Ids of the deliveries, one a recipient.

        Raises:
            DataError: The message or an address cannot be taken; every problem is listed.
            UsageError: No such stream, or a value out of range.
            StoreError, TemporaryError: It could not be written; nothing was queued.
        """
        submission = self.prepared(
            message,
            sender=sender,
            recipients=recipients,
            stream=stream,
            key=key,
            engagement=engagement,
            deadline=deadline,
        )
        return self.engine.submit([submission])[0]

    def prepared(
        self,
        message: Content,
        *,
        sender: str | None = None,
        recipients: Sequence[str] | None = None,
        stream: str = "default",
        key: str | None = None,
        engagement: int = 0,
        deadline: Instant | datetime | None = None,
    ) -> Submission:
        """Check a message without queueing it; give many of them to :meth:`submit_many`."""
        policy = self._stream(stream)
        now = self.clock.now()
        if isinstance(deadline, datetime):
            try:
                deadline = from_datetime(deadline)
            except ValueError as error:
                raise UsageError.of("deadline", str(error)) from None
        envelope = prepare(
            message,
            sender=sender,
            recipients=recipients,
            now=now,
            # Unique without a counter: a Message-ID must differ between processes, too.
            unique=f"{now:x}.{os.urandom(8).hex()}",
            hostname=self.config.sources[0].ehlo,
            long_lines=policy.long_lines,
        )
        return Submission(envelope=envelope, stream=stream, key=key, engagement=engagement, deadline=deadline)

    def submit_many(self, submissions: Iterable[Submission]) -> list[tuple[int, ...]]:
        """Queue checked messages in one transaction; ids message by message, in order."""
        return self.engine.submit(list(submissions))

    def _stream(self, name: str) -> Stream:
        found = self.config.streams.get(name)
        if found is None:
            known = ", ".join(sorted(self.config.streams))
            raise UsageError.of("stream", f"there is no stream {name!r}", f"use one of: {known}")
        return found

    # Mail out

    async def run(
        self,
        *,
        until_empty: bool = False,
        once: bool = False,
        stop: asyncio.Event | None = None,
        on_settled: OnSettled | None = None,
        after_restore: bool = False,
    ) -> None:
        """Release and deliver, until ``stop`` is set.

        Args:
            until_empty: Stop when nothing waits any more.
            once: Stop when everything that may go now has been tried.
            stop: Set it to stop in order.
            on_settled: Told of every attempt.
            after_restore: An operator has said that a restored database may be used.

        Raises:
            TemporaryError: Another daemon holds this node's name, or the database does not match
                its witness.
            StoreError: What happened could not be written down; nothing more was sent.
        """
        from warmup.daemon.worker import Worker
        from warmup.delivery.courier import Courier
        from warmup.delivery.network import make_network

        engine = self.engine
        with self.clock.busy():  # starting takes no time, so that a fast clock loses none to it
            node = Node(self.database, self.config.node)
        try:
            with self.clock.busy():
                witness = self._witness()
                engine.context.incarnation = witness.begin(accept=after_restore)
            self._witnessed = True
            transport, resolver = make_network(self.config.delivery, self.clock, self._limits)
            courier = Courier(
                engine,
                self._transport or transport,
                self._resolver or resolver,
                limits=self._limits,
                connections=self.config.delivery.connections,
                on_settled=on_settled,
            )
            try:
                worker = Worker(engine, courier, witness)
                try:
                    await worker.run(stop or asyncio.Event(), until_empty=until_empty, once=once)
                except ForeignDatabase:
                    raise
                except TemporaryError as error:
                    # Before the start that is a refusal; in mid-run it is a store that failed.
                    raise StoreError(str(error)) from error
            finally:
                courier.close()
        finally:
            node.release()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Warmup]:
        """Run in the background for the life of an ``async with`` block.

        Raises:
            TemporaryError, StoreError: As :meth:`run`; the block is cancelled then, so that nobody
                goes on in the belief that mail is being sent.
        """
        stop = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.run(stop=stop))
                try:
                    yield self
                finally:
                    stop.set()
        except BaseExceptionGroup as failed:
            if len(failed.exceptions) == 1:
                raise failed.exceptions[0] from None
            raise

    def accept_restore(self) -> str:
        """Say that this database is to be used as it is, though it was restored or copied."""
        check(self.database, self.clock.kind)
        node = Node(self.database, self.config.node)
        try:
            incarnation = self._witness().begin(accept=True)
        finally:
            node.release()
        self.engine.note("the database was accepted as it stands, though restored or copied")
        return incarnation

    def _witness(self) -> Witness:
        return Witness(self.database, self.config.state_dir, machine_id(), self.config.node)

    def _limits(self, lane: LaneKey) -> LaneLimits:
        return self.engine.context.limits(lane)

    # Relays that keep their own queue

    def admit(
        self,
        *,
        id: str,
        recipient: str,
        sender: str = "",
        stream: str = "default",
        attempt: int = 1,
        mx: Sequence[str] = (),
    ) -> Decision:
        """Ask whether a message of a relay's own queue may go now, and from which source.

        Blocks on a commit: call it in a thread from asynchronous code. See
        :func:`warmup.engine.admit.admit`.
        """
        self._see_witness()
        return self.engine.admit(
            Asked(id=id, recipient=recipient, sender=sender, stream=stream, attempt=attempt, mx=mx)
        )

    def _see_witness(self) -> None:
        """See once that the database is the one it was, unless a run in this process has."""
        if not self._witnessed:
            complaint = self._witness().complaint()
            if complaint is not None:
                raise ForeignDatabase(
                    f"nothing is granted from {self.database.label}: {complaint} "
                    "(check what was sent, then run: warmup resume --after-restore)"
                )
            self._witnessed = True

    def record(
        self, decision: Decision, reply: tuple[int, str] | Reply | None, *, stage: Stage | None = None
    ) -> Verdict:
        """Say how the conversation of a grant ended.

        Args:
            decision: The grant, as it was given.
            reply: The last reply; None: the connection was lost, or never came about.
            stage: The command it answered, or that was not answered. Unless given: the final dot for a
                success, else RCPT. Say ``Stage.CONNECT`` or another before MAIL where it ended there,
                or the unit stays spent; say ``Stage.DOT`` where the connection was lost after the
                final dot went out: nobody knows its outcome.

        Returns:
            What it means for the message: accepted, rejected, deferred (try again, not before
            ``retry_after``), or unknown. It is kinder than the reply's first digit where a refusal is
            about the source and not about the message.

        Raises:
            UsageError: The decision was no grant.
            StoreError: It could not be written down; record it again.
        """
        if not isinstance(decision, Grant):
            raise UsageError.of("decision", "only a grant has an outcome", "ask again after its wait")
        attempt = attempt_of(reply, stage, self.clock.now())
        self.engine.settle(decision, attempt)
        return judge(self.engine.context.classifier, decision.lane.provider, attempt)

    # What others say of our mail

    def report(
        self,
        kind: ReportKind | str,
        *,
        id: str,
        delivery: int | None = None,
        lane: LaneKey | str | None = None,
        at: Instant | datetime | None = None,
        count: int = 1,
    ) -> Taken:
        """Count a complaint, a late bounce, or the folder in which a copy lay.

        Args:
            kind: ``complaint``, ``not_spam`` (it takes a complaint back), ``bounce``, ``inbox`` or ``spam``.
            id: The reporter's own name of the event: what is reported twice counts once.
            delivery: The delivery it is about; it counts where that was accepted, however late it comes.
            lane: Else the lane, ``ADDRESS:PROVIDER``.
            at: When its mail was sent: a datetime with a zone, or microseconds UTC; None: now.
            count: How many of the kind there were, 1 to 1,000,000.

        Returns:
            Whether it was counted, known before, or about mail that nobody remembers.

        Raises:
            UsageError: It is about nobody, or a value is out of range.
        """
        try:
            kind = ReportKind(kind)
            lane = LaneKey.parse(lane) if isinstance(lane, str) else lane
            at = from_datetime(at) if isinstance(at, datetime) else at
        except ValueError as error:
            raise UsageError(str(error)) from None
        when = self.clock.now() if at is None else at
        report = Report(id=id, kind=kind, occurred_at=when, delivery=delivery, lane=lane, count=count)
        return self.engine.ingest([report])[0]

    # Moving

    def export_state(self, ips: Sequence[str] = (), *, journal: bool = False) -> dict[str, Any]:
        """What lanes have earned, as JSON values: the file of ``warmup state export``.

        Args:
            ips: Addresses whose lanes are wanted; empty: all.
            journal: Whether their stories go along.

        Raises:
            UsageError: There is no lane of one of the addresses.
        """
        return self.engine.export_state(ips, journal=journal)

    def import_state(
        self,
        state: object,
        *,
        renamed: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
        ips: Sequence[str] = (),
        replace: bool = False,
        dry_run: bool = False,
    ) -> list[Imported]:
        """Take in what was exported, all of it or nothing.

        Args:
            state: The JSON values of the file.
            renamed: New addresses by old ones.
            without: Providers whose lanes are left out.
            ips: Addresses of the file whose lanes are taken; empty: all.
            replace: Whether lanes that have sent mail here give their standing up for the file's.
            dry_run: Say what would be done, and change nothing.

        Raises:
            DataError: It is no such file, or of an unknown version; every problem is listed.
            UsageError: It does not fit this plan or database.
        """
        return self.engine.import_state(
            state, renamed=renamed, without=without, sources=ips, replace=replace, dry_run=dry_run
        )

    # Looking

    def explain(self, what: int | str | LaneKey) -> Story:
        """Tell the story of a delivery (by its id), a lane (``ADDRESS:PROVIDER``) or an address.

        Raises:
            UsageError: There is no such delivery, lane or address.
        """
        if isinstance(what, str) and what.isdecimal():
            what = int(what)
        if isinstance(what, int):
            return self.engine.explain_delivery(what)
        if isinstance(what, str):
            if what in self.engine.context.sources:
                return self.engine.explain_source(what)
            named = what
            try:
                what = LaneKey.parse(named)
            except ValueError as error:
                if ":" in named:
                    raise UsageError(str(error)) from None
                wrong = "is no delivery, no address of the plan and no lane"
                mend = "give a delivery's id, an address, or ADDRESS:PROVIDER"
                raise UsageError.of(f"{named:.80}", wrong, mend) from None
        return self.engine.explain_lane(what)
