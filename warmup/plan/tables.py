"""Curves that are tables: rows of caps, your own or a vendor's, followed as they are.

Vendors' figures lie in ``data/published.json``; :mod:`warmup.plan.published` makes tables of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import attrs

from warmup.errors import DataError, PlanError, Problem
from warmup.plan.formulas import STEP_MAX
from warmup.plan.mix import seats

__all__ = [
    "FILE_MAX_BYTES",
    "ProviderTable",
    "RelativeProviderTable",
    "RelativeTable",
    "Table",
    "faults",
    "read_table",
]

FILE_MAX_BYTES = 1 << 20
FIGURE_MAX = 10**9


def _figure(row: Sequence[int], step: int) -> int:
    """The figure of a step; after the end of the table its last one holds."""
    return row[min(step, len(row)) - 1]


@attrs.frozen
class Table:
    """A row of absolute daily caps, of hourly ones, or of both.

    Attributes:
        name: Its name: a vendor's, or ``table:FILE``.
        daily: Deliveries a day by step; empty where only hours are given: a day is then 24 of them.
        hours: Deliveries in any one hour by step; empty where the table does not say.
        hours_from: The step at which ``hours`` begins; before it no hour is limited.
    """

    relative: ClassVar[bool] = False

    name: str
    daily: tuple[int, ...]
    hours: tuple[int, ...] = ()
    hours_from: int = 1

    def cap(self, step: int, share: int) -> int:
        return min(share, _figure(self.daily, step) if self.daily else 24 * _figure(self.hours, step))

    def hourly(self, step: int, share: int) -> int | None:
        if not self.hours or step < self.hours_from:
            return None
        return min(share, _figure(self.hours, step - self.hours_from + 1))


@attrs.frozen
class ProviderTable:
    """A table with a row for each of some providers, and one that everybody else shares.

    Attributes:
        name: Its name.
        rows: (provider id, daily caps by step); ``other`` is everybody without a row.
    """

    relative: ClassVar[bool] = False

    name: str
    rows: tuple[tuple[str, tuple[int, ...]], ...]

    def cap(self, step: int, share: int) -> int:
        return min(share, sum(_figure(row, step) for _, row in self.rows))

    def hourly(self, step: int, share: int) -> int | None:
        return None

    def lanes(self, step: int, parts: Mapping[str, int]) -> dict[str, int]:
        """Caps of a source's lanes, none above the part of the share that is its own.

        Args:
            step: From 1.
            parts: What each provider of the plan gets of the source's share.
        """
        rows = dict(self.rows)
        rest = [provider for provider in parts if provider not in rows or provider == "other"]
        shared = seats(_figure(rows["other"], step), [parts[provider] for provider in rest])
        caps = dict(zip(rest, shared, strict=True))
        return {
            provider: min(part, caps[provider] if provider in caps else _figure(rows[provider], step))
            for provider, part in parts.items()
        }


PARTS = 1_000
"""Relative tables are published in per cent and tenths of it: thousandths hold both."""


@attrs.frozen
class RelativeTable:
    """A row of thousandths of the share.

    Attributes:
        name: Its name.
        permille: Thousandths of the share by step, 0 to 1,000.
    """

    relative: ClassVar[bool] = True

    name: str
    permille: tuple[int, ...]

    def cap(self, step: int, share: int) -> int:
        """max(1, floor(share x thousandths / 1,000))."""
        return min(share, max(1, share * _figure(self.permille, step) // PARTS))

    def hourly(self, step: int, share: int) -> int | None:
        return None


@attrs.frozen
class RelativeProviderTable:
    """A row of thousandths for each of some providers, and one that each of the others follows.

    Attributes:
        name: Its name.
        rows: (provider id, thousandths of the provider's part of the share by step); ``other`` is
            the row of everybody without one.
    """

    relative: ClassVar[bool] = True

    name: str
    rows: tuple[tuple[str, tuple[int, ...]], ...]

    def cap(self, step: int, share: int) -> int:
        """What a source could send if all its mail went to the provider with the fastest row."""
        return min(share, share * max(_figure(row, step) for _, row in self.rows) // PARTS)

    def hourly(self, step: int, share: int) -> int | None:
        return None

    def lanes(self, step: int, parts: Mapping[str, int]) -> dict[str, int]:
        """Caps of a source's lanes: each provider's thousandths of its own part, rounded down.

        Args:
            step: From 1.
            parts: What each provider of the plan gets of the source's share.
        """
        rows = dict(self.rows)
        return {
            provider: part * _figure(rows.get(provider, rows["other"]), step) // PARTS
            for provider, part in parts.items()
        }


def read_table(path: Path, name: str) -> Table:
    """Read a file of daily caps.

    Plain text or CSV: a cap a line, or ``day,cap`` or ``day,cap,hourly``, with or without a heading;
    days that are left out keep the cap before them. JSON: a list of caps, or an object with
    ``caps`` and, if wanted, ``hourly``. ``#`` starts a comment.

    Args:
        path: The file, at most 1 MiB.
        name: The name the curve shall have.

    Raises:
        PlanError: The file cannot be read.
        DataError: It holds something else, or a curve that falls.
    """
    field = f"curve {path}"
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise PlanError.of(
            field, f"cannot be read: {error.strerror or error}", "check the name of the file"
        ) from None
    if len(raw) > FILE_MAX_BYTES:
        raise DataError.of(field, "is larger than 1 MiB", "give one cap for each day, no more")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError.of(field, "is not UTF-8 text", "save it as UTF-8") from None
    json_like = text.lstrip()[:1] in {"[", "{"}
    daily, hours = _from_json(field, text) if json_like else _from_lines(field, text)
    problems = faults(field, "cap", daily) + faults(field, "hourly limit", hours)
    if not daily:
        problems.append(Problem(field, "holds no cap", "write one cap for each day"))
    elif hours and len(hours) != len(daily):
        problems.append(
            Problem(
                field,
                f"has {len(daily)} caps and {len(hours)} hourly limits",
                "give one of each for every day",
            )
        )
    if problems:
        raise DataError(problems=problems[:20])
    return Table(name, tuple(daily), tuple(hours))


def _from_json(field: str, text: str) -> tuple[list[int], list[int]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError.of(field, f"is not JSON: {error}", "write [50, 100, 200]") from None
    caps, hours = (data.get("caps"), data.get("hourly", [])) if isinstance(data, dict) else (data, [])
    if isinstance(data, dict) and (extra := sorted(set(data) - {"caps", "hourly"})):
        raise DataError.of(field, f"has the unknown key {extra[0]!r}", "use caps and hourly")

    def whole(row: object) -> list[int]:
        if not isinstance(row, list) or any(type(figure) is not int for figure in row):
            raise DataError.of(
                field, "is not a list of whole numbers", 'write [50, 100] or {"caps": [50, 100]}'
            )
        return row

    return whole(caps), whole(hours)


def _from_lines(field: str, text: str) -> tuple[list[int], list[int]]:
    daily: list[int] = []
    hours: list[int] = []
    width = 0
    for number, line in enumerate(text.splitlines(), 1):
        cells = re.split(r"[,;\t]", line.partition("#")[0].strip())
        cells = [cell.strip().strip('"').strip() for cell in cells]
        if cells == [""]:
            continue
        where = f"line {number}"
        if not width and not cells[0][:1].isdigit() and not cells[0].startswith("-"):
            width = len(cells)
            continue  # a heading
        width = width or len(cells)
        if len(cells) != width or width > 3:
            raise DataError.of(
                field, f"{where} has {len(cells)} columns", "write day,cap or day,cap,hourly on each line"
            )
        try:
            figures = [int(cell) for cell in cells]
        except ValueError:
            raise DataError.of(
                field, f"{where} holds {line.strip()[:40]!r}", "use whole numbers without separators or units"
            ) from None
        if width > 1:
            day = figures.pop(0)
            if day <= len(daily) or (not daily and day != 1) or day > STEP_MAX:
                raise DataError.of(
                    field, f"{where} is day {day}", f"start with day 1 and count up, to {STEP_MAX} at most"
                )
            daily += daily[-1:] * (day - 1 - len(daily))
            hours += hours[-1:] * (day - 1 - len(hours))
        daily.append(figures[0])
        hours.extend(figures[1:])
    return daily, hours


def faults(field: str, what: str, row: Sequence[int]) -> list[Problem]:
    """What is wrong with a row of figures: out of range, falling, too long, or nothing at all."""
    problems = []
    if len(row) > STEP_MAX:
        problems.append(Problem(field, f"has {len(row)} days", f"give at most {STEP_MAX}"))
    for day, figure in enumerate(row, 1):
        if not 0 <= figure <= FIGURE_MAX:
            problems.append(
                Problem(
                    field,
                    f"day {day} has the {what} {figure}",
                    f"use a whole number from 0 to {FIGURE_MAX:,}",
                )
            )
        elif day > 1 and figure < row[day - 2]:
            before = row[day - 2]
            problems.append(
                Problem(
                    field,
                    f"the {what} falls from {before} to {figure} on day {day}",
                    f"write {before} or more on day {day}: a curve never falls",
                )
            )
    if row and not any(row):
        problems.append(Problem(field, f"every {what} is 0", "give at least one day something to send"))
    return problems
