"""Slow weekdays: a provider that takes less on some days of the week, and as much as before on the others.

Theory of operation. A limit far below what was carried of late may be that of its day: weekends and
Mondays differ from the rest of the week at many receivers. So the day of the week and its share of a
full day are remembered when it happens, while the level for all other days stays. What was seen once is
half believed: the same day a week later opens half-way between that share and a full day, and where it
passes in peace all is forgotten. Where the limit is met again the share is believed; from then on the
day opens with it, a little more of it each week until it is met once more.
"""

from __future__ import annotations

from datetime import date

import attrs

from warmup.model.lane import Learned

__all__ = ["FULL", "NAMES", "eased", "firm", "noticed", "share_of"]

NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")

FULL = 1000

UNDER = 980
"""A slow day opens at so many thousandths of the share that was seen."""

STEP = 20
"""A share that is believed is tried so many thousandths higher after each such day without trouble."""

GONE = 950
"""From such a share on a weekday is like the others."""


def _with(learned: Learned, on: date, share: int) -> Learned:
    slow = list(learned.slow or (0,) * 7)
    slow[on.weekday()] = share
    return attrs.evolve(learned, slow=tuple(slow) if any(slow) else ())


def share_of(learned: Learned, on: date) -> int:
    """The share of a full day that a day opens with, in thousandths."""
    return abs(learned.slow[on.weekday()]) or FULL if learned.slow else FULL


def noticed(learned: Learned, on: date, took: int, full: int) -> Learned:
    """A limit was met that may be that of its weekday.

    Args:
        learned: What the lane knows.
        on: The day.
        took: Deliveries accepted on it.
        full: What a full day would have been.
    """
    share = max(1, min(FULL, UNDER * took // max(1, full)))
    believed = share_of(learned, on) < FULL
    if not believed:
        share = (FULL + share) // 2
    if share >= GONE:
        return _with(learned, on, 0)
    return _with(learned, on, share if believed else -share)


def firm(learned: Learned) -> tuple[int, ...]:
    """The weekdays that are believed to be slow, without those seen once: a limit stands on every day."""
    shares = tuple(max(0, share) for share in learned.slow)
    return shares if any(shares) else ()


def eased(learned: Learned, on: date) -> Learned:
    """A slow day passed without trouble."""
    known = learned.slow[on.weekday()] if learned.slow else 0
    if not known:
        return learned
    share = known + STEP
    return _with(learned, on, share if STEP < share < GONE else 0)
