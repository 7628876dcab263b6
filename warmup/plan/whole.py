"""Whole messages of a smooth release: the running sum, rounded.

R is rounded, halves up, and a day's release is the difference. Then

- it is less than one message from the real release, on every day, and the sums less than one from
  the real sums (half a message, in fact): errors do not add up;
- it keeps to every bound that is a whole number. For R between the curves: rounding never falls, and
  leaves whole numbers alone. For a day's cap c: x - y <= c gives round(x) <= round(y + c) =
  round(y) + c. The same with the least that must go.

So nothing has to be repaired afterwards. R is a whole number wherever the level changes (it lies on a
curve there), which keeps the fractions small: one quotient a piece of the string.
"""

from __future__ import annotations

from collections.abc import Sequence

from warmup.plan.convex import Level

__all__ = ["whole"]


def whole(
    found: Sequence[Level],
    weights: Sequence[int],
    high: Sequence[int] | None = None,
    low: Sequence[int] | None = None,
) -> list[int]:
    """Round the releases that belong to levels.

    Args:
        found: One level a day, from :func:`warmup.plan.convex.levels` or :func:`warmup.plan.taut.string`.
        weights: Whole weights of the days.
        high: The most that may go on each day; unlimited unless given.
        low: The least that must go on each day; 0 unless given.

    Returns:
        Whole messages for each day.
    """
    releases = []
    above, below = 0, 1
    settled = gone = 0  # whole messages that went before; rounded sum
    running = 0  # weights that moved at this level since
    for day, level in enumerate(found):
        weight = weights[day]
        # A day without weight has no level of its own, and may lie in the middle of a piece.
        if weight and level[0] * below != above * level[1]:
            settled += running * above // below
            running = 0
            above, below = level
        asked = weight * above
        least = low[day] if low else 0
        if asked <= least * below:
            settled += least
        elif high is not None and asked >= high[day] * below:
            settled += high[day]
        else:
            running += weight
        sum_ = settled + (2 * running * above + below) // (2 * below)
        releases.append(sum_ - gone)
        gone = sum_
    return releases
