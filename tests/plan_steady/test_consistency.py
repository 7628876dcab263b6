"""The consistency score: bounds, scale, order, and what is perfect."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.errors import PlanError
from warmup.model import Shape
from warmup.pacing import hours
from warmup.plan.calendar import shape, window_of
from warmup.plan.consistency import consistency, day_overlap, hour_overlap
from warmup.plan.patterns import OFFICE, PATTERNS, Pattern

counts = st.lists(st.integers(0, 10_000), min_size=1, max_size=30)
weights = st.lists(
    st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(3, 10), Fraction(0)]), min_size=7, max_size=7
)
rows = st.lists(st.integers(0, 1_000), min_size=24, max_size=24)
patterns = st.sampled_from(sorted(PATTERNS))


def office(cap: int) -> tuple[int, ...]:
    """The hours of a cap on a plain day."""
    day: Shape = shape(window_of("UTC", date(2026, 12, 1)), "UTC", OFFICE)
    return hours(day, cap)


@given(weeks=st.integers(1, 4), weekly=weights, times=st.integers(1, 500))
def test_a_perfect_plan_scores_100(weeks: int, weekly: list[Fraction], times: int) -> None:
    """Days as their weights say, hours as the pattern says: 100."""
    sent = [int(10 * weight) * times for weight in weekly] * weeks
    found = consistency(
        sent, weekly * weeks, hours=[[weight * 7 for weight in OFFICE.weights]], pattern=OFFICE.weights
    )
    assert found is not None
    assert found.score == 100


@pytest.mark.parametrize("cap", [1, 3, 24, 50, 997, 50_000])
def test_whole_messages_are_no_fault(cap: int) -> None:
    """The plan's own hours score 100 at any volume, as do days that differ by the one message of rounding."""
    found = consistency([cap, cap + 1, cap, cap], hours=[office(cap)], pattern=OFFICE.weights)
    assert found is not None
    assert found.score == 100


@given(sent=counts, weekly=weights, row=rows, name=patterns, grain=st.integers(0, 1))
def test_score_lies_between_0_and_100(
    sent: list[int], weekly: list[Fraction], row: list[int], name: str, grain: int
) -> None:
    """Whatever was sent, both overlaps are 0 to 1 and the score 0 to 100."""
    spread = [weekly[day % 7] for day in range(len(sent))]
    found = consistency(sent, spread, hours=[row], pattern=PATTERNS[name].weights, grain=grain)
    if found is None:
        assert not any(sent)
        assert not any(row)
        return
    assert 0 <= found.days <= 1
    assert 0 <= found.hours <= 1
    assert 0 <= found.score <= 100
    assert found.score == 100 or found.days * found.hours < 1


@given(sent=counts, row=rows, name=patterns, times=st.integers(2, 1_000))
def test_score_is_free_of_scale(sent: list[int], row: list[int], name: str, times: int) -> None:
    """A hundred times the mail in the same proportions has the same score; what is forgiven only shrinks."""
    pattern = PATTERNS[name].weights
    more, longer = [count * times for count in sent], [count * times for count in row]
    assert day_overlap(more, [1] * len(sent), 0) == day_overlap(sent, [1] * len(sent), 0)
    assert hour_overlap([longer], pattern, 0) == hour_overlap([row], pattern, 0)
    assert (
        day_overlap(sent, [1] * len(sent), 0)
        <= day_overlap(more, [1] * len(sent))
        <= day_overlap(sent, [1] * len(sent))
    )
    assert hour_overlap([row], pattern, 0) <= hour_overlap([longer], pattern) <= hour_overlap([row], pattern)


@given(sent=st.lists(st.integers(0, 10_000), min_size=4, max_size=20))
def test_a_burstier_order_of_the_same_days_scores_less(sent: list[int]) -> None:
    """The same days, small and large by turns instead of in order, never score more."""
    ordered = sorted(sent)
    half = len(ordered) // 2
    inner = [ordered[0]]
    low, high = ordered[1:half], ordered[half:-1]
    while low or high:
        if high:
            inner.append(high.pop())
        if low:
            inner.append(low.pop(0))
    zigzag = [*inner, ordered[-1]]
    assert day_overlap(zigzag, [1] * len(sent), 0) <= day_overlap(ordered, [1] * len(sent), 0)


