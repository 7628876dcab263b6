"""A provider that remembers: what the shipped worlds are made of.

Theory of operation. The provider has a *habit* of a sender: the volume of a day that it knows the
sender to keep. It takes a little at first, then ``growth`` times the habit: who fills a day without
pushing makes the habit grow. What comes beyond the day's tolerance is deferred for volume. Who pushes
on regardless loses: a day with many deferrals shrinks the habit, an assault blocks the sender for the
rest of the day. Complaints do the same more slowly, over seven days: from 0.1 % on the habit shrinks a
little each day, from 0.3 % on quickly. On top come an hourly limit, a ceiling, greylisting, a mind that
changes, addresses that do not exist, and deferrals that mean nothing.

Rates are drawn message by message, as gaps between events, so that the cost of a day lies in its
events and not in its messages, and an answer does not depend on how attempts are bundled.

All this is a model. What providers do is not published; the figures that are (0.1 % and 0.3 % of
complaints at Google and Yahoo, 10 minutes of greylisting in RFC 6647) are used where they fit.
"""

from __future__ import annotations

import copy
import heapq
import math
from collections import deque
from functools import lru_cache
from typing import Any

import attrs

from warmup.contracts import Answer, Complaint, Setting
from warmup.model import Category
from warmup.timing import HOUR, Chance, Instant, Span

__all__ = ["ENOUGH", "Habit", "Provider", "Thinning", "Traits"]

ENOUGH = 1 << 40
"""A number of messages that nobody runs out of."""

COMPLAINT_DAYS = 7
COMPLAINTS_MIN = 3
"""A provider says nothing of fewer complaints than so many in seven days."""

ASSAULT_MIN = 20
"""Attempts beyond its limit that a provider bears from anybody before it blocks."""


_SCALE = 1 << 60


@lru_cache(maxsize=256)  # a world has a handful of rates, and asks for them at every event
def _weight(rate: float) -> int:
    return max(1, int(-math.log1p(-min(rate, 0.999_999)) * _SCALE))


