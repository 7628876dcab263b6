"""Schedules that vendors published, as curves. The figures and where they stand lie in a data file.

The file is read when a published curve is asked for, and not before: a preview of a formula does
not pay for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from warmup.plan.tables import ProviderTable, RelativeProviderTable, RelativeTable, Table

if TYPE_CHECKING:
    from warmup.contracts import Curve

__all__ = ["about", "published"]


@cache
def _data() -> dict[str, dict[str, object]]:
    text = Path(__file__).with_name("data").joinpath("published.json").read_text(encoding="utf-8")
    data: dict[str, dict[str, object]] = json.loads(text)
    return data


def about(name: str) -> Mapping[str, object]:
    """Return what is known of a published schedule.

    ``vendor``, ``title``, ``source`` (an address), ``unit`` (day, hour or stage), ``subject`` (what
    the vendor warms up: ip, domain or list), ``grade`` (first-party, second-hand or source-code),
    ``caveat``, ``read`` (the month in which it was read) and the figures.
    """
    return _data()[name]


def _rows(figures: object, days: object) -> tuple[int, ...]:
    """A row by step. Where only some days are published, each value holds until the next of them."""
    row = list(figures) if isinstance(figures, Sequence) else []
    if not isinstance(days, list):
        return tuple(row)
    held: list[int] = []
    for value, day, after in zip(row, days, [*days[1:], days[-1] + 1], strict=True):
        held += [value] * (after - day)
    return tuple(held)


@cache
def published(name: str) -> Curve:
    """Return a vendor's schedule by its name."""
    record = _data()[name]
    days = record.get("days")
    by_provider = record.get("providers")
    if isinstance(by_provider, dict):
        return ProviderTable(name, tuple((who, _rows(row, days)) for who, row in by_provider.items()))
    permille = record.get("permille")
    if isinstance(permille, dict):
        return RelativeProviderTable(name, tuple((who, _rows(row, days)) for who, row in permille.items()))
    if permille is not None:
        return RelativeTable(name, _rows(permille, days))
    first = record.get("hourly_from", 1)
    assert isinstance(first, int)
    return Table(name, _rows(record.get("daily"), days), _rows(record.get("hourly"), None), first)
