"""The first whole number for which something holds that goes on holding."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

__all__ = ["first_holding"]


def first_holding(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first number from ``low`` on; ``high`` where none before it does, which is not asked about.

    Args:
        low: The least that comes into question.
        high: Taken where nothing below it holds.
        holds: False up to some number, True from there on.
    """
    return low + bisect_left(range(low, high), True, key=holds)
