"""The keep-warm floor: as many full days as can be, and never a message that is not there."""

from __future__ import annotations

from itertools import accumulate, combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from quadratic import schedules

from warmup.plan.steady import Flow, steady


@settings(max_examples=100)
@given(
    arrivals=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    deadline=st.integers(0, 4),
    floor=st.integers(1, 5),
    data=st.data(),
)
def test_no_schedule_has_more_days_at_the_floor(
    arrivals: list[int], deadline: int, floor: int, data: st.DataObject
) -> None:
    """Among all releases that are as little late and keep to the caps, none fills the floor on more days."""
    count = len(arrivals)
    caps = data.draw(st.lists(st.integers(0, 7), min_size=count, max_size=count))
    found = steady([Flow(name="mail", arrivals=arrivals, deadline=deadline)], caps, floor=floor)
    upper = list(accumulate(arrivals))
    due = ([0] * deadline + upper)[:count]
    due[-1] = upper[-1]
    gone = 0
    for day, cap in enumerate(caps):
        gone = min(upper[day], gone + cap)
        due[day] = min(due[day], gone)
    best = max(sum(sent >= floor for sent in other) for other in schedules(due, upper, caps))
    assert found.kept == sum(sent >= floor for sent in found.releases) == best
    assert all(
        need <= sum_ <= came for need, sum_, came in zip(due, accumulate(found.releases), upper, strict=True)
    )


@given(
    arrivals=st.lists(st.integers(0, 3_000), min_size=1, max_size=40),
    deadline=st.one_of(st.none(), st.integers(0, 9)),
    floor=st.integers(0, 1_500),
)
def test_a_floor_invents_no_mail(arrivals: list[int], deadline: int | None, floor: int) -> None:
    """With a floor the same mail goes, none before it arrived and none later than its deadline."""
    found = steady(
        [Flow(name="mail", arrivals=arrivals, deadline=deadline)], [10**6] * len(arrivals), floor=floor
    )
    assert sum(found.releases) == sum(arrivals)
    assert all(waits >= 0 for waits in found.backlog)
    assert not found.late


def test_thin_traffic_is_gathered_into_days_that_count() -> None:
    """500 a day against a floor of 1,000: every other day is full, instead of none."""
    flow = Flow(name="mail", arrivals=[500] * 10, deadline=3)
    assert steady([flow], [5_000] * 10).kept == 0
    found = steady([flow], [5_000] * 10, floor=1_000)
    assert found.kept == 5
    assert found.releases == (0, 1_000) * 5


def test_a_large_mailing_keeps_the_lane_warm_for_as_long_as_it_lasts() -> None:
    """A monthly mailing is spread over its deadline; where it cannot fill all days it fills what it can."""
    flow = Flow(name="mail", arrivals=[4_500, *[0] * 9], deadline=9)
    assert steady([flow], [5_000] * 10).releases == (450,) * 10
    found = steady([flow], [5_000] * 10, floor=1_000)
    assert found.kept == 4
    assert found.releases[:4] == (1_000,) * 4
    assert sum(found.releases) == 4_500


def test_several_deadlines_count_towards_one_floor() -> None:
    """Urgent mail counts towards the day's floor; patient mail fills what is missing."""
    flows = [
        Flow(name="urgent", arrivals=[300] * 6, deadline=0, priority=0),
        Flow(name="bulk", arrivals=[2_400, 0, 0, 0, 0, 0], deadline=5),
    ]
    found = steady(flows, [5_000] * 6, floor=700)
    assert found.kept == 6
    assert not found.late


@settings(max_examples=60)
@given(data=st.data(), floor=st.integers(1, 5))
def test_a_floor_of_several_deadlines_is_the_most_where_it_says_so(data: st.DataObject, floor: int) -> None:
    """With several deadlines no days are more than those found, if the answer says that they are the most."""
    count = data.draw(st.integers(1, 6))
    row = st.lists(st.integers(0, 4), min_size=count, max_size=count)
    flows = [
        Flow(name=str(deadline), arrivals=data.draw(row), deadline=deadline)
        for deadline in data.draw(st.lists(st.integers(0, 4), min_size=2, max_size=3, unique=True))
    ]
    found = steady(flows, [100] * count, floor=floor)
    assert not found.late
    assert found.kept == sum(sent >= floor for sent in found.releases)
    mail = [
        (came, min(came + (flow.deadline or 0), count - 1), some)
        for flow in flows
        for came, some in enumerate(flow.arrivals)
    ]

    def enough(days: tuple[int, ...]) -> bool:
        there = sum(some for first, last, some in mail if any(first <= day <= last for day in days))
        return there >= floor * len(days)

    # Days can be filled if the mail that can go on any of them suffices, and so for any of these (Hall).
    subsets = [days for size in range(count + 1) for days in combinations(range(count), size)]
    scarce = [set(days) for days in subsets if not enough(days)]
    best = max(len(days) for days in subsets if not any(few <= set(days) for few in scarce))
    assert found.kept <= best
    assert found.kept == best or not found.most


def test_patient_mail_waits_for_days_that_would_stay_empty() -> None:
    """Filling the first day would leave two later ones short; the floor is kept on those two."""
    flows = [
        Flow(name="short", arrivals=[10, 0, 0], deadline=1),
        Flow(name="long", arrivals=[10, 0, 0], deadline=2),
        Flow(name="urgent", arrivals=[0, 10, 10], deadline=0, priority=0),
    ]
    found = steady(flows, [100] * 3, floor=20)
    assert found.releases == (0, 20, 20)
    assert found.kept == 2
    assert found.most


def test_what_is_not_proved_is_not_claimed() -> None:
    """Where streams get into each other's way, the answer may not know that its days are the most."""
    flows = [
        Flow(name="patient", arrivals=[1, 0, 0, 0], deadline=4),
        Flow(name="urgent", arrivals=[2, 0, 2, 2], deadline=0),
    ]
    found = steady(flows, [100] * 4, floor=3)
    assert found.kept == 1
    assert not found.most
    assert steady(flows, [100] * 4, floor=2).most


def test_a_day_of_rest_is_no_floor_day() -> None:
    """Days without weight stay empty, floor or not."""
    found = steady([Flow(name="mail", arrivals=[300, 0, 0], deadline=2)], [500] * 3, [1, 0, 1], floor=100)
    assert found.releases == (150, 0, 150)
    assert found.kept == 2
