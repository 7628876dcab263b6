"""The statistics of small rates."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmup.reputation.sequential import Detector, interval

PAIRS = st.lists(
    st.tuples(st.integers(0, 80), st.integers(0, 4)).map(lambda pair: (pair[0] + pair[1], pair[1])),
    max_size=12,
)
RATES = st.sampled_from([0.001, 0.003, 0.02, 0.05, 0.1, 0.5])


@given(PAIRS, RATES)
@settings(max_examples=200)
def test_the_quick_answer_is_the_whole_answer(pairs: list[tuple[int, int]], p0: float) -> None:
    """What is skipped to be quick never changes whether an alarm sounds."""
    detector = Detector(p0, 1000)
    assert detector.alarms(pairs) == (detector.evidence(pairs) >= 1000)


@given(PAIRS.filter(bool), RATES, st.data())
@settings(max_examples=60)
def test_one_more_bad_one_is_never_less_evidence(
    pairs: list[tuple[int, int]], p0: float, data: st.DataObject
) -> None:
    """Evidence grows with each bad one among the same trials."""
    index = data.draw(st.integers(0, len(pairs) - 1))
    n, k = pairs[index]
    if k < n:
        worse = [*pairs[:index], (n, k + 1), *pairs[index + 1 :]]
        detector = Detector(p0, 1000)
        assert detector.evidence(worse) >= detector.evidence(pairs)


def test_a_false_alarm_is_as_rare_as_it_says() -> None:
    """At a rate of exactly the threshold, fewer than a tenth of runs of 500 days raise an alarm."""
    detector, false, runs = Detector(0.02, 1000), 0, 60
    for seed in range(runs):
        chance = random.Random(seed)
        days = [(50, sum(chance.random() < 0.02 for _ in range(50))) for _ in range(500)]
        false += any(detector.alarms(days[max(0, day - 30) : day]) for day in range(1, 501))
    assert false < runs / 10


def test_a_good_past_is_no_shield() -> None:
    """A lane that was well for months is found out as soon as a fresh one, or nearly so."""
    detector = Detector(0.001, 1000)
    bad = [(100, 2)] * 10

    def found(past: list[tuple[int, int]]) -> int:
        return next(day for day in range(1, 11) if detector.alarms([*past, *bad[:day]]))

    assert found([(100, 0)] * 300) <= found([]) + 1


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_intervals_hold_what_was_seen(good: int, bad: int) -> None:
    """An interval lies within 0 to 1 and holds the share that was seen."""
    n = good + bad
    low, high = interval(n, bad)
    share = bad / n if n else 0.5
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1


def test_an_interval_covers_at_every_look() -> None:
    """Looked at again and again, an interval of 95 % misses the true rate in fewer than one run of ten."""
    missed = 0
    for seed in range(60):
        chance, k = random.Random(seed), 0
        for n in range(1, 1200):
            k += chance.random() < 0.05
            if n % 7 == 0:
                low, high = interval(n, k)
                if not low <= 0.05 <= high:
                    missed += 1
                    break
    assert missed < 6


@pytest.mark.parametrize(("n", "k"), [(3, 4), (3, -1)])
def test_impossible_counts_are_refused(n: int, k: int) -> None:
    """More bad ones than trials is a bug somewhere and is said."""
    with pytest.raises(ValueError, match="no count"):
        interval(n, k)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Detector(0.0, 1000)
