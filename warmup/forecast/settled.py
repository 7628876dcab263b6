"""Lanes of one provider that are all warm and have nowhere left to step: their days are all alike.

Nothing changes for such a lane but when it last sent, as long as it sends. So a day on which each of
them sends something, and no less than keeps it warm, needs no look at any of them; on any other day they
are looked at one by one, because one that is idle for long fades and becomes cold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import attrs

from warmup.forecast.groups import IDLE, QUIET, ForecastDay, LaneGroup
from warmup.model import Window
from warmup.reputation import idling, standing
from warmup.timing import Instant

__all__ = ["Settled", "Sizes"]

DAYS = standing.IDLE_DAYS + idling.WHOLE_DAYS
"""What they sent on so many days tells later how warm they are."""


@attrs.frozen(eq=False)
class Sizes:
    """What the lanes may send on a day.

    Attributes:
        lanes: For each group the cap of one lane, and how many lanes there are.
        whole: The caps of all lanes together.
        least: The smallest cap.
        count: How many lanes there are.
    """

    lanes: list[tuple[int, int]]
    whole: int
    least: int
    count: int

    @classmethod
    def of(cls, lanes: list[tuple[int, int]]) -> Sizes:
        """Sum up."""
        return cls(
            lanes,
            sum(cap * count for cap, count in lanes),
            min(cap for cap, _ in lanes),
            sum(count for _, count in lanes),
        )

    def feeds_all(self, total: int) -> bool:
        """Whether every lane certainly gets one delivery of so many.

        Sainte-Lague gives round(m x cap) to a lane, with one m for all. Rounding adds at most half a
        delivery a lane, so that total <= m x whole + count / 2; the smallest lane gets one where
        m x least >= 1/2.
        """
        return self.least > 0 and self.least * (2 * total - self.count) >= self.whole

    def keeps_warm(self, total: int) -> bool:
        """Whether so many certainly keep every lane warm: rounding takes less than half of a fifth."""
        return total * idling.LOW >= 2 * self.whole


class Settled:
    """The settled lanes of one provider.

    Attributes:
        groups: All lanes of the provider.
        fades: Whether they fade when they carry next to nothing.
        used_at: When each of them last sent something; None: not since they settled.
        sizes: What they may send, by the weight of the weekday.
    """

    __slots__ = ("_days", "fades", "groups", "sizes", "used_at")

    def __init__(self, groups: Iterable[LaneGroup], *, fades: bool) -> None:
        self.groups, self.fades = list(groups), fades
        self.used_at: Instant | None = None
        self.sizes: dict[object, Sizes] = {}
        self._days: deque[tuple[Window, Sizes, int]] = deque(maxlen=DAYS)

    def send(self, day: ForecastDay, sizes: Sizes, total: int) -> None:
        """A day on which so many went, some by every lane."""
        self.used_at = day.middle
        self._days.append((day.window, sizes, total))

    def rest(self, day: ForecastDay) -> bool:
        """Whether a day on which nothing is sent changes nothing."""
        if self.used_at is None:
            return False
        if self.fades and day.window.ends_at - self._days[-1][0].ends_at > QUIET:
            return False
        return day.window.ends_at - self.used_at < IDLE

    def wake(self) -> None:
        """Tell the lanes when they last sent: one by one, they live on as if nothing had been left out."""
        if self.used_at is not None:
            for place, group in enumerate(self.groups):
                group.used_at = self.used_at
                for window, sizes, total in self._days:
                    cap = sizes.lanes[place][0]
                    group.remember(window, cap, max(1, total * cap // sizes.whole))
