"""Today's aim: what it never does, and that finding it anew changes nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.errors import PlanError
from warmup.model import Stream
from warmup.plan.aim import HORIZON, Queued, Steadiness, aim, expected
from warmup.plan.demand import Demand, DemandStream, of_streams, whole_days
from warmup.plan.steady import Flow, steady

DAYS = 25
counts = st.integers(0, 60)
NOTHING = Steadiness(keep_warm=0, patience=7)


@st.composite
def queues(draw: st.DrawFn) -> list[Queued]:
    """Mail of two streams, of every age and deadline."""
    return [
        Queued(
            draw(st.sampled_from(["patient", "urgent"])),
            draw(st.integers(0, 9)),
            draw(st.none() | st.integers(0, 9)),
            draw(st.integers(1, 50)),
        )
        for _ in range(draw(st.integers(0, 5)))
    ]


@given(
    queued=queues(),
    coming=st.lists(counts, max_size=DAYS),
    caps=st.lists(counts, min_size=DAYS, max_size=DAYS),
    weights=st.lists(st.integers(0, 2), min_size=DAYS, max_size=DAYS),
    gone=st.integers(0, 40),
    keep_warm=st.integers(0, 20),
)
def test_an_aim_lies_between_what_must_go_and_the_cap(
    queued: list[Queued], coming: list[int], caps: list[int], weights: list[int], gone: int, keep_warm: int
) -> None:
    """It never exceeds the cap, never takes back what went, lets the keep-warm volume go, and what is due."""
    policy = Steadiness(keep_warm=keep_warm, patience=3)
    found = aim(
        queued,
        {"patient": coming},
        {"urgent": 1},
        gone=gone,
        caps=caps,
        weights=weights,
        lanes=2,
        policy=policy,
    )
    due = sum(one.count for one in queued if one.due == 0) if weights[0] else 0
    assert min(max(gone + due, 2 * keep_warm), caps[0]) <= found <= caps[0]


@given(
    arrivals=st.lists(counts, min_size=DAYS, max_size=DAYS),
    caps=st.lists(st.integers(20, 80), min_size=DAYS, max_size=DAYS),
    weights=st.lists(st.integers(1, 2), min_size=DAYS, max_size=DAYS),
)
def test_who_finds_it_anew_each_day_follows_the_steadiest_release(
    arrivals: list[int], caps: list[int], weights: list[int]
) -> None:
    """Day by day, from what is left, the aims are the releases of the whole, within two messages a day."""
    whole = steady([Flow(name="mail", arrivals=arrivals[: DAYS - 7])], caps, weights)
    waiting: list[tuple[int, int]] = []
    told = []
    for day in range(DAYS - 7):
        queued = [Queued("mail", day - came, None, count) for came, count in waiting if count]
        rest = arrivals[day : DAYS - 7]
        told.append(
            aim(queued, {"mail": rest}, {}, gone=0, caps=caps[day:], weights=weights[day:], policy=NOTHING)
        )
        waiting.append((day, arrivals[day]))
        left = told[-1]
        for place, (came, count) in enumerate(waiting):
            some = min(left, count)
            waiting[place] = (came, count - some)
            left -= some
    assert all(abs(a - b) <= 2 for a, b in zip(told, whole.releases, strict=False)), (told, whole.releases)


@given(arrivals=st.lists(counts, min_size=1, max_size=DAYS), old=counts, hours=st.integers(1, 20))
def test_who_finds_it_anew_each_hour_finds_the_same(arrivals: list[int], old: int, hours: int) -> None:
    """What went in the course of the day counts as gone: the aim is the morning's, within a message."""
    caps, weights = [100] * DAYS, [1] * DAYS

    def now(gone: int) -> int:
        first = min(gone, old)
        queued = [Queued("mail", 1, None, old - first), Queued("mail", 0, None, arrivals[0] - (gone - first))]
        rest = [0, *arrivals[1:]]
        return aim(queued, {"mail": rest}, {}, gone=gone, caps=caps, weights=weights, policy=NOTHING)

    morning = now(0)
    assert abs(now(min(morning, hours * morning // 20)) - morning) <= 1


def test_mail_that_may_wait_beyond_what_is_seen_presses_nothing_today() -> None:
    """A steady 10 a day is 10 a day, although the last days looked at end with mail in the queue."""
    found = aim(
        [], {"mail": [10] * HORIZON}, {}, gone=0, caps=[99] * HORIZON, weights=[1] * HORIZON, policy=NOTHING
    )
    assert 9 <= found <= 10


def test_what_is_expected_is_each_weekdays_mean() -> None:
    """Four weeks count, days that nobody saw do not, and halves are rounded up."""
    monday = date(2026, 12, 7)
    past = {monday - timedelta(weeks=week): 10 * week for week in range(1, 7)}
    past |= {monday - timedelta(days=1): 3, monday - timedelta(days=8): 4}
    assert expected(past, monday, 8) == [25, 0, 0, 0, 0, 0, 4, 25]


def test_two_days_are_the_day_of_arrival_and_the_next() -> None:
    """Mail of the morning that has two days has no third one."""
    day = 86_400_000_000
    assert [whole_days(span) for span in (0, day, 2 * day, 2 * day + 1, 7 * day)] == [0, 0, 1, 1, 6]


def test_a_policy_out_of_range_is_refused_with_every_mistake() -> None:
    """Both fields are named, with the mend."""
    with pytest.raises(PlanError) as caught:
        Steadiness(keep_warm=-1, patience=0)
    assert [problem.field for problem in caught.value.problems] == ["keep_warm", "patience"]
    assert all(problem.mend for problem in caught.value.problems)


def test_a_demands_streams_are_those_of_the_configuration() -> None:
    """An unknown name is of the default stream; the demand's deadline holds, of two the shorter."""
    day = 86_400_000_000
    streams = {
        "default": Stream(name="default", priority=7, deadline=5 * day),
        "urgent": Stream(name="urgent", priority=0, deadline=day),
    }
    demand = Demand(
        name="test",
        start=date(2026, 12, 1),
        streams=(
            DemandStream(name="mail", arrivals={"google": (1, 2)}),
            DemandStream(name="urgent", arrivals={"google": (3, 4)}, deadline=2),
            DemandStream(name="letter", arrivals={"google": (5, 6), "yahoo": (7, 8)}, deadline=1),
        ),
    )
    plain, urgent = of_streams(demand, streams).streams
    assert (plain.name, plain.priority, plain.deadline) == ("default", 7, 1)
    assert plain.arrivals == {"google": (6, 8), "yahoo": (7, 8)}
    assert (urgent.name, urgent.priority, urgent.deadline) == ("urgent", 0, 2)
