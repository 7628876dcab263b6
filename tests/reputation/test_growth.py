"""How a lane grows around what its provider takes, tried against small models of providers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from math import log
from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.model import Lane, LaneKey, Learned, Window, WindowEvidence
from warmup.reputation import judgement, standing
from warmup.reputation.evidence import usual_deferrals
from warmup.reputation.weekdays import FULL, eased, noticed, share_of
from warmup.timing import DAY, HOUR

MONDAY = date(2026, 1, 5)
FIRST = 20_000 * DAY
LAST = 10
NEW = Lane(id=1, key=LaneKey("192.0.2.1", "google"), last_used_at=FIRST)


def planned(step: int) -> int:
    """50, 100, 200 ... 25,600."""
    return 50 << min(step, LAST) - 1


@attrs.define
class Drive:
    """A lane that meets a provider, attempt by attempt, as the engine drives it.

    Attributes:
        takes: What the provider takes on a day, by its number and what it accepted on the days before.
        noise: Share of attempts that it defers whatever the volume.
    """

    takes: Callable[[int, list[int]], int]
    noise: float = 0.0
    lane: Lane = NEW
    past: list[WindowEvidence] = attrs.field(factory=list)
    caps: list[int] = attrs.field(factory=list)
    chance: Random = attrs.field(factory=lambda: Random(1))

    def live(self, days: int) -> None:
        for _ in range(days):
            self.one()

    def one(self) -> None:
        day = len(self.past)
        start = FIRST + day * DAY
        window = Window(MONDAY + timedelta(days=day), start, start + DAY)
        cap = standing.cap_of(self.lane, planned(self.lane.step), window.date)
        self.caps.append(cap)
        seen = WindowEvidence(window=window, step=self.lane.step, cap=cap)
        limit = self.takes(day, [one.accepted for one in self.past])
        tries = 0
        while seen.accepted < seen.cap and tries < 1_000:
            went = min(seen.cap, limit) - seen.accepted
            if self.noise:
                went = min(went, int(log(1 - self.chance.random()) / log(1 - self.noise)))
            went = max(0, went)
            refused = seen.accepted + went < seen.cap
            tries += refused
            seen = attrs.evolve(
                seen,
                attempted=seen.attempted + went + refused,
                accepted=seen.accepted + went,
                deferred=seen.deferred + refused,
            )
            if refused:
                found = judgement.alarm(
                    self.lane, seen, self.past, start + HOUR, planned=planned, last_step=LAST
                )
                if found is not None:
                    self.lane = found.lane
                    seen = attrs.evolve(seen, cap=seen.cap if found.cap_now is None else found.cap_now)
        self.lane = attrs.evolve(self.lane, last_used_at=window.ends_at)
        closed = judgement.close(self.lane, seen, self.past, window.ends_at, last_step=LAST, planned=planned)
        self.lane = self.lane if closed is None else closed.lane
        self.past.append(seen)

    @property
    def accepted(self) -> list[int]:
        return [one.accepted for one in self.past]


def test_the_pace_of_a_provider_is_found_and_followed() -> None:
    """A provider that takes 1.4 times what it is used to is followed: 20,000 a day soon."""
    drive = Drive(lambda day, before: int(max(80, 1.4 * max(before, default=0))))
    drive.live(40)
    reached = next(day for day, accepted in enumerate(drive.accepted) if accepted >= 20_000)
    assert reached <= 1.4 * 18
    assert sum(one.deferred for one in drive.past) < 60


def test_what_it_takes_on_a_slow_weekday_is_known_a_week_later() -> None:
    """Where weekends take half, later weekends open with about that, and each Monday with all of it."""
    drive = Drive(lambda day, before: 1_000 if day % 7 >= 5 else 2_000)
    drive.live(70)
    weekends = [one for day, one in enumerate(drive.past) if day % 7 >= 5 and day >= 28]
    mondays = [one.accepted for day, one in enumerate(drive.past) if day % 7 == 0 and day >= 28]
    assert sum(one.deferred > 0 for one in weekends) <= len(weekends) // 2
    assert min(one.accepted for one in weekends) > 700
    assert min(mondays) > 1_500


def test_one_bad_day_is_not_held_against_the_next() -> None:
    """A day on which much less is taken leaves those after it as they were; in two weeks it is forgotten."""
    drive = Drive(lambda day, before: 5_000 if day == 20 else 100_000)
    drive.live(45)
    assert drive.caps[21] == drive.caps[19]
    assert drive.caps[27] > 0.5 * drive.caps[19]
    assert drive.caps[34] == drive.caps[41] == drive.caps[19]


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_deferrals_that_do_not_depend_on_volume_hold_nothing(noise: float) -> None:
    """A provider that defers some of everything with words of volume is grown at nearly as if it did not."""
    drive = Drive(lambda day, before: 100_000, noise=noise)
    drive.live(35)
    assert max(drive.accepted[-5:]) >= 0.9 * planned(LAST)


def test_deferrals_that_come_with_volume_hold() -> None:
    """Where the same share is deferred above some volume alone, the lane stays about there."""
    drive = Drive(lambda day, before: 3_000)
    drive.live(40)
    assert max(drive.caps[15:]) < 4_500
    assert sum(one.deferred > 0 for one in drive.past[20:]) <= 5


def test_usual_deferrals_are_those_of_low_volume() -> None:
    """What is deferred at half of a volume is usual; what is deferred near it says nothing of that."""
    window = Window(MONDAY, FIRST, FIRST + DAY)
    low = WindowEvidence(window=window, step=1, cap=500, attempted=500, accepted=490, deferred=10)
    high = attrs.evolve(low, attempted=900, accepted=700, deferred=200)
    assert usual_deferrals([high], 1_000) is None
    found = usual_deferrals([low, high], 1_000)
    assert found is not None
    assert 0.01 < found <= 0.02


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(0, 6), st.booleans())
def test_a_share_lies_between_nothing_and_all(took: int, full: int, day: int, twice: bool) -> None:
    """A weekday opens with some of a full day and never with more of it; weeks of peace undo it."""
    on = MONDAY + timedelta(days=day)
    learned = noticed(Learned(), on, took, full)
    if twice:
        learned = noticed(learned, on, took, full)
    assert 1 <= share_of(learned, on) <= FULL
    assert share_of(learned, on + timedelta(days=1)) == FULL
    before = share_of(learned, on)
    for _ in range(60):
        learned = eased(learned, on)
        assert share_of(learned, on) >= before
        before = share_of(learned, on)
    assert learned.slow == ()
