"""Mail with windows under caps: least, exact, whole, and every window kept."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quadratic import Case, cases, least_in_runs

from warmup.errors import PlanError
from warmup.plan.convex import held, levels
from warmup.plan.joint import joint, joint_releases
from warmup.plan.windows import Batch, batches, narrow, short


class Windows(NamedTuple):
    """Mail that can be served within the bounds."""

    mail: list[Batch]
    weights: list[int]
    caps: list[int]
    low: list[int]


@st.composite
def windows(draw: st.DrawFn, days: int = 12, largest: int = 60) -> Windows:
    """Windows of any kind, one within another too, caps that leave some room and bounds below."""
    count = draw(st.integers(1, days))
    place = st.integers(0, count - 1)
    weights = draw(st.lists(st.sampled_from([0, 1, 2, 3, 7, 10]), min_size=count, max_size=count))
    sent = [0] * count
    mail = []
    for _ in range(draw(st.integers(0, 2 * count))):
        first, day, last = sorted(draw(st.tuples(place, place, place)))
        some = draw(st.integers(1, largest))
        if weights[day]:
            sent[day] += some
            mail.append((first, last, some))
    spare = st.one_of(st.just(0), st.integers(0, 3 * largest))
    caps = [some + draw(spare) if weight else 0 for some, weight in zip(sent, weights, strict=True)]
    low = [draw(st.sampled_from([0, some // 2, some])) for some in sent]
    return Windows(sorted(mail), weights, caps, low)


@settings(max_examples=150)
@given(case=windows())
def test_release_of_windows_is_what_a_quadratic_programme_finds(case: Windows) -> None:
    """No release that serves all mail within its windows is steadier, with dips and days with a floor."""
    answer = least_in_runs(*case)
    found = joint_releases(*case)
    assert all(abs(ours - theirs) < 1e-4 for ours, theirs in zip(found, answer, strict=True))


@given(case=windows(days=40, largest=1_000))
def test_whole_messages_keep_to_every_window_and_cap(case: Windows) -> None:
    """Whole releases are within one message of the real ones, keep to caps and floors and serve all mail."""
    found = joint(*case)
    for ours, exact, most, least in zip(found, joint_releases(*case), case.caps, case.low, strict=True):
        assert abs(ours - exact) < 1
        assert least <= ours <= most
    assert sum(found) == sum(count for _, _, count in case.mail)
    assert short(case.mail, found) is None


@given(case=cases(days=60, largest=10**5))
def test_two_ways_with_one_deadline_agree_to_the_last_fraction(case: Case) -> None:
    """Where mail goes in the order of its arrival, decomposing gives what levels between two walls give."""
    found = joint_releases(batches(case.lower, case.upper), case.weights, case.caps)
    pairs = zip(case.weights, levels(*case), case.caps, strict=True)
    assert found == [Fraction(*held(weight, level, 0, cap)) for weight, level, cap in pairs]


def test_urgent_mail_raises_its_own_days_and_no_others() -> None:
    """Two urgent days keep their level, the patient mail around them is spread over all other days."""
    mail = [(0, 6, 50), (2, 2, 30), (4, 4, 20)]
    assert joint(mail, [1] * 7, [100] * 7) == [10, 10, 30, 10, 20, 10, 10]
    # Where the second cap dips, the others take its part.
    assert joint(mail, [1] * 7, [100, 6, 100, 100, 100, 100, 100]) == [11, 6, 30, 11, 20, 11, 11]


def test_caps_that_differ_by_a_hair_bind_in_their_order() -> None:
    """14 for a weight of 10 is less than 10 for a weight of 7: the first binds, the second does not."""
    found = joint_releases([(0, 2, 31)], [7, 10, 5], [10, 14, 100])
    assert found == [Fraction(119, 12), 14, Fraction(85, 12)]


def test_days_in_reach_of_what_fails_are_short() -> None:
    """Mail that fails finds its days full; what fills them could have gone earlier: those are short too."""
    mail = [(0, 2, 3), (2, 2, 2), (4, 5, 1)]
    assert short(mail, [1, 1, 2, 9, 0, 1]) == [True, True, True, False, False, False]
    assert short(mail, [1, 1, 3, 0, 0, 1]) is None
    assert narrow(mail, [False, True, True, False, True, True]) == [(0, 1, 3), (1, 1, 2), (2, 3, 1)]
    assert narrow([(0, 1, 3), (1, 2, 4)], [False, True, False]) == [(0, 0, 7)]


def test_mail_that_cannot_go_is_said() -> None:
    """Windows that hold more than their days may release are an error that names a day."""
    with pytest.raises(PlanError, match="day 1"):
        joint([(0, 3, 2), (1, 2, 9)], [1] * 4, [9, 4, 4, 9])
    with pytest.raises(PlanError, match="day 1"):
        joint([(1, 1, 1)], [1, 0, 1], [9, 0, 9])
