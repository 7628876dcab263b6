"""A lane's quota day, and how the day's mail is spread over it.

``Shape`` is F(t), the running sum of a day's pattern, kept exactly: breakpoints in
microseconds and cumulative integer weights, linear between them.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from fractions import Fraction

import attrs

from warmup.timing import Instant, Span

__all__ = ["Shape", "Window"]


@attrs.frozen
class Window:
    """One calendar day in a zone, as the half-open interval of instants it covers.

    Usually 24 h long; 21 to 27 h occur, and 0 h where a zone skipped a whole day.
    """

    date: date
    starts_at: Instant
    ends_at: Instant

    @property
    def length(self) -> Span:
        """How long the day is, in microseconds."""
        return self.ends_at - self.starts_at

    def __contains__(self, instant: Instant) -> bool:
        return self.starts_at <= instant < self.ends_at


@attrs.frozen
class Shape:
    """The running sum F(t) of a day's pattern over a window, from 0 to 1.

    Attributes:
        edges: Ascending instants; the first is the window's start, the last its end.
        sums: Cumulative weight at each edge; starts at 0, never falls. All zero in a window
            without length or in which no hour has weight: F is then 0 throughout.
        hours: For each of the 24 local hours, the pairs of edge indexes (from, to) that belong
            to it: one as a rule, none where the hour was skipped, two where it was repeated.
    """

    edges: tuple[Instant, ...]
    sums: tuple[int, ...]
    hours: tuple[tuple[tuple[int, int], ...], ...] = ()

    @property
    def total(self) -> int:
        """The weight of the whole day."""
        return self.sums[-1]

    def fraction(self, instant: Instant) -> Fraction:
        """F at an instant, exactly; 0 before the window, 1 after it."""
        if self.total == 0 or instant <= self.edges[0]:
            return Fraction(0)
        if instant >= self.edges[-1]:
            return Fraction(1)
        index = bisect_right(self.edges, instant) - 1
        start, end = self.edges[index], self.edges[index + 1]
        low, high = self.sums[index], self.sums[index + 1]
        return Fraction(low * (end - start) + (high - low) * (instant - start), self.total * (end - start))

    def when(self, fraction: Fraction) -> Instant:
        """The earliest instant at which F reaches a fraction between 0 and 1.

        Raises:
            ValueError: The fraction is outside 0 to 1, or the day has no weight at all.
        """
        if not 0 <= fraction <= 1:
            raise ValueError(f"a fraction of a day lies between 0 and 1, got {fraction}")
        if self.total == 0:
            raise ValueError("nothing is sent in this window, so no instant reaches a fraction of it")
        num, den = fraction.numerator * self.total, fraction.denominator
        if num == 0:
            return self.edges[0]
        # First edge whose sum is at least the wanted weight num/den.
        low, high = 0, len(self.sums) - 1
        while low < high:
            middle = (low + high) // 2
            if self.sums[middle] * den >= num:
                high = middle
            else:
                low = middle + 1
        start, end = self.edges[low - 1], self.edges[low]
        base, step = self.sums[low - 1], self.sums[low] - self.sums[low - 1]
        return start + -((-(num - base * den) * (end - start)) // (step * den))
