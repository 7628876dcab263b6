"""A lane's quota day, and how the day's mail is spread over it.

``Shape`` is F(t), the running sum of a day's pattern, kept exactly: breakpoints in
microseconds and cumulative integer weights, linear between them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date

import attrs

from warmup.timing import Instant, Span

__all__ = ["PARTS", "Shape", "Window"]

PARTS = 10**15
"""A day's F(t) is counted in so many parts: integers all the way, finer than a nanosecond."""


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

    def parts(self, instant: Instant) -> int:
        """F at an instant, in parts of :data:`PARTS`, rounded down; 0 before the window, PARTS after it."""
        if self.total == 0 or instant <= self.edges[0]:
            return 0
        if instant >= self.edges[-1]:
            return PARTS
        index = bisect_right(self.edges, instant) - 1
        start, end = self.edges[index], self.edges[index + 1]
        low, high = self.sums[index], self.sums[index + 1]
        weight = low * (end - start) + (high - low) * (instant - start)
        return weight * PARTS // (self.total * (end - start))

    def when(self, parts: int) -> Instant:
        """The earliest instant at which F reaches a number of parts.

        Raises:
            ValueError: The number is outside 0 to PARTS, or the day has no weight at all.
        """
        if not 0 <= parts <= PARTS:
            raise ValueError(f"a day has {PARTS} parts, got {parts}")
        if parts == 0:
            return self.edges[0]
        if self.total == 0:
            raise ValueError("nothing is sent in this window, so no instant reaches a part of it")
        # The first edge whose sum reaches parts / PARTS of the total lies at or after the instant.
        wanted = parts * self.total
        index = bisect_left(self.sums, -(-wanted // PARTS))
        start, end = self.edges[index - 1], self.edges[index]
        low, high = self.sums[index - 1], self.sums[index]
        return start + -(-(wanted - low * PARTS) * (end - start) // ((high - low) * PARTS))

    def segment_end(self, parts: int) -> int:
        """Where, in parts, the stretch of even pace ends that holds a number of parts."""
        if self.total == 0:
            return PARTS
        index = bisect_right(self.sums, parts * self.total // PARTS)
        return PARTS if index >= len(self.sums) else self.sums[index] * PARTS // self.total