def test_every_other_day_shares_nothing_and_growth_shares_most() -> None:
    """Bursts score 0, 30 % growth a day scores 87: the figures of the documentation."""
    assert day_overlap([1_000, 0] * 5, [1] * 10) == Fraction(1, 1_000)
    assert day_overlap([1_000, 0] * 5, [1] * 10, 0) == 0
    assert round(100 * day_overlap([int(1_000 * 1.3**day) for day in range(20)], [1] * 20, 0)) == 87


def test_more_in_the_wrong_hour_scores_less() -> None:
    """Mail moved out of the pattern lowers the score message by message."""
    row = [100] * 24
    last = Fraction(2)
    for moved in range(0, 101, 10):
        found = hour_overlap([[100 + moved, 100 - moved, *row[2:]]], [1] * 24, 0)
        assert found == 1 - Fraction(moved, 2_400)
        assert found < last
        last = found
    assert hour_overlap([[2_400] + [0] * 23], [1] * 24, 0) == Fraction(1, 24)


@given(sent=counts, weekly=weights, row=rows, worse=rows)
def test_score_rises_with_either_part(
    sent: list[int], weekly: list[Fraction], row: list[int], worse: list[int]
) -> None:
    """Of two records with the same days, the one with the better hours scores no less."""
    spread = [weekly[day % 7] for day in range(len(sent))]
    one, two = (consistency(sent, spread, hours=[hour], pattern=OFFICE.weights) for hour in (row, worse))
    if one is not None and two is not None:
        assert (one.hours >= two.hours) <= (one.score >= two.score)


def test_days_without_mail_do_not_break_the_score() -> None:
    """Days without weight are passed over, mail on them counts against it; no mail has no score."""
    week = [Fraction(1)] * 5 + [Fraction(0)] * 2
    assert day_overlap([100] * 5 + [0, 0], week) == 1
    assert day_overlap([100] * 5 + [100, 0], week) < 1
    assert day_overlap([0] * 7 + [100] * 7, [1] * 14, 0) == 1 - Fraction(100, 1_300)
    assert consistency([0] * 30, hours=[[0] * 24]) is None
    assert consistency([]) is None


def test_hours_of_each_day_are_judged_by_themselves() -> None:
    """Two days that are wrong in opposite ways do not make a right one."""
    early, late = [10] * 12 + [0] * 12, [0] * 12 + [10] * 12
    apart, together = (
        consistency([120, 120], hours=given_rows) for given_rows in ([early, late], [[10] * 24])
    )
    assert apart is not None
    assert together is not None
    assert apart.to_dict() == {"score": 50.0, "days": 1.0, "hours": 0.5}
    assert together.score == 100


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": [1]},
        {"hours": [[1] * 23]},
        {"pattern": [1]},
        {"hours": [[-1] * 24]},
    ],
)
def test_wrong_rows_are_refused(wrong: dict[str, list[int]]) -> None:
    """Rows that do not fit the days or the hours are an error that says so."""
    with pytest.raises(PlanError, match="consistency"):
        consistency([1, 2, 3], **wrong)  # type: ignore[arg-type]


def test_shaping_a_newsletter_raises_its_score() -> None:
    """Demand as it would arrive, against the release made of it: the score tells them apart."""
    from warmup.plan.steady import Flow, steady

    arrivals = [2_000, 40_000, 2_000, 2_000, 2_000, 0, 0] * 8
    week = ([Fraction(1)] * 5 + [Fraction(1, 2)] * 2) * 8
    release = steady([Flow(name="news", arrivals=arrivals, deadline=6)], [50_000] * 56, week).releases
    raw, shaped = consistency(arrivals, week), consistency(release, week)
    assert raw is not None
    assert shaped is not None
    assert raw.score < 40
    assert shaped.score > 90


def test_pattern_without_a_name_will_do() -> None:
    """Any 24 weights are a pattern."""
    assert hour_overlap([[1] * 24], Pattern("1", (1,) * 24).weights) == 1
