"""A past from a file: CSV with the columns ``date``, ``provider`` and ``accepted``."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from warmup.cli.lines import lines_of, opened
from warmup.errors import DataError, Problem

__all__ = ["read_past"]

COLUMNS = ("date", "provider", "accepted")
ROWS_MAX = 100_000
COUNT_MAX = 1_000_000_000
PROBLEMS_MAX = 20


def read_past(origin: str) -> dict[str, dict[date, int]]:
    """Read deliveries accepted by provider and day from a file, or from standard input for ``-``.

    Raises:
        DataError: It cannot be read, or rows are wrong: every problem is listed, the first twenty at most.
    """
    if origin == "-":
        return _read(lines_of(sys.stdin.buffer, "standard input"), "standard input")
    with opened(Path(origin)) as file:
        return _read(lines_of(file, origin), origin)


def _read(lines: Iterable[str], name: str) -> dict[str, dict[date, int]]:
    rows = csv.reader(lines)
    heading = [cell.strip().lower().removeprefix("\ufeff") for cell in next(rows, [])]
    problems: list[Problem] = []
    missing = [column for column in COLUMNS if column not in heading]
    if missing:
        wrong = f"has no column {', '.join(missing)}"
        raise DataError(problems=[Problem("", wrong, f"begin with: {','.join(COLUMNS)}", place=name)])
    at = [heading.index(column) for column in COLUMNS]
    found: dict[str, dict[date, int]] = {}
    try:
        for row in rows:
            if len(problems) >= PROBLEMS_MAX:
                break
            if not any(cell.strip() for cell in row):
                continue
            place = f"{name}:{rows.line_num}"
            if rows.line_num > ROWS_MAX:
                problems.append(Problem("", f"more than {ROWS_MAX:,} rows", "40 days suffice", place=place))
                break
            if len(row) <= max(at):
                problems.append(Problem("", "the row is too short", place=place))
                continue
            _take(found, [row[index].strip() for index in at], place, problems)
    except csv.Error as error:
        problems.append(Problem("", f"is no CSV: {error}", place=f"{name}:{rows.line_num}"))
    if not found and not problems:
        problems.append(Problem("", "holds no day", place=name))
    if problems:
        raise DataError(problems=problems)
    return found


def _take(found: dict[str, dict[date, int]], cells: list[str], place: str, problems: list[Problem]) -> None:
    day_text, provider, count_text = cells
    try:
        if len(day_text) != 10:
            raise ValueError
        day = date.fromisoformat(day_text)
    except ValueError:
        problems.append(
            Problem("date", f"{day_text!r:.40} is no date", "write it as 2026-12-01", place=place)
        )
        return
    if not (count_text.isascii() and count_text.isdecimal()) or int(count_text[:20]) > COUNT_MAX:
        mend = f"a whole number, {COUNT_MAX:,} at most"
        problems.append(Problem("accepted", f"{count_text!r:.40} is no count", mend, place=place))
        return
    days = found.setdefault(provider, {})
    if day in days:
        problems.append(Problem("date", f"{day} stands twice for {provider!r:.40}", place=place))
        return
    days[day] = int(count_text)
