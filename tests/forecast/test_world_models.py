"""The worlds that are shipped, and what a world of somebody else's has to keep."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmup.contracts import Answer, Setting
from warmup.forecast.desk import REPLIES, Desk
from warmup.forecast.simulate import course
from warmup.forecast.world import Provider, Thinning, Traits
from warmup.forecast.worlds import WORLDS
from warmup.model import Category, Outcome
from warmup.providers import classify
from warmup.testing.worlds import check_world
from warmup.timing import DAY, HOUR, MINUTE, Chance

SETTING: Setting = course(5_000, 30).setting
PLENTY = 1 << 30


@pytest.mark.parametrize("name", WORLDS)
def test_shipped_worlds_keep_what_worlds_promise(name: str) -> None:
    """Every world we ship passes the conformance suite that others can run on theirs."""
    check_world(WORLDS[name], targets=(300, 1_000), days=8, seeds=(1,))


@given(rate=st.sampled_from([0.0005, 0.01, 0.3, 1.0]), bundles=st.lists(st.integers(1, 400), max_size=40))
@settings(max_examples=60)
def test_chance_does_not_see_bundles(rate: float, bundles: list[int]) -> None:
    """Which messages chance picks does not depend on how they are bundled."""

    def picks(sizes: list[int]) -> list[int]:
        thinning, found, at = Thinning(Chance(7), "x"), [], 0
        for size in sizes:
            left = size
            while left:
                ahead = thinning.ahead(rate, left)
                thinning.passed(rate, ahead)
                at, left = at + ahead, left - ahead
                if left:
                    thinning.picked()
                    found.append(at)
                    at, left = at + 1, left - 1
        return found

    assert picks(bundles) == picks([1] * sum(bundles))


def test_chance_picks_at_its_rate() -> None:
    """A rate of 1 % picks one message in a hundred, within four standard deviations of 200,000."""
    thinning, picked, left = Thinning(Chance(3), "y"), 0, 200_000
    while left:
        ahead = thinning.ahead(0.01, left)
        thinning.passed(0.01, ahead)
        left -= ahead
        if left:
            thinning.picked()
            picked, left = picked + 1, left - 1
    assert abs(picked - 2_000) < 4 * 45


def _day(provider: Provider, day: int, attempts: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    left = attempts
    while left:
        run = provider.answer(SETTING.start + day * DAY, left, 0, PLENTY)
        counts[run.category] += run.attempts
        left -= run.attempts
    return counts


def _provider(**words: Any) -> Provider:
    traits = {"invalid": 0.0, "complain": 0.0, "first": 100, "growth": 1.5} | words
    return Provider(Traits(**traits), SETTING, Chance(1))


def test_tolerance_follows_clean_volume() -> None:
    """Who fills the day without pushing is given half as much again on the next."""
    provider = _provider()
    assert _day(provider, 0, 100) == {Category.ACCEPTED: 100}
    assert _day(provider, 1, 160) == {Category.ACCEPTED: 150, Category.VOLUME_LIMITED: 10}


def test_pushing_costs() -> None:
    """A day of pushing shrinks the habit, an assault is blocked for the rest of the day."""
    provider = _provider(stall=True, lenience=0.02, block_over=2.0)
    _day(provider, 0, 100)
    assert _day(provider, 1, 180)[Category.VOLUME_LIMITED] == 30
    provider.answer(SETTING.start + 2 * DAY, 1, 0, 1)
    assert provider.tolerance(2) < 150
    assert _day(provider, 2, 900)[Category.IP_REPUTATION_BLOCK] > 300
    assert Category.IP_REPUTATION_BLOCK not in _day(provider, 3, 10)


def test_greylisting_lets_in_who_comes_back() -> None:
    """The first try waits, a later one of the same age as the wait gets in."""
    provider = _provider(greylist=10 * MINUTE)
    at = SETTING.start + HOUR
    assert provider.answer(at, 5, 0, PLENTY) == Answer(5, Category.GREYLIST)
    assert provider.answer(at, 5, 9 * MINUTE, PLENTY) == Answer(5, Category.GREYLIST)
    assert provider.answer(at, 5, 10 * MINUTE, PLENTY) == Answer(5, Category.ACCEPTED)


def test_who_is_asked_to_come_back_is_not_blocked_for_coming_back() -> None:
    """Greylisted tries count neither as pushing nor towards an assault."""
    provider = _provider(first=50, greylist=10 * MINUTE, block_over=1.5)
    at = SETTING.start + HOUR
    for age in range(5):
        assert provider.answer(at, 200, age * MINUTE, PLENTY) == Answer(200, Category.GREYLIST)
    assert provider.answer(at, 60, 10 * MINUTE, PLENTY) == Answer(50, Category.ACCEPTED)
    assert provider.answer(at, 10, 10 * MINUTE, PLENTY) == Answer(10, Category.VOLUME_LIMITED)


def test_a_copy_goes_its_own_way() -> None:
    """Looking ahead on a copy changes nothing for the original."""
    provider = _provider(first=50)
    twin = copy.deepcopy(provider)
    _day(twin, 0, 50)
    assert _day(provider, 0, 60) == {Category.ACCEPTED: 50, Category.VOLUME_LIMITED: 10}


def test_complaints_arrive_late_and_name_their_message() -> None:
    """A complaint comes hours or days after its message and says when that was accepted."""
    provider = _provider(first=10_000, complain=0.01)
    _day(provider, 0, 5_000)
    assert list(provider.complaints(SETTING.start)) == []
    told = provider.complaints(SETTING.start + 5 * DAY)
    assert 20 < len(told) < 90
    assert {one.accepted_at for one in told} == {SETTING.start}
    assert provider.complaints(SETTING.start + 9 * DAY) == []


class Forgetful:
    """A world that breaks a rule: refusals ignore patience."""

    name = "forgetful"

    def begin(self, setting: Setting, chance: Chance) -> Forgetful:
        return Forgetful()

    def answer(self, at: int, attempts: int, age: int, patience: int) -> Answer:
        return Answer(attempts, Category.VOLUME_LIMITED)


class Moody(Forgetful):
    """A world that breaks a rule: the answer depends on the bundle."""

    def begin(self, setting: Setting, chance: Chance) -> Moody:
        return Moody()

    def answer(self, at: int, attempts: int, age: int, patience: int) -> Answer:
        return Answer(1, Category.ACCEPTED if attempts % 2 else Category.GREYLIST)


@pytest.mark.parametrize(
    ("world", "complaint"), [(Forgetful(), "patience of 3"), (Moody(), "how attempts are bundled")]
)
def test_the_suite_finds_what_is_broken(world: Forgetful, complaint: str) -> None:
    """The conformance suite says which rule a world breaks."""
    with pytest.raises(AssertionError, match=complaint):
        check_world(world, targets=(300,), days=4, seeds=(1,))


def test_replies_at_the_desk_mean_what_the_world_says() -> None:
    """Each answer of a world, spoken as an SMTP reply, is classified as what the world meant."""
    for category, (reply, stage) in REPLIES.items():
        assert classify("google", reply, stage).category is category


def test_the_desk_knows_retries() -> None:
    """Message by message a greylisted delivery is let in when it comes back old enough."""
    desk = Desk(_provider(greylist=10 * MINUTE))
    at = SETTING.start
    assert desk.answer("a", at).outcome is Outcome.DEFERRED
    assert desk.answer("b", at + 10 * MINUTE).outcome is Outcome.DEFERRED
    assert desk.answer("a", at + 10 * MINUTE).outcome is Outcome.ACCEPTED
