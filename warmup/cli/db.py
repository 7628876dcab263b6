"""``warmup db``: make, upgrade, look at and check the database."""

from __future__ import annotations

from pathlib import Path

import click

from warmup.cli.options import config_option, format_option

__all__ = ["db"]

BROKEN = 70
"""Exit code of a check that found something: a bug of ours, or a damaged file."""


@click.group()
def db() -> None:
    """Make, upgrade, look at and check the database."""


@db.command()
@config_option
@format_option()
def upgrade(config: Path | None, format: str) -> None:
    """Make the database, or bring it to this program's schema.

    Stop the daemon and make a backup first. A database that is newer than the program is left alone.
    """
    from warmup.app import Warmup
    from warmup.cli.opening import load_config
    from warmup.cli.output import emit
    from warmup.store import HEAD

    with Warmup(load_config(config)) as wm:
        done = wm.upgrade()
        emit({"database": wm.database.label, "done": done, "schema": HEAD}, format)


@db.command()
@config_option
@format_option()
def info(config: Path | None, format: str) -> None:
    """Show where the database is, its schema, and how much it holds."""
    from warmup.cli.opening import load_config, must_exist
    from warmup.cli.output import emit
    from warmup.cli.words import iso
    from warmup.store import HEAD, Database
    from warmup.store.census import census

    database = Database(load_config(config).database)
    must_exist(database)
    try:
        found = database.read(lambda connection: census(connection, (HEAD,)))
        facts = {
            "database": database.label,
            "server": found.server,
            "schema": found.schema,
            "newest_schema": HEAD,
            "clock": found.clock,
            "uuid": found.uuid,
            "nodes": list(found.nodes) if format == "json" else ", ".join(found.nodes) or None,
            "messages": found.messages,
            "deliveries": found.deliveries,
            "attempts": found.attempts,
            "windows": found.windows,
            "units_used": found.units,
            "last_seen": iso(found.seen_at or None),
        }
        if database.path is not None:
            facts["size_bytes"] = sum(
                file.stat().st_size
                for suffix in ("", "-wal")
                if (file := database.path.with_name(database.path.name + suffix)).exists()
            )
    finally:
        database.close()
    emit(facts, format)


@db.command()
@config_option
@format_option()
def check(config: Path | None, format: str) -> int:
    """Check what must be true of the database at every moment; nothing is changed.

    Exits with 70 where something is not: report it, and restore a backup if the file is damaged.
    """
    from warmup.cli.opening import load_config, must_exist
    from warmup.cli.output import emit
    from warmup.cli.words import complain, say
    from warmup.store import Database
    from warmup.store import check as check_schema
    from warmup.store.audit import audit

    database = Database(load_config(config).database)
    must_exist(database)
    try:
        check_schema(database, None)
        found = database.read(audit)
    finally:
        database.close()
    if format == "json":
        emit({"database": database.label, "sound": not found, "found": found}, "json")
    elif not found:
        say(f"{database.label} is sound")
    for sentence in found if format == "table" else ():
        complain(sentence)
    return BROKEN if found else 0
