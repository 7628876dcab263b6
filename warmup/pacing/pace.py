"""When the next unit of a cap may go: the day's pattern, a little jitter, and no bursts.

Theory of operation. Everything is measured in parts of F(t), the running sum of the day's
pattern, not in time: at night, when the pattern is low, parts pass slowly, and so does mail.

*Pattern.* Unit k stands at (k - 1/2) / cap of the day. Jitter moves it back by up to a quarter
of the distance to its neighbour, never over the end of the pattern's hour, and never forward:
released by t <= ceil(cap x F(t)), and the hours of the plan are the hours at the receiver.

*Pace.* A lane that is behind (it started late, or was down) may catch up, but only at one and a
half times the pattern's own rate, after a burst of at most min(5, ceil(cap / 24)). This is the
generic cell rate algorithm with the emission interval 2 / (3 cap) and a tolerance of burst - 1
intervals: between t1 and t2 at most 1.5 x cap x (F(t2) - F(t1)) + burst units go. Its state is
one number, the theoretical arrival time ``tat`` in parts; it outlives a change of the cap, and
rounding is always towards later. What cannot be caught up at that pace stays unsent.
"""

from __future__ import annotations

import attrs

from warmup.model import PARTS, Shape
from warmup.pacing.spread import position
from warmup.timing import Chance, Instant

__all__ = ["Pace", "burst"]

BURST_MAX = 5


def burst(cap: int) -> int:
    """Units that may go at once when a lane is behind: min(5, ceil(cap / 24))."""
    return min(BURST_MAX, -(-cap // 24))


@attrs.frozen
class Pace:
    """The pace of one lane in one window.

    Attributes:
        shape: The window's F(t).
        cap: Units the window may hold.
        goal: Units that are to go, the cap at most: the pattern spreads these, but what is behind catches
            up at the pace of the cap. None: the cap.
        chance: Where jitter comes from.
        key: Names the lane and the window in questions to chance.
    """

    shape: Shape
    cap: int
    chance: Chance
    key: str
    goal: int | None = None

    @property
    def units(self) -> int:
        """Units that are to go: the goal, or the cap."""
        return self.cap if self.goal is None else min(self.goal, self.cap)

    @property
    def interval(self) -> int:
        """Emission interval while catching up, in parts, rounded up."""
        return -(-2 * PARTS // (3 * self.cap))

    def slot(self, unit: int) -> int:
        """Where unit ``unit`` (from 1) stands in the day after jitter, in parts."""
        start = position(self.units, unit)
        room = min(PARTS // (4 * self.units), self.shape.segment_end(start) - start - 1)
        return start + self.chance.below(room, "slot", self.key, unit)

    def take(self, now: Instant, used: int, tat: int, want: int) -> tuple[int, int]:
        """How many of ``want`` units may go now, and the ``tat`` after they went.

        Args:
            now: The instant of the decision.
            used: Units of this window that are spent or held.
            tat: The window's theoretical arrival time, in parts; 0 in a fresh window.
            want: How many would go if they could.
        """
        instants, tat = self.schedule(now, now, used, tat, want)
        return len(instants), tat

    def schedule(
        self, now: Instant, until: Instant, used: int, tat: int, want: int
    ) -> tuple[list[Instant], int]:
        """When each of the next units may go, as far as that is no later than ``until``.

        Args:
            now: The instant of the decision.
            until: How far ahead units are given out.
            used: Units of this window that are spent or held.
            tat: The window's theoretical arrival time, in parts; 0 in a fresh window.
            want: How many would go if they could.

        Returns:
            Instants in ascending order, none before ``now``, and the ``tat`` after these units.
        """
        here = self.shape.parts(now)
        end = here if until <= now else self.shape.parts(until)
        instants: list[Instant] = []
        interval = self.interval if self.cap > 0 else 0
        tolerance = (burst(self.cap) - 1) * interval
        for unit in range(used + 1, min(used + want, self.units) + 1):
            parts = max(here, self.slot(unit), tat - tolerance)
            if parts > end:
                break
            tat = max(parts, tat) + interval
            instants.append(now if parts == here else self.shape.when(parts))
        return instants, tat

    def next_slot(
        self, now: Instant, used: int, tat: int, ahead: int = 0
    ) -> tuple[Instant | None, Instant | None]:
        """When the next unit may go: by the pattern, and by the pace.

        The later of the two holds. None stands for *not in this window*: the cap is spent, or the
        pace has no room left before the day ends.

        Args:
            now: The instant of the question: those who go first go no earlier.
            used: Units spent or held.
            tat: The window's theoretical arrival time, in parts.
            ahead: How many others are to go first.
        """
        unit = used + ahead + 1
        if unit > self.units or self.shape.total == 0:
            return None, None
        slot = self.slot(unit)
        # Alone, a unit is held by what went before it; behind others, also by them: they go from now on.
        first = max(tat, self.shape.parts(now)) if ahead else tat
        paced = first + (ahead - burst(self.cap) + 1) * self.interval
        return self.shape.when(slot), self.shape.when(max(0, paced)) if paced < PARTS else None
