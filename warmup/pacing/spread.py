"""Whole messages out of a running sum.

Unit k of a cap is due at the instant at which F(t) reaches (k - 1/2) / cap: the middle of its
own share of the day, so that a cap of 1 goes at noon rather than at midnight. ``due`` counts
the units due *before* an instant; the hours of a plan and the allowance of the engine are both
differences of it, so a preview and what later happens round alike.
"""

from __future__ import annotations

from warmup.model import PARTS, Shape
from warmup.timing import Instant

__all__ = ["due", "hours", "position"]


def position(cap: int, unit: int) -> int:
    """Where unit ``unit`` (from 1) of a cap stands in the day, in parts of PARTS, rounded up."""
    return -(-(2 * unit - 1) * PARTS // (2 * cap))


def due(shape: Shape, cap: int, instant: Instant) -> int:
    """How many units of a cap fall due before an instant: cap x F(t), rounded, halves down."""
    return max(0, -((PARTS - 2 * cap * shape.parts(instant)) // (2 * PARTS)))


def hours(shape: Shape, cap: int) -> tuple[int, ...]:
    """Split a cap into the 24 local hours of a window; they sum to the cap.

    A skipped hour holds nothing (its share went to the next), a repeated one holds both.
    A window without weight holds nothing at all.
    """
    total = shape.total
    if total == 0:
        return (0,) * 24
    sums = [-((total - 2 * cap * part) // (2 * total)) for part in shape.sums]
    return tuple(sum(sums[end] - sums[start] for start, end in spans) for spans in shape.hours)