@attrs.define
class Thinning:
    """Picks messages at a rate, by the gaps between them: exactly independent of how they are bundled.

    Attributes:
        chance: Where gaps come from.
        name: Names the draws.
    """

    chance: Chance
    name: str
    _drawn: int = attrs.field(default=0, init=False)
    _left: int = attrs.field(default=0, init=False)

    def ahead(self, rate: float, most: int) -> int:
        """How many messages pass before the next that is picked, at most ``most``."""
        if rate <= 0:
            return most
        if not self._left:
            self._drawn += 1
            share = (self.chance.draw(self.name, self._drawn) + 1) / (Chance.RESOLUTION + 1)
            self._left = 1 + int(-math.log(share) * _SCALE)
        # Each message takes -log(1 - rate) off the gap; the one that takes the last of it is picked.
        return min(most, -(-self._left // _weight(rate)) - 1)

    def passed(self, rate: float, count: int) -> None:
        """So many messages passed, no more than :meth:`ahead` said, and none was picked."""
        if rate > 0:
            self._left -= count * _weight(rate)

    def picked(self) -> None:
        """The next message was picked."""
        self._left = 0


@attrs.frozen(kw_only=True)
class Traits:
    """What a provider is like.

    Attributes:
        first: Messages it takes from a stranger on a day.
        growth: It takes so many times the habit.
        most: It never takes more than this on a day.
        hour_share: It takes no more than this share of the day's tolerance in one hour.
        lenience: Up to this share of deferrals on a day is no pushing.
        stall: Whether a day with more deferrals than that also adds nothing to the habit.
        fall: What is left of the habit after a day of pushing.
        block_over: Attempts beyond so many times the tolerance block the sender for the rest of the day.
        keep: What is left of the habit after a day that did not use it.
        greylist: Time that the first try of a delivery has to wait.
        invalid: Share of addresses that do not exist.
        engaged: Readers a day who complain rarely; the rest of the day's mail goes to others.
        complain, complain_others: Share of each who complain.
        noise: Share of attempts deferred for volume that mean nothing.
        moods: (first day, day after the last, factor of the tolerance).
        weekend: Factor of the tolerance on Saturdays and Sundays.
        silent: Days without traffic: (first, day after the last).
    """

    first: int = 1_000
    growth: float = 4.0
    most: int = ENOUGH
    hour_share: float = 1.0
    lenience: float = 0.05
    stall: bool = False
    fall: float = 0.7
    block_over: float = 4.0
    keep: float = 0.98
    greylist: Span = 0
    invalid: float = 0.005
    engaged: int = ENOUGH
    complain: float = 0.000_2
    complain_others: float = 0.0
    noise: float = 0.0
    moods: tuple[tuple[int, int, float], ...] = ()
    weekend: float = 1.0
    silent: tuple[int, int] = (0, 0)


@attrs.define
class Habit:
    """What a provider remembers of a sender."""

    volume: float = 0.0
    accepted: int = 0
    hour: int = -1
    hour_accepted: int = 0
    attempted: int = 0
    deferred: int = 0
    blocked: bool = False
    days: deque[tuple[int, int]] = attrs.field(factory=deque)  # accepted and complaints, a week of them
    complained: int = 0


class Provider:
    """One provider of the shipped kinds; see :class:`warmup.contracts.Receiver`.

    Args:
        traits: What it is like.
        setting: The run.
        chance: Where its events come from.
    """

    def __init__(self, traits: Traits, setting: Setting, chance: Chance) -> None:
        self.traits = traits
        self._setting = setting
        self._chance = chance
        self._habit = Habit()
        self._day = 0
        self._invalid = Thinning(chance, "invalid")
        self._noise = Thinning(chance, "noise")
        self._complaints = Thinning(chance, "complaint")
        self._told: list[tuple[Instant, Instant]] = []  # a heap: arrives at, accepted at
        self._arrivals = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Provider:
        # Traits, setting and chance are values; copying only what changes is ten times as fast.
        twin = copy.copy(self)
        twin._habit = attrs.evolve(self._habit, days=deque(self._habit.days))
        twin._invalid = copy.copy(self._invalid)
        twin._noise = copy.copy(self._noise)
        twin._complaints = copy.copy(self._complaints)
        twin._told = list(self._told)
        return twin

    def tolerance(self, day: int) -> int:
        """What it takes on a day, as far as it knows the sender by now."""
        traits = self.traits
        limit = min(float(traits.most), max(float(traits.first), traits.growth * self._habit.volume))
        for first, after, factor in traits.moods:
            if first <= day < after:
                limit *= factor
        if day % 7 >= 5:
            limit *= traits.weekend
        return int(limit)

    def demand(self, day: int) -> int:
        """Messages there are to send."""
        first, after = self.traits.silent
        return 0 if first <= day < after else ENOUGH

    def complaints(self, now: Instant) -> list[Complaint]:
        """What arrived by now; a provider notices a complaint when it is made."""
        found: list[Complaint] = []
        while self._told and self._told[0][0] <= now:
            _, accepted_at = heapq.heappop(self._told)
            found.append(Complaint(accepted_at, 1))
        return found

    def answer(self, at: Instant, attempts: int, age: Span, patience: int) -> Answer:
        """Answer the first of some attempts."""
        day, hour = divmod((at - self._setting.start) // HOUR, 24)
        while self._day < day:
            self._turn()
        habit, traits = self._habit, self.traits
        if habit.hour != hour:
            habit.hour, habit.hour_accepted = hour, 0
        if habit.blocked:
            return self._refuse(Category.IP_REPUTATION_BLOCK, min(attempts, patience))
        # Someone unknown is found out before anything else is looked at.
        known = attempts if age else self._invalid.ahead(traits.invalid, attempts)
        if known == 0:
            self._invalid.picked()
            habit.attempted += 1
            return Answer(1, Category.INVALID_RECIPIENT)
        limit = self.tolerance(day)
        room = min(limit - habit.accepted, max(1, int(limit * traits.hour_share)) - habit.hour_accepted)
        if room <= 0:
            return self._refuse(Category.VOLUME_LIMITED, min(known, patience))
        if traits.greylist and age < traits.greylist:
            return Answer(known, Category.GREYLIST)  # it was asked to come back: that is no pushing
        count = self._noise.ahead(traits.noise, min(known, room))
        if count == 0:
            self._noise.picked()
            self._passed(age, 1)
            habit.attempted += 1
            return Answer(1, Category.VOLUME_LIMITED)
        self._noise.passed(traits.noise, count)
        self._passed(age, count)
        self._read(at, count)
        habit.attempted += count
        habit.accepted += count
        habit.hour_accepted += count
        return Answer(count, Category.ACCEPTED)

    def _passed(self, age: Span, count: int) -> None:
        if not age:
            self._invalid.passed(self.traits.invalid, count)

    def _refuse(self, category: Category, count: int) -> Answer:
        habit = self._habit
        if category is Category.VOLUME_LIMITED:
            limit = int(self.traits.block_over * self.tolerance(self._day)) + ASSAULT_MIN
            if habit.attempted >= limit:
                habit.blocked, category = True, Category.IP_REPUTATION_BLOCK
            else:
                count = min(count, limit - habit.attempted)
                habit.deferred += count
        habit.attempted += count
        return Answer(count, category)

    def _read(self, at: Instant, count: int) -> None:
        """Let readers complain of what was accepted: the engaged are written to first."""
        traits, habit = self.traits, self._habit
        left = count
        while left:
            engaged = max(0, traits.engaged - habit.accepted - (count - left))
            rate = traits.complain if engaged else traits.complain_others
            part = min(left, engaged) if engaged else left
            ahead = self._complaints.ahead(rate, part)
            self._complaints.passed(rate, ahead)
            left -= ahead
            if ahead < part:
                self._complaints.picked()
                left -= 1
                self._arrivals += 1
                # Half of them within half a day, and nearly all within three.
                wait = HOUR + self._chance.below(12, "wait", self._arrivals) * HOUR
                if self._chance.below(2, "late", self._arrivals):
                    wait += self._chance.below(60, "later", self._arrivals) * HOUR
                heapq.heappush(self._told, (at + wait, at))
                habit.complained += 1

    def _turn(self) -> None:
        """A day is over."""
        habit, traits = self._habit, self.traits
        pushed = habit.deferred > traits.lenience * max(20, habit.attempted)
        if habit.blocked:
            habit.volume *= traits.fall / 2
        elif pushed and traits.stall:
            habit.volume *= traits.fall
        elif habit.deferred > max(20, habit.accepted):
            habit.volume = max(habit.volume, habit.accepted) * traits.fall
        else:
            habit.volume = max(habit.accepted, habit.volume * traits.keep)
        habit.days.append((habit.accepted, habit.complained))
        if len(habit.days) > COMPLAINT_DAYS:
            habit.days.popleft()
        accepted = sum(day[0] for day in habit.days)
        complained = sum(day[1] for day in habit.days)
        if complained >= COMPLAINTS_MIN and complained * 1_000 > accepted:
            habit.volume *= 0.6 if complained * 1_000 > 3 * accepted else 0.95
        habit.accepted = habit.attempted = habit.deferred = habit.complained = habit.hour_accepted = 0
        habit.hour, habit.blocked = -1, False
        self._day += 1
