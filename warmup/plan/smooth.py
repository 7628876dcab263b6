"""The steadiest whole release between two curves and under caps: which way is taken.

The string is tried first: it takes O(n) and knows no caps. Where it breaks none, it is the answer, for it
is best among all releases and not only among those that keep to the caps. Otherwise the levels are found.
Either is exact; rounding stays within one message of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from warmup.plan.convex import Level, levels
from warmup.plan.taut import string
from warmup.plan.whole import whole

__all__ = ["smooth"]


def smooth(
    lower: Sequence[int],
    upper: Sequence[int],
    weights: Sequence[int],
    caps: Sequence[int],
    low: Sequence[int] | None = None,
) -> list[int]:
    """Find the steadiest whole release between two curves.

    Args:
        lower: What must have gone by the end of each day, in all; attainable under the caps.
        upper: What has arrived by the end of each day, in all.
        weights: Whole weights of the days.
        caps: The most that may go on each day; 0 where the weight is 0.
        low: The least that must go on each day, attainable too; 0 unless given.
    """
    if low is None:
        found = string(lower, upper, weights)
        if _within(found, weights, caps):
            return whole(found, weights)
    found = levels(lower, upper, weights, caps, low)
    return whole(found, weights, caps, low)


def _within(found: Sequence[Level], weights: Sequence[int], caps: Sequence[int]) -> bool:
    """Whether no day's release at its level is above its cap."""
    most, least = (
        max(weights),
        min((cap for cap, weight in zip(caps, weights, strict=True) if weight), default=0),
    )
    if all(most * above <= least * below for above, below in set(found)):
        return True
    return all(
        weight * above <= cap * below
        for weight, cap, (above, below) in zip(weights, caps, found, strict=True)
    )
