"""What cannot be met: as little as can be, and named with the caps that bind."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quadratic import schedules

from warmup.errors import PlanError
from warmup.plan.lateness import Late, binding, earliest, latest
from warmup.plan.steady import Flow, steady

small = st.lists(st.integers(0, 4), min_size=1, max_size=5)


@settings(max_examples=60)
@given(arrivals=small, deadline=st.integers(0, 2), data=st.data())
def test_lateness_is_the_least_there_can_be(arrivals: list[int], deadline: int, data: st.DataObject) -> None:
    """No release under the caps has less overdue at the end of any day, whatever it does elsewhere."""
    count = len(arrivals)
    caps = data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    found = steady([Flow(name="mail", arrivals=arrivals, deadline=deadline)], caps)
    upper = list(accumulate(arrivals))
    due = ([0] * deadline + upper)[:count]
    overdue = [max(0, need - gone) for need, gone in zip(due, accumulate(found.releases), strict=True)]
    for other in schedules([0] * count, upper, caps):
        theirs = [max(0, need - gone) for need, gone in zip(due, accumulate(other), strict=True)]
        assert all(ours <= their for ours, their in zip(overdue, theirs, strict=True))


@given(
    arrivals=st.lists(st.integers(0, 500), min_size=1, max_size=30),
    deadline=st.one_of(st.none(), st.integers(0, 6)),
    data=st.data(),
)
def test_no_cap_is_exceeded_and_no_message_is_lost_or_invented(
    arrivals: list[int], deadline: int | None, data: st.DataObject
) -> None:
    """However little may go, releases keep to caps, nothing is lost, and late mail is due mail."""
    count = len(arrivals)
    caps = data.draw(st.lists(st.integers(0, 600), min_size=count, max_size=count))
    weights = data.draw(st.lists(st.sampled_from([0, 1, 2]), min_size=count, max_size=count))
    found = steady([Flow(name="mail", arrivals=arrivals, deadline=deadline)], caps, weights)
    for release, cap, weight in zip(found.releases, caps, weights, strict=True):
        assert 0 <= release <= (cap if weight else 0)
    sums = zip(accumulate(arrivals), accumulate(found.releases), found.backlog, strict=True)
    assert all(came - gone == waits >= 0 for came, gone, waits in sums)
    if deadline is None:
        assert not found.late
    else:
        assert sum(late.amount for late in found.late) <= sum(arrivals)


def test_late_mail_is_named_with_the_caps_that_bind() -> None:
    """A Monday too large for its days: how many are late, until when, and which caps would have helped."""
    found = steady(
        [Flow(name="news", arrivals=[100, 1_000, 0, 0, 0, 0, 0], deadline=2)],
        [200, 300, 300, 250, 0, 300, 300],
    )
    assert found.releases == (100, 300, 300, 250, 0, 150, 0)
    assert found.late == (Late(stream="news", day=3, amount=150, since=1, gone=5),)


def test_what_was_overdue_before_the_first_day_is_due_on_it() -> None:
    """A queue that is already too old is late on day 0 as far as it does not go on it."""
    found = steady([Flow(name="mail", arrivals=[0, 0], deadline=1, waiting=(10, 20, 30))], [25, 100])
    assert found.releases == (25, 35)
    assert found.late == (Late(stream="mail", day=0, amount=35, since=0, gone=1),)


def test_a_day_without_weight_makes_its_own_mail_late() -> None:
    """Mail that must go on the day it arrives, on a day on which nothing goes, is late and goes after it."""
    found = steady([Flow(name="mail", arrivals=[5, 5, 5], deadline=0)], [9, 9, 20], [1, 0, 1])
    assert found.releases == (5, 0, 10)
    assert found.late == (Late(stream="mail", day=1, amount=5, since=1, gone=2),)


def test_what_never_goes_is_said() -> None:
    """Mail for which there is no cap until the end stays in the backlog."""
    found = steady([Flow(name="mail", arrivals=[50, 0, 0], deadline=1)], [10, 10, 10])
    assert found.releases == (10, 10, 10)
    assert found.backlog == (40, 30, 20)
    assert found.late == (Late(stream="mail", day=1, amount=30, since=0, gone=None),)


def test_mail_without_a_deadline_goes_within_patience() -> None:
    """A queue without deadlines is spread over its patience, and does not wait for the end."""
    found = steady([Flow(name="mail", arrivals=[800] + [0] * 29)], [1_000] * 30, patience=7)
    assert found.releases == (100,) * 8 + (0,) * 22
    assert not found.late


@given(row=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9))
def test_first_and_last_moment_leave_room_for_each_other(row: list[tuple[int, int]]) -> None:
    """The earliest release is never behind the latest that still meets what can be met."""
    upper = list(accumulate(count for count, _ in row))
    caps = [cap for _, cap in row]
    ahead = earliest(upper, caps)
    need = latest([min(sum_, gone) for sum_, gone in zip(upper, ahead, strict=True)], caps)
    assert all(late <= early for late, early in zip(need, ahead, strict=True))
    for day, since in enumerate(binding(upper, ahead)):
        before = ahead[since - 1] if since else 0
        assert ahead[day] == before + sum(caps[since : day + 1]) or ahead[day] == upper[day]


def test_every_mistake_is_listed_at_once() -> None:
    """Wrong figures come back together, each with its place and a mend."""
    with pytest.raises(PlanError) as caught:
        steady(
            [
                Flow(name="mail", arrivals=[1, -2, 3]),
                Flow(name="mail", arrivals=[0, 0], deadline=-1),
            ],
            [10, -1],
            [1, 1, 1],
            floor=-5,
        )
    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"weights", "flows.mail", "flows.mail.arrivals", "flows.mail.deadline", "caps", "floor"}
    assert all(problem.mend for problem in caught.value.problems)
    with pytest.raises(PlanError, match="no days"):
        steady([], [])
