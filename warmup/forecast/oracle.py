"""An oracle: it knows the world, and obeys the same laws as everybody.

It looks ahead by running a copy of the provider through the day, and takes the largest cap of which
nothing is refused. It begins with the curve's first step, no cap is more than twice the one that was
used on the day before, an idle lane begins anew after 30 days, and the day's pattern is followed. In
the worlds we ship more clean volume never makes a provider less tolerant of volume, so that the largest
clean cap of each day is also the best for the days to come.

Two things are not that simple, and there it tries several plans and keeps the best: where even a small
cap meets refusals it bears up to 1 % of them, and where complaints follow volume it also tries to stay
below a part of the target throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import attrs

from warmup.contracts import Receiver, World
from warmup.forecast.simulate import Course, Day, Run, Track
from warmup.model import WindowEvidence
from warmup.reputation.standing import IDLE_DAYS
from warmup.timing import Chance, Instant

__all__ = ["FRICTION_MAX", "oracle"]

FRICTION_MAX = 0.01
"""Refusals, as a share of a day's attempts, that the oracle bears where none is not to be had."""

BORNE_MIN = 3
"""Refusals of a day that it bears then, however small the day is: a share of 50 messages is none at all."""

PRECISION = 400
"""Caps are found to one part in so many."""

PARTS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
"""Parts of the target to stay below, tried where more than 0.1 % complain."""


class _Refused(Exception):
    """More was refused than the oracle bears."""


@attrs.define
class _Fixed:
    """One cap for a day, given up at once where too much is refused."""

    cap: int
    borne: int
    silent_until: Instant = 0

    @property
    def patience(self) -> int:
        return self.borne + 1

    def open(self, now: Instant, on: date, history: Sequence[WindowEvidence]) -> int:
        return self.cap

    def news(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence], late: bool) -> int:
        if seen.deferred + seen.blocked > self.borne:
            raise _Refused
        return self.cap

    def close(self, now: Instant, seen: WindowEvidence, history: Sequence[WindowEvidence]) -> None:
        """Tomorrow is decided tomorrow."""

    def tell(self) -> tuple[int, str, str]:
        return 1, "oracle", ""


def _try(run: Run, number: int, cap: int, share: float) -> Run | None:
    """The run after a day under a cap; None where too much of it was refused."""
    ahead = run.fork(_Fixed(cap, max(BORNE_MIN, int(cap * share)) if share else 0))
    try:
        ahead.one_day(number)
    except _Refused:
        return None
    return ahead


def _largest(run: Run, number: int, most: int, guess: int, share: float) -> tuple[Run, int] | None:
    """The largest cap up to ``most`` that is not refused; None where none above ``guess`` / 2 is."""
    done = _try(run, number, most, share)
    if done is not None:
        return done, most
    low, high = min(guess, most), most
    best = _try(run, number, low, share) if low < most else None
    if best is None:
        low, high = guess // 2, min(guess, most)
        best = _try(run, number, low, share) if low else None
    if best is None:
        return None
    probe = (low + high) // 2
    while high - low > max(1, low // PRECISION):
        done = _try(run, number, probe, share)
        if done is None:
            high = probe
        else:
            low, best = probe, done
        # Near the last known cap first: days resemble each other.
        span = high - low
        near = low + max(1, low // 50)
        probe = near if done is not None and near < low + span // 2 else low + span // 2
    return best, low


def _greedy(course: Course, receiver: Receiver, most: int, share: float = 0.0) -> tuple[Day, ...]:
    run = Run(course, receiver, _Fixed(0, 0))
    first = min(course.planned(1), most)
    limit, last, idle = first, first, 0
    for number in range(course.setting.days):
        if idle >= IDLE_DAYS:
            limit = last = first
        found = None
        guess = min(last, limit)
        while found is None and guess > 0:
            found = _largest(run, number, limit, guess, share)
            if found is None and not share:
                found = _largest(run, number, limit, guess, FRICTION_MAX)
            guess //= 2
        if found is None:
            ahead = _try(run, number, 0, 1.0)
            assert ahead is not None
            found = ahead, 0
        run, cap = found
        today = run.days[-1]
        idle = 0 if today.accepted else idle + 1
        if cap and today.accepted * 4 >= cap * 3:
            limit, last = min(most, 2 * cap), cap
    return tuple(run.days)


def oracle(course: Course, world: World, chance: Chance) -> Track:
    """The best run we know of in a world.

    Args:
        course: What it goes through; the plan's first step is where it begins.
        world: The world.
        chance: Of the draw: the provider is the one that strategies meet.
    """
    target = course.setting.target
    best = Track("oracle", _greedy(course, world.begin(course.setting, chance), target))
    borne = Track("oracle", _greedy(course, world.begin(course.setting, chance), target, FRICTION_MAX))
    if borne.delivered > best.delivered and borne.friction <= FRICTION_MAX and not borne.blocked_days:
        best = borne
    complaints = sum(day.complained for day in best.days)
    if complaints * 1_000 > best.delivered:
        for part in PARTS:
            most = max(1, int(target * part))
            other = Track("oracle", _greedy(course, world.begin(course.setting, chance), most))
            if other.delivered > best.delivered:
                best = other
    return best
