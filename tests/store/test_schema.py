"""Making, upgrading and refusing a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from warmup.errors import SchemaMismatch
from warmup.store import HEAD, Database, check, create_or_upgrade, get_meta, opening, revision, set_meta
from warmup.store.schema import metadata


@pytest.fixture
def database(database_url: str) -> Any:
    database = Database(database_url)
    yield database
    database.close()


def _alembic(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "warmup.store:migrations")
    config.attributes["connection"] = connection
    return config


def _migrate(database: Database) -> None:
    database.write(lambda connection: command.upgrade(_alembic(connection), "head"))


def _shape(database: Database) -> dict[str, Any]:
    """Tables, columns, keys, indexes and checks, as the database itself tells of them."""

    def job(connection: sa.Connection) -> dict[str, Any]:
        look = sa.inspect(connection)
        found: dict[str, Any] = {}
        for table in look.get_table_names():
            if table == "alembic_version":
                continue
            found[table] = {
                "columns": [
                    (one["name"], str(one["type"]), one["nullable"], str(one["default"]))
                    for one in look.get_columns(table)
                ],
                "key": sorted(look.get_pk_constraint(table)["constrained_columns"]),
                "foreign": sorted(
                    (one["constrained_columns"], one["referred_table"], one["options"].get("ondelete"))
                    for one in look.get_foreign_keys(table)
                ),
                "unique": sorted(one["column_names"] for one in look.get_unique_constraints(table)),
                "checks": sorted(one["sqltext"] for one in look.get_check_constraints(table)),
                "indexes": sorted(
                    (one["name"], tuple(one["column_names"]), bool(one["unique"]), _where(one))
                    for one in look.get_indexes(table)
                ),
            }
        return found

    return database.read(job)


def _where(index: Any) -> str:
    options = index.get("dialect_options", {})
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))


def test_a_migrated_database_is_a_fresh_one(
    database: Database, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Whoever upgraded step by step has the same tables as whoever began today."""
    create_or_upgrade(database, "system")
    url = f"sqlite:///{tmp_path / 'old.db'}" if database.is_sqlite else request.getfixturevalue("postgres")()
    migrated = Database(url)
    try:
        _migrate(migrated)
        assert migrated.read(revision) == HEAD
        assert _shape(migrated) == _shape(database)
        assert migrated.read(_differences) == []
        if database.is_sqlite:
            without = sa.text("SELECT count(*) FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'")
            counts = [one.read(lambda c: c.execute(without).scalar()) for one in (migrated, database)]
            assert counts[0] == counts[1] and counts[0]
    finally:
        migrated.close()


def _differences(connection: sa.Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def test_the_program_knows_its_own_migrations() -> None:
    """The newest step on disk is the one that fresh databases are stamped with."""
    script = ScriptDirectory.from_config(_alembic())
    assert script.get_current_head() == HEAD
    assert {step.revision for step in script.walk_revisions()} == set(opening.KNOWN)


def test_making_twice_changes_nothing(database: Database) -> None:
    """A database is made once; its identity stays."""
    assert create_or_upgrade(database, "system") == "created"
    uuid = database.read(lambda c: get_meta(c, "uuid"))
    assert create_or_upgrade(database, "system") == "unchanged"
    assert database.read(lambda c: get_meta(c, "uuid")) == uuid
    check(database, "system")


def test_a_newer_database_is_refused_untouched(database: Database) -> None:
    """A program that is older than its database changes nothing in it: exit code 78."""
    create_or_upgrade(database, "system")
    database.write(lambda c: c.execute(sa.text("UPDATE alembic_version SET version_num = '0999'")))
    before = _content(database)
    for attempt in (lambda: create_or_upgrade(database, "system"), lambda: check(database, None)):
        with pytest.raises(SchemaMismatch, match=r"0999.*newer") as refused:
            attempt()
        assert refused.value.exit_code == 78
    assert _content(database) == before


def _content(database: Database) -> Any:
    def job(connection: sa.Connection) -> Any:
        tables = sorted(sa.inspect(connection).get_table_names())
        return {
            table: sorted(map(tuple, connection.execute(sa.text(f'SELECT * FROM "{table}"'))))
            for table in tables
        }

    return database.read(job)


@pytest.mark.parametrize("kind", ["scaled", "simulated"])
def test_another_kind_of_clock_is_refused(database: Database, kind: Any) -> None:
    """Days that never were do not become history: a database keeps the clock it was made for."""
    create_or_upgrade(database, "system")
    with pytest.raises(SchemaMismatch, match=rf"made for a system clock and refuses a {kind} one"):
        create_or_upgrade(database, kind)
    with pytest.raises(SchemaMismatch, match="clock"):
        check(database, kind)


def test_an_empty_database_is_not_used(database: Database) -> None:
    """Looking at a database without tables makes none, and says how to."""
    with pytest.raises(SchemaMismatch, match="warmup db upgrade"):
        check(database, "system")
    assert database.read(revision) is None


def test_facts_are_written_over(database: Database) -> None:
    """A fact about the database has one value: the last."""
    create_or_upgrade(database, "system")
    for value in ("a", "b"):
        database.write(lambda c, value=value: set_meta(c, "fact", value))
        assert database.read(lambda c: get_meta(c, "fact")) == value
    assert database.read(lambda c: get_meta(c, "other")) is None
