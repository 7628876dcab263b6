"""Small readers of what a person wrote: near misses, exact numbers, dates, ``key=value`` lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from warmup.errors import PlanError, Problem, WarmupError

__all__ = ["Complaints", "decimal_text", "exact", "nearest", "pairs", "read_date"]

_T = TypeVar("_T")
_NUMBER = re.compile(
    r"[0-9]{1,12}(_[0-9]{3})*(\.[0-9]{1,20})?|\.[0-9]{1,20}|[0-9](\.[0-9]{1,20})?e-[0-9]{1,2}"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

YEAR_MIN, YEAR_MAX = 1970, 2999
"""Years a plan may lie in: instants count from 1970, and zone rules end before the calendar does."""


class Complaints:
    """Collects every mistake before raising, so that five mistakes are reported once."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._kinds: set[type[WarmupError]] = set()

    def add(self, field: str, wrong: str, mend: str = "") -> None:
        """Note a mistake."""
        self._problems.append(Problem(field, wrong, mend))
        self._kinds.add(PlanError)

    def attempt(self, read: Callable[[], _T], otherwise: _T) -> _T:
        """Return what ``read`` returns; where it raises, note its problems and return ``otherwise``."""
        try:
            return read()
        except WarmupError as error:
            self._problems.extend(error.problems or (Problem("", str(error)),))
            self._kinds.add(type(error))
            return otherwise

    def settle(self) -> None:
        """Raise what was collected, if anything.

        Raises:
            PlanError: There are problems; where all of them are of one other kind, that kind.
        """
        if self._problems:
            kind = self._kinds.pop() if len(self._kinds) == 1 else PlanError
            raise kind(problems=self._problems)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a mend: the known names nearest to a word, or all of them where none is near."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(names[name] for name in close) + "?"
    return "known: " + ", ".join(sorted(names.values())) if len(names) <= 30 else ""


def exact(field: str, value: object) -> Fraction:
    """Read a number that is not negative, exactly: 0.1 is one tenth, however it was written.

    Raises:
        PlanError: It is no such number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction | Decimal):
        raise PlanError.of(field, f"{value!r} is not a number", "write it as 0.25")
    if isinstance(value, int | Fraction):
        number = Fraction(value)
    else:
        text = str(value).strip()
        if not _NUMBER.fullmatch(text):
            raise PlanError.of(field, f"{text!r} is not a number of 0 or more", "write it as 0.25")
        number = Fraction(text)
    if number < 0:
        raise PlanError.of(field, f"{value} is negative", "write a number of 0 or more")
    return number


def decimal_text(number: Fraction) -> str:
    """Write a number that has a finite decimal form: ``1.3``."""
    return format((Decimal(number.numerator) / Decimal(number.denominator)).normalize(), "f")


def read_date(field: str, value: object) -> date:
    """Read a calendar date written ``YYYY-MM-DD``, in the years 1970 to 2999.

    Raises:
        PlanError: It is no such date.
    """
    mend = "write it as 2026-12-01"
    if isinstance(value, datetime):
        raise PlanError.of(field, f"{value.isoformat()} is an instant, not a calendar date", mend)
    if isinstance(value, str):
        text = value.strip()
        try:
            if not _DATE.fullmatch(text):
                raise ValueError
            value = date.fromisoformat(text)
        except ValueError:
            raise PlanError.of(field, f"{text!r} is not a calendar date", mend) from None
    if not isinstance(value, date):
        raise PlanError.of(field, f"{value!r} is not a calendar date", mend)
    if not YEAR_MIN <= value.year <= YEAR_MAX:
        raise PlanError.of(
            field, f"the year {value.year} is out of range", f"use a year from {YEAR_MIN} to {YEAR_MAX}"
        )
    return value


def pairs(field: str, text: str, example: str) -> Mapping[str, str]:
    """Read ``a=1,b=2``; a mistake is answered with the example.

    Raises:
        PlanError: A part has no ``=``, or a name comes twice.
    """
    found: dict[str, str] = {}
    complaints = Complaints()
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (equals and name and value):
            complaints.add(field, f"{part.strip()!r} is not NAME=VALUE", f"write it as {example}")
        elif name in found:
            complaints.add(field, f"{name} is given twice", "give it once")
        else:
            found[name] = value
    complaints.settle()
    return found
