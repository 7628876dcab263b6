"""The steadiest release: least, exact, whole, and under every cap."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quadratic import Case, cases, least

from warmup.errors import PlanError
from warmup.plan.convex import FREE, held, levels
from warmup.plan.smooth import smooth
from warmup.plan.taut import string
from warmup.plan.whole import whole


def real(case: Case) -> list[Fraction]:
    """The exact release, before rounding."""
    return [
        Fraction(*held(weight, level, 0, cap if weight else 0))
        for weight, level, cap in zip(case.weights, levels(*case), case.caps, strict=True)
    ]


@settings(max_examples=150)
@given(case=cases())
def test_release_is_what_a_quadratic_programme_finds(case: Case) -> None:
    """No release that keeps to deadlines and caps is steadier, dips or not; whole messages are within 1."""
    answer = least(case)
    assert all(abs(ours - theirs) < 1e-4 for ours, theirs in zip(real(case), answer, strict=True))
    assert all(abs(ours - theirs) < 1 + 1e-4 for ours, theirs in zip(smooth(*case), answer, strict=True))


@given(case=cases(days=40, largest=10**6, dips=False))
def test_two_ways_without_caps_agree_to_the_last_fraction(case: Case) -> None:
    """The string and the levels are the same release where no cap binds."""
    pulled = [
        weight * Fraction(*level) for weight, level in zip(case.weights, string(*case[:3]), strict=True)
    ]
    assert pulled == real(case)


def test_string_alone_breaks_a_cap_that_dips() -> None:
    """Where caps dip for a weekend and a suspension, the string is above them; the release is not."""
    caps = [900, 900, 900, 900, 900, 300, 300, 900, 900, 0, 0, 900, 900, 900]
    upper = [7_000] * 14
    lower = [0] * 13 + [7_000]
    weights = [1] * 14
    pulled = whole(string(lower, upper, weights), weights)
    assert pulled == [500] * 14
    assert any(sent > cap for sent, cap in zip(pulled, caps, strict=True))
    found = smooth(lower, upper, weights, caps)
    assert found == [640, 640, 640, 640, 640, 300, 300, 640, 640, 0, 0, 640, 640, 640]


@given(case=cases(days=60, largest=10**5))
def test_level_changes_only_where_it_must(case: Case) -> None:
    """A day's price falls only behind a met deadline and rises only behind an empty queue."""
    found = [Fraction(*level) for level in levels(*case)]
    gone = list(accumulate(real(case)))
    for day, sum_ in enumerate(gone):
        assert case.lower[day] <= sum_ <= case.upper[day]
        after = found[day + 1] if day + 1 < len(found) else Fraction(*FREE)
        if after < found[day]:
            assert sum_ == case.lower[day]
        if after > found[day]:
            assert sum_ == case.upper[day]


@given(case=cases(days=40, largest=1_000))
def test_whole_messages_keep_to_every_bound(case: Case) -> None:
    """Whole releases are within one message of the real ones and break no curve and no cap."""
    found = smooth(*case)
    for day, (ours, exact, sum_) in enumerate(zip(found, real(case), accumulate(found), strict=True)):
        assert abs(ours - exact) < 1
        assert 0 <= ours <= case.caps[day]
        assert case.lower[day] <= sum_ <= case.upper[day]
        if not case.weights[day]:
            assert ours == 0


@given(case=cases(days=20, largest=100), times=st.integers(2, 1_000))
def test_weights_are_proportions(case: Case, times: int) -> None:
    """Only the proportions of weights matter."""
    assert smooth(*case) == smooth(
        case.lower, case.upper, [weight * times for weight in case.weights], case.caps
    )


def test_a_day_of_rest_within_a_piece_takes_nothing_back() -> None:
    """A day without weight between two days that share an odd message releases nothing, never less."""
    assert smooth([0, 0, 0, 1], [1, 1, 1, 1], [1, 0, 0, 1], [9, 0, 0, 9]) == [1, 0, 0, 0]
    assert smooth([0, 0, 0, 0, 7], [7] * 5, [2, 0, 2, 0, 2], [9, 0, 9, 0, 9]) == [2, 0, 3, 0, 2]


def test_weekday_weights_shape_the_release() -> None:
    """A large Tuesday is spread over the week as the weights say."""
    arrivals = [0, 24_000, 0, 0, 0, 0, 0] * 6
    upper = list(accumulate(arrivals))
    lower = [0] * 6 + upper[:-6]
    weights = [10, 10, 10, 10, 10, 5, 5] * 6
    found = smooth(lower, upper, weights, [10**6] * 42)
    assert found[8:15] == [4_000, 4_000, 4_000, 4_000, 2_000, 2_000, 4_000]


@pytest.mark.parametrize(
    ("lower", "caps", "low"),
    [([5, 5], [3, 9], None), ([0, 4], [9, 9], [3, 3])],
    ids=["a deadline above the caps", "a floor above the queue"],
)
def test_what_cannot_be_is_said(lower: list[int], caps: list[int], low: list[int] | None) -> None:
    """Curves that no release can keep to are an error that names the day."""
    with pytest.raises(PlanError, match=r"day [01]"):
        levels(lower, [5, 5], [1, 1], caps, low)
