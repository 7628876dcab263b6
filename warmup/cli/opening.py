"""From ``--config`` to a :class:`warmup.app.Warmup` that can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warmup.app import Warmup
    from warmup.config import Config
    from warmup.store import Database
    from warmup.timing import Clock

__all__ = ["load_config", "must_exist", "opened"]


def load_config(path: Path | None) -> Config:
    """Read the configuration that is named, or the one that is found."""
    from warmup.config import Config, find_config

    return Config.from_file(find_config(path))


def must_exist(database: Database) -> None:
    """Refuse a database file that is not there: opening it would leave an empty one behind.

    Raises:
        SchemaMismatch: It is not there.
    """
    from warmup.errors import SchemaMismatch

    if database.path is not None and not database.path.exists():
        raise SchemaMismatch.of("database", f"{database.path} is not there", "run: warmup db upgrade")


def _hurried(config: Config, database: Database, speed: int) -> Clock:
    """A scaled clock of another speed than the configuration says; it goes on where the database was left."""
    from warmup.store.census import where_it_stands
    from warmup.timing import ScaledClock, SystemClock

    start = config.clock.start if config.clock.start is not None else SystemClock().now()
    return ScaledClock(max(start, database.read(where_it_stands)), speed)


@contextmanager
def opened(path: Path | None, *, speed: int | None = None) -> Iterator[Warmup]:
    """Open the engine of a configuration, on a database that is there and fits.

    Args:
        path: The configuration; None: the one that is found.
        speed: Live on a scaled clock of this speed, whatever the configuration says.

    Raises:
        ConfigError: The configuration is wrong, or the database has no tables, other ones, or
            belongs to another kind of clock.
        StoreError, TemporaryError: The database cannot be used.
    """
    from warmup.app import Warmup
    from warmup.store import Database

    config = load_config(path)
    database = Database(config.database)
    must_exist(database)
    try:
        clock = None if speed is None else _hurried(config, database, speed)
    finally:
        database.close()
    with Warmup(config, clock=clock) as wm:
        _ = wm.engine  # checks the schema, so that every command says the same of a wrong one
        yield wm
