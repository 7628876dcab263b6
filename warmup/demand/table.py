"""Finding one's way in a CSV file: which character divides it, and which column is what."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from warmup.content.address import shown
from warmup.errors import DataError, Problem
from warmup.plan.words import nearest

__all__ = ["ROLES", "columns_of", "divider_of", "read_table"]

ROLES: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "day", "datetime", "date_time", "timestamp", "sent_at"),
    "recipient": ("recipient", "rcpt", "rcpt_to", "to", "email", "e_mail", "email_address", "address"),
    "domain": ("domain", "recipient_domain", "rcpt_domain", "to_domain"),
    "provider": ("provider", "mailbox_provider", "isp"),
    "count": ("count", "messages", "deliveries", "emails", "volume", "number", "quantity", "sent", "n"),
    "stream": ("stream", "class", "category"),
}
"""Headings by what they stand for, lower case; spaces and hyphens count as ``_``."""

DIVIDERS = (",", ";", "\t")
COLUMNS_MAX = 200


def divider_of(heading: str) -> str:
    """The character that divides a table: the one of comma, semicolon and tab seen most in its heading."""
    return max(DIVIDERS, key=lambda divider: (heading.count(divider), -DIVIDERS.index(divider)))


def columns_of(headings: Iterable[str], name: str = "csv") -> dict[str, int]:
    """The places of the known columns, by role, counted from 0.

    Raises:
        DataError: Two columns have the same role, or there are more than 200.
    """
    by_heading = {heading: role for role, known in ROLES.items() for heading in known}
    found: dict[str, int] = {}
    problems: list[Problem] = []
    for index, heading in enumerate(headings):
        if index >= COLUMNS_MAX:
            problems.append(
                Problem("", f"more than {COLUMNS_MAX} columns", "leave some out", place=f"{name}:1")
            )
            break
        role = by_heading.get(heading.strip().lower().replace(" ", "_").replace("-", "_"))
        if role is None:
            continue
        if role in found:
            wrong = f"is the second column with the {role}"
            problems.append(Problem(shown(heading), wrong, "leave one of them out", place=f"{name}:1"))
        found.setdefault(role, index)
    if problems:
        raise DataError(problems=problems)
    return found


def read_table(lines: Iterable[str], name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a CSV file with the number of the line that each ends on.

    A byte order mark and spaces after a divider are skipped, empty records too. The divider is
    that of the first line that is not empty.

    Raises:
        DataError: A quote is opened and not closed, or a field is longer than 128 KiB.
    """
    source = (line if line.endswith("\n") else line + "\n" for line in lines)
    before = 0
    for first in source:
        if first.lstrip("\ufeff").strip():
            break
        before += 1
    else:
        return
    first = first.lstrip("\ufeff")
    reader = csv.reader(
        chain((first,), source), delimiter=divider_of(first), skipinitialspace=True, strict=True
    )
    try:
        for record in reader:
            if any(field.strip() for field in record):
                yield before + reader.line_num, record
    except csv.Error as error:
        place = f"{name}:{before + reader.line_num}"
        wrong, mend = f"is no CSV: {error}", "close every quote, and write a quote inside a field twice"
        if "new-line" in str(error):
            wrong, mend = (
                "ends its lines with carriage returns alone",
                "save it with the line ends of Unix or Windows",
            )
        raise DataError(problems=(Problem("", wrong, mend, place=place),)) from None


def missing(role: str, headings: Iterable[str], name: str) -> Problem:
    """The problem that a column is not there, with the nearest heading that could be it."""
    seen = [heading for heading in headings if heading.strip()]
    named = ", ".join(shown(heading) for heading in seen[:8]) or "nothing"
    near = nearest(role, seen) if seen else ""
    mend = f"call it {role}; {near}" if near.startswith("did you") else f"add a column {role}"
    return Problem(role, f"there is no such column; the first line has {named}", mend, place=f"{name}:1")
