"""Statements that run once for every delivery: written in Core, compiled once, run by the driver.

Core's execution path costs about a tenth of a millisecond a statement, which for one row is many
times what SQLite needs. So the hot statements are compiled when first used, one text a dialect, and
handed to the driver's own cursor inside the transaction that Core began. Values must be what the
driver takes as it is (integers, text, bytes, None, booleans); rows come back as plain tuples.
Errors leave as SQLAlchemy's, like everybody else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

__all__ = ["Hot"]


@attrs.frozen
class _Compiled:
    text: str
    order: tuple[str, ...] | None
    constants: Mapping[str, Any]

    def values(self, given: Mapping[str, Any]) -> Any:
        if self.order is None:
            return {**self.constants, **given} if self.constants else given
        constants = self.constants
        if not constants:
            return [given[name] for name in self.order]
        return [given[name] if name in given else constants[name] for name in self.order]


class Hot:
    """A statement for the driver.

    Args:
        statement: Built of Core; its parameters are named, none of them expands.
        columns: For an insert: the columns that get a value.
    """

    def __init__(self, statement: sa.Executable, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def _for(self, connection: Connection) -> _Compiled:
        name = connection.dialect.name
        found = self._compiled.get(name)
        if found is None:
            statement: Any = self._statement
            compiled = statement.compile(dialect=connection.dialect, column_keys=self._columns)
            order = compiled.positiontup if compiled.positional else None
            constants = {
                key: bind.value
                for key, bind in compiled.binds.items()
                if not bind.required and not (self._columns and key in self._columns)
            }
            found = _Compiled(str(compiled), None if order is None else tuple(order), constants)
            self._compiled[name] = found
        return found

    def _run(self, connection: Connection, values: Any, *, many: bool) -> Any:
        compiled = self._for(connection)
        driver: Any = connection.connection.dbapi_connection
        cursor = driver.cursor()
        try:
            if many:
                rows = values if type(values[0]) is tuple else [compiled.values(row) for row in values]
                cursor.executemany(compiled.text, rows)
            else:
                cursor.execute(compiled.text, compiled.values(values))
        except Exception as error:
            base: Any = getattr(connection.dialect, "dbapi").Error  # noqa: B009 - untyped in the library
            if isinstance(error, base):
                raise DBAPIError.instance(
                    compiled.text, None, error, base, dialect=connection.dialect
                ) from error
            raise
        return cursor

    def rows(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """Every row of a query."""
        rows: list[tuple[Any, ...]] = self._run(connection, values, many=False).fetchall()
        return rows

    def value(self, connection: Connection, **values: Any) -> Any:
        """The first column of the first row; None where there is none."""
        row = self._run(connection, values, many=False).fetchone()
        return None if row is None else row[0]

    def count(self, connection: Connection, **values: Any) -> int:
        """How many rows a change touched."""
        return int(self._run(connection, values, many=False).rowcount)

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows whose values stand in the order of ``columns``: nothing is looked up by name."""
        columns = self._columns
        assert columns is not None, "only an insert has columns"
        if self._for(connection).order == tuple(columns):
            self._run(connection, rows, many=True)
        else:
            self.many(connection, [dict(zip(columns, row, strict=True)) for row in rows])

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a change for each of these rows."""
        if len(rows) == 1:
            self._run(connection, rows[0], many=False)
        elif rows:
            self._run(connection, rows, many=True)
