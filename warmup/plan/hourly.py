"""The largest cap that keeps every hour within a limit."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import attrs

from warmup.model import Shape
from warmup.pacing import hours
from warmup.plan.calendar import shape, window_of
from warmup.plan.patterns import Pattern

__all__ = ["HourlyLimit", "of_day"]


@attrs.frozen(eq=False)
class HourlyLimit:
    """Limits the hours of one window.

    Rounding makes an hour's part of a cap differ from its exact share by less than one for each
    stretch the hour consists of (two when the clock was put back), so the peak hour bounds the
    search from above, and only a few caps have to be looked at.

    Attributes:
        shape: The window's F(t).
    """

    shape: Shape
    peak: int = attrs.field(init=False)
    stretches: int = attrs.field(init=False)
    _found: dict[tuple[int, int], int] = attrs.field(init=False, factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        sums = self.shape.sums
        weights = [(sum(sums[b] - sums[a] for a, b in spans), len(spans)) for spans in self.shape.hours]
        object.__setattr__(self, "peak", max(weight for weight, _ in weights))
        object.__setattr__(self, "stretches", max(count for _, count in weights))

    def most(self, cap: int, limit: int) -> int:
        """Return the largest number, up to ``cap``, none of whose local hours exceeds ``limit``."""
        if self.peak == 0 or cap * self.peak <= (limit - self.stretches) * self.shape.total:
            return cap
        top = min(cap, (limit + self.stretches) * self.shape.total // self.peak)
        known = self._found.get((top, limit))
        if known is None:
            known = top
            while known and max(hours(self.shape, known)) > limit:
                known -= 1
            self._found[(top, limit)] = known
        return known


@lru_cache(maxsize=1_024)
def of_day(zone: str, day: date, pattern: Pattern) -> HourlyLimit:
    """Return the limiter of a zone's calendar day."""
    return HourlyLimit(shape(window_of(zone, day), zone, pattern))
