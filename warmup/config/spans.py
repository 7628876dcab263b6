"""Durations as people write them: ``30min``, ``3d``, ``1h30min``, ``90s``."""

from __future__ import annotations

import re

from warmup.timing import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Span

__all__ = ["SPAN_PATTERN", "parse_span", "write_span"]

_UNITS: dict[str, Span] = {"d": DAY, "h": HOUR, "min": MINUTE, "s": SECOND, "ms": MILLISECOND}
_PART = re.compile(r"([0-9]{1,9}) *(d|h|min|ms|s) *")

SPAN_PATTERN = r"^ *([0-9]{1,9} *(d|h|min|s|ms) *)+$"
"""The same grammar as a regular expression, for the JSON Schema."""

SPAN_MAX: Span = 3650 * DAY
"""Ten years: what is longer is a slip of the pen, and stays far from the end of 64-bit integers."""


def parse_span(text: str) -> Span:
    """Read a duration as microseconds.

    Args:
        text: Numbers with the units ``d``, ``h``, ``min``, ``s`` and ``ms``; each unit once, the
            largest first; a day is 24 hours.

    Raises:
        ValueError: The text is no such duration, or it is longer than ten years.
    """
    total, position, smallest = 0, 0, SPAN_MAX
    stripped = text.strip()
    while part := _PART.match(stripped, position):
        size = _UNITS[part[2]]
        if size >= smallest:
            raise ValueError(f"{text!r} does not go from the largest unit to the smallest")
        total, position, smallest = total + int(part[1]) * size, part.end(), size
    if not stripped or position != len(stripped):
        raise ValueError(f"{text!r} is not a duration")
    if total > SPAN_MAX:
        raise ValueError(f"{text!r} is longer than ten years")
    return total


def write_span(span: Span) -> str:
    """Write a duration so that :func:`parse_span` reads the same back, to the millisecond.

    Raises:
        ValueError: The span is negative or not a whole number of milliseconds.
    """
    if span < 0 or span % MILLISECOND:
        raise ValueError(f"{span} microseconds cannot be written as a duration")
    text = ""
    for unit, size in _UNITS.items():
        count, span = divmod(span, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
