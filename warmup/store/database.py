"""Connections, transactions and grouped commits.

One writer connection per process, many readers. ``write`` is safe to call from any thread:
callers queue their jobs, the first one in becomes the leader and runs everything that has
gathered meanwhile in one transaction, so that concurrent callers share one fsync. A job that
fails takes nobody along: the group is rolled back and its members run again one by one.
Jobs must therefore be functions of the connection alone and may run more than once.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit that returned survives a power cut.
Write transactions begin with ``BEGIN IMMEDIATE``: a deferred one that turns into a write is
refused at once when another process has written meanwhile, busy timeout or not.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from warmup.errors import ConfigError, StoreError, TemporaryError, WarmupError

__all__ = ["Database", "T"]

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5_000
GROUP_MAX = 256
"""Jobs in one transaction: bounds how long the first caller waits for the last one's work."""

RETRIES = 3
"""Times a transaction is run again after PostgreSQL resolved a deadlock or a serialization failure."""

WAL_BYTES_MAX = 64 * 1024 * 1024


class _Job(Generic[T]):
    __slots__ = ("done", "error", "function", "result")

    def __init__(self, function: Callable[[Connection], T]) -> None:
        self.function = function
        self.done = False
        self.result: T
        self.error: BaseException | None = None


def _translate(error: SQLAlchemyError, url: str) -> WarmupError:
    text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    if "locked" in text or "busy" in text:
        return TemporaryError(f"database {url}: {text} (another process holds it; try again)")
    if "full" in text:
        return StoreError(
            f"database {url}: {text} (free some space: nothing was lost and nothing is sent meanwhile)"
        )
    if "unable to open" in text or "readonly" in text:
        return StoreError(f"database {url}: {text} (see that its file and its folder are there and writable)")
    if "connection failed" in text or "could not connect" in text:
        return TemporaryError(f"database {url} does not answer: {text} (see that the server runs)")
    return StoreError(f"database {url}: {text}")


class Database:
    """A database and the one way to write to it."""

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
        except SQLAlchemyError as error:
            raise ConfigError.of(
                "database", f"{url!r} is not a database URL", "write sqlite:///warmup.db"
            ) from error
        if self.url.drivername == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        if self.url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ConfigError.of(
                "database",
                f"{self.url.get_backend_name()} is not a store warmup runs on",
                "use sqlite:///FILE or postgresql://HOST/NAME",
            )
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._lock = threading.Lock()
        self._queue: list[_Job[Any]] = []
        self._queue_lock = threading.Lock()
        try:
            self._engine = self._make_engine()
        except ModuleNotFoundError as error:
            raise ConfigError.of(
                "database", f"the driver {error.name} is not installed", "pip install 'ip-warmup[postgres]'"
            ) from error
        self._writer: Connection | None = None

    @property
    def label(self) -> str:
        """The URL as it may be shown: without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @property
    def dialect(self) -> sa.Dialect:
        """The dialect in use, for statements that are compiled ahead."""
        return self._engine.dialect

    def _make_engine(self) -> sa.Engine:
        if not self.is_sqlite:
            return sa.create_engine(self.url, pool_pre_ping=True, pool_size=8)
        engine = sa.create_engine(
            self.url,
            connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
            poolclass=sa.pool.QueuePool,
            pool_size=4,
        )

        @event.listens_for(engine, "connect")
        def _on_connect(connection: Any, _record: Any) -> None:
            # The driver must not begin transactions of its own: the listener below does.
            connection.isolation_level = None
            for pragma in (
                "journal_mode = WAL",
                "synchronous = FULL",
                "foreign_keys = ON",
                f"busy_timeout = {BUSY_TIMEOUT_MS}",
                f"journal_size_limit = {WAL_BYTES_MAX}",
                "cache_size = -65536",
            ):
                connection.execute(f"PRAGMA {pragma}").close()

        @event.listens_for(engine, "begin")
        def _on_begin(connection: Connection) -> None:
            immediate = connection.get_execution_options().get("writer", False)
            driver: Any = connection.connection.dbapi_connection
            statement = "BEGIN IMMEDIATE" if immediate else "BEGIN"
            try:
                driver.execute(statement).close()
            except sqlite3.Error as error:
                # Straight to the driver, for speed; errors leave as SQLAlchemy's all the same.
                raise DBAPIError.instance(
                    statement, None, error, sqlite3.Error, dialect=connection.dialect
                ) from error

        return engine

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise _translate(error, self.label) from error

    def read(self, job: Callable[[Connection], T]) -> T:
        """Run a job that only reads, in a transaction of its own."""
        with self._translated(), self._engine.connect() as connection, connection.begin():
            return job(connection)

    def session(self) -> Connection:
        """A connection of its own, for what lasts as long as a session does."""
        with self._translated():
            return self._engine.connect()

    def write(self, job: Callable[[Connection], T]) -> T:
        """Run a job in a write transaction and return once it is on disk.

        Raises:
            StoreError: It could not be written; nothing was. (Where PostgreSQL's connection was lost
                during the commit nobody can know: look before doing it again.)
            TemporaryError: Another process held the database for too long.
        """
        mine = _Job(job)
        with self._queue_lock:
            self._queue.append(mine)
        with self._lock:
            if not mine.done:
                with self._queue_lock:
                    group, self._queue = self._queue[:GROUP_MAX], self._queue[GROUP_MAX:]
                if mine not in group:  # more callers than a group holds came before
                    group.append(mine)
                    with self._queue_lock:
                        self._queue.remove(mine)
                self._run(group)
        if mine.error is not None:
            if isinstance(mine.error, SQLAlchemyError):
                raise _translate(mine.error, self.label) from mine.error
            raise mine.error
        return mine.result

    def _run(self, group: list[_Job[Any]]) -> None:
        try:
            results = self._transact(group)
        except BaseException as error:
            if not isinstance(error, Exception):
                # An interrupt belongs to the thread that leads; the others learn that nothing was written.
                for job in group:
                    job.error, job.done = StoreError("the commit was interrupted: nothing was written"), True
                raise
            if len(group) == 1:
                group[0].error, group[0].done = error, True
                return
            for job in group:
                self._run([job])
            return
        for job, result in zip(group, results, strict=True):
            job.result, job.done = result, True

    def _transact(self, group: list[_Job[Any]]) -> list[Any]:
        for last in range(RETRIES):
            connection = self._writer
            if connection is None or connection.closed:
                connection = self._writer = self._engine.connect().execution_options(writer=True)
            try:
                with connection.begin():
                    return [job.function(connection) for job in group]
            except DBAPIError as error:
                if error.connection_invalidated:
                    # The server may have committed before it was lost: running the jobs again
                    # could do everything twice. Whoever asked has to look.
                    self._drop_writer()
                    raise
                if last == RETRIES - 1 or not self._may_retry(error):
                    raise
        raise AssertionError("unreachable")

    @staticmethod
    def _may_retry(error: DBAPIError) -> bool:
        # 40001 serialization failure, 40P01 deadlock: PostgreSQL asks for the transaction again.
        # 23505 unique violation: two writers made the same first row; run again, the job finds it.
        return getattr(error.orig, "sqlstate", None) in ("40001", "40P01", "23505")

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            self._drop_writer()
            self._engine.dispose()
