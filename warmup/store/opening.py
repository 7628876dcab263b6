"""Making, upgrading and checking a database before anything else touches it.

A fresh database is made from the tables as they are and stamped with the newest revision; an
older one is brought up by Alembic, one numbered step after the other. A test proves that both
ways end at the same schema. A database newer than the program is refused and left alone.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy import Connection

from warmup.errors import SchemaMismatch, StoreError
from warmup.store.database import Database
from warmup.store.schema import meta, metadata
from warmup.timing import ClockKind

__all__ = ["HEAD", "check", "create_or_upgrade", "get_meta", "revision", "set_meta"]

HEAD = "0004"
"""The newest migration this program knows."""

KNOWN = ("0001", "0002", "0003", "0004")


def get_meta(connection: Connection, key: str) -> str | None:
    """A fact about the database."""
    return connection.execute(sa.select(meta.c.value).where(meta.c.key == key)).scalar()


def set_meta(connection: Connection, key: str, value: str) -> None:
    """Remember a fact about the database."""
    updated = connection.execute(sa.update(meta).where(meta.c.key == key).values(value=value))
    if not updated.rowcount:
        connection.execute(sa.insert(meta).values(key=key, value=value))


def revision(connection: Connection) -> str | None:
    """The migration the database stands at; None where it is empty."""
    tables = sa.inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _create(connection: Connection, kind: ClockKind, label: str) -> None:
    theirs = sorted(set(sa.inspect(connection).get_table_names()) & set(metadata.tables))
    if theirs:
        raise SchemaMismatch.of(
            "database",
            f"{label} belongs to another program: it has a table {theirs[0]!r} that warmup did not make",
            "give warmup a database of its own",
        )
    metadata.create_all(connection)
    connection.execute(
        sa.text(
            "CREATE TABLE alembic_version "
            "(version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY)"
        )
    )
    connection.execute(sa.text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})
    set_meta(connection, "uuid", secrets.token_hex(16))
    set_meta(connection, "clock", kind)


def _upgrade(database: Database, connection: Connection) -> None:
    # Importing Alembic takes longer than most commands run: only an old database pays for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "warmup.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def create_or_upgrade(database: Database, kind: ClockKind) -> str:
    """Bring the database to the newest schema; what was done, in a word.

    Raises:
        SchemaMismatch: It is newer than this program, or belongs to another kind of clock.
    """
    path = database.path
    if path is not None and not path.exists():
        # It will hold everybody's mail: nobody else reads it. SQLite gives its log the same mode.
        try:
            path.touch(mode=0o600)
        except OSError as error:
            raise StoreError(
                f"database {database.label}: {error.strerror} (make its folder, and make it writable)"
            ) from error

    def job(connection: Connection) -> str:
        stands = revision(connection)
        if stands is None:
            _create(connection, kind, database.label)
            return "created"
        _refuse_newer(stands, database)
        if stands == HEAD:
            return "unchanged"
        _upgrade(database, connection)
        return "upgraded"

    done = database.write(job)
    check(database, kind)
    return done


def _refuse_newer(stands: str, database: Database) -> None:
    if stands not in KNOWN:
        raise SchemaMismatch.of(
            "database",
            f"{database.label} is at schema {stands}, newer than this program's {HEAD}",
            "upgrade warmup, or restore the backup made before the upgrade",
        )


def check(database: Database, kind: ClockKind | None) -> None:
    """Make sure that this program may use the database as it is.

    Args:
        database: The database.
        kind: Kind of clock that will be used; None where no clock is involved.

    Raises:
        SchemaMismatch: It has no schema, an older one, a newer one, or was made for another
            kind of clock.
    """

    def job(connection: Connection) -> tuple[str | None, str | None]:
        stands = revision(connection)
        return stands, get_meta(connection, "clock") if stands else None

    stands, made_for = database.read(job)
    if stands is None:
        raise SchemaMismatch.of("database", f"{database.label} has no tables yet", "run: warmup db upgrade")
    _refuse_newer(stands, database)
    if stands != HEAD:
        raise SchemaMismatch.of(
            "database",
            f"{database.label} is at schema {stands}, this program needs {HEAD}",
            "run: warmup db upgrade",
        )
    if kind is not None and made_for != kind:
        raise SchemaMismatch.of(
            "clock",
            f"{database.label} was made for a {made_for} clock and refuses a {kind} one",
            "use another database: days that never were would count as history",
        )
