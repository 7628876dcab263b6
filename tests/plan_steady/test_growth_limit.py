"""Growth after the warm-up is governed, and does not compound daily."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.errors import PlanError
from warmup.plan.growth import GrowthPolicy, growth_limit


def grow(start: int, days: int, policy: GrowthPolicy) -> list[int]:
    """Send all that may be sent, day after day, after 40 days at ``start``."""
    history = [start] * 40
    for _ in range(days):
        limit = growth_limit(history, policy)
        assert limit is not None
        history.append(limit)
    return history


@pytest.mark.parametrize("days", [1, 7, 8, 30, 90])
def test_growth_compounds_weekly_at_most(days: int) -> None:
    """A lane that always sends all it may grows 1.3^ceil(n / 7) times in n days, and no more."""
    largest = max(grow(10_000, days, GrowthPolicy()))
    assert largest <= 10_000 * Fraction(13, 10) ** -(-days // 7)
    assert largest >= 9_900 * Fraction(13, 10) ** -(-days // 7)


def test_a_reference_that_ends_yesterday_would_compound_daily() -> None:
    """Why the reference ends 7 days ago: over the running maximum, 30 % a day is 1.3^90 in 90 days."""
    daily = max(grow(10_000, 90, GrowthPolicy(lag=1)))
    assert daily > 10_000 * 10**9
    assert max(grow(10_000, 90, GrowthPolicy())) < 10_000 * 31


def test_the_reference_is_the_30_days_that_ended_7_days_ago() -> None:
    """Days younger than 7 days and older than the 30 before them do not count."""
    policy = GrowthPolicy(least=0)
    for ago in (1, 6, 37, 50):
        history = [1_000] * 60
        history[-ago] = 50_000
        assert growth_limit(history, policy) == 1_300
    for ago in (7, 36):
        history = [1_000] * 60
        history[-ago] = 50_000
        assert growth_limit(history, policy) == 65_000


def test_the_limit_is_rounded_down() -> None:
    """1.3 times 1,003 is 1,303.9: 1,303 may go."""
    assert growth_limit([1_003] * 7, GrowthPolicy(least=0)) == 1_303


def test_a_lane_without_a_past_is_not_governed() -> None:
    """Before any day is 7 days old there is nothing to compare with; a proven volume is."""
    assert growth_limit([]) is None
    assert growth_limit([900] * 6) is None
    assert growth_limit([900] * 7) == 1_170
    assert growth_limit([], proven=20_000) == 20_000


def test_a_ramp_is_not_braked_by_its_own_beginning() -> None:
    """A lane that doubled its way up keeps what it has earned on the day it is warm."""
    ramp = [50 * 2**step for step in range(10)]
    assert growth_limit(ramp, proven=25_600) == 25_600
    assert growth_limit([*ramp, *[25_600] * 7], proven=25_600) == 33_280


def test_a_silent_lane_may_speak_again() -> None:
    """After 40 days without mail the limit is what providers do not notice, not nothing."""
    assert growth_limit([0] * 40) == 500


@given(
    history=st.lists(st.integers(0, 10**6), min_size=7, max_size=80),
    more=st.integers(0, 10**6),
    data=st.data(),
)
def test_more_in_the_past_never_means_less_today(history: list[int], more: int, data: st.DataObject) -> None:
    """The limit never falls because a lane sent more."""
    place = data.draw(st.integers(0, len(history) - 1))
    raised = [*history]
    raised[place] += more
    before, after = growth_limit(history), growth_limit(raised)
    assert before is not None
    assert after is not None
    assert after >= before


@pytest.mark.parametrize("wrong", [{"factor": Fraction(1, 2)}, {"days": 0}, {"lag": 0}, {"least": -1}])
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    """A factor below 1, an empty reference or a limit below nothing is an error with a mend."""
    with pytest.raises(PlanError, match="growth"):
        GrowthPolicy(**wrong)
