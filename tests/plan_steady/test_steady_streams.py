"""Streams of several deadlines, and sources that share a release."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quadratic import least_together

from warmup.errors import PlanError
from warmup.plan.flows import flow_class
from warmup.plan.lateness import Late, earliest
from warmup.plan.mix import seats
from warmup.plan.share import share
from warmup.plan.steady import PATIENCE, Flow, Steady, steady

Question = tuple[list[Flow], list[int], list[int]]


@st.composite
def questions(draw: st.DrawFn, roomy: bool) -> Question:
    """Two or three streams, caps and weights."""
    count = draw(st.integers(1, 10))
    row = st.lists(
        st.one_of(st.just(0), st.integers(0, 100), st.integers(0, 400)), min_size=count, max_size=count
    )
    flows = [
        Flow(
            name=f"s{place}",
            arrivals=draw(row),
            deadline=draw(st.sampled_from([0, 1, 2, 3, 5, None])),
            priority=draw(st.integers(0, 9)),
        )
        for place in range(draw(st.integers(2, 3)))
    ]
    cap = st.sampled_from([300, 500, 900, 5_000] if roomy else [0, 50, 150, 300, 900])
    caps = draw(st.lists(cap, min_size=count, max_size=count))
    weights = draw(st.lists(st.sampled_from([1, 2, 3]), min_size=count, max_size=count))
    return flows, caps, weights


def kept(found: Steady, flows: list[Flow], caps: list[int]) -> None:
    """Check what holds of any answer."""
    for day, cap in enumerate(caps):
        assert found.releases[day] == sum(row[day] for row in found.streams.values()) <= cap
    for flow in flows:
        gone = list(accumulate(found.streams[flow.name]))
        assert all(sent <= came for sent, came in zip(gone, accumulate(flow.arrivals), strict=True))
        if flow.deadline is not None:
            due = list(([0] * flow.deadline + list(accumulate(flow.arrivals)))[: len(caps)])
            for late in [late for late in found.late if late.stream == flow.name]:
                before = due[late.day - 1] if late.day else 0
                assert late.amount == due[late.day] - max(gone[late.day], before)
            days = {late.day for late in found.late if late.stream == flow.name}
            for day, need in enumerate(due):
                before = due[day - 1] if day else 0
                assert (need > max(gone[day], before)) == (day in days)


@settings(max_examples=80)
@given(question=questions(roomy=True))
def test_release_of_several_deadlines_is_what_a_quadratic_programme_finds(question: Question) -> None:
    """Several streams under one cap: no release that keeps all deadlines is steadier; whole, within 1."""
    flows, caps, weights = question
    found = steady(flows, caps, weights)
    kept(found, flows, caps)
    curves = [flow_class((flow,), len(caps), PATIENCE) for flow in flows]
    answer = least_together([(curve.due, curve.upper) for curve in curves], caps, weights)
    if answer is None:
        return
    assert not found.late
    assert all(abs(ours - theirs) < 1.01 for ours, theirs in zip(found.releases, answer, strict=True))


@settings(max_examples=80)
@given(question=questions(roomy=False))
def test_scarce_caps_are_used_as_steadily_as_can_be(question: Question) -> None:
    """Where caps do not suffice, no release is steadier in which no stream is later on any day."""
    flows, caps, weights = question
    found = steady(flows, caps, weights)
    kept(found, flows, caps)
    walls = []
    for flow in flows:
        curve = flow_class((flow,), len(caps), PATIENCE)
        walls.append((list(map(min, curve.due, accumulate(found.streams[flow.name]))), curve.upper))
    answer = least_together(walls, caps, weights)
    assert answer is not None
    assert all(abs(ours - theirs) < 1.01 for ours, theirs in zip(found.releases, answer, strict=True))


@given(question=questions(roomy=False))
def test_at_the_end_of_each_day_as_little_as_possible_is_overdue(question: Question) -> None:
    """Whatever else had gone first, no less of all streams' mail would be overdue on any day."""
    flows, caps, weights = question
    found = steady(flows, caps, weights)
    for day in range(len(caps)):
        due = [0] * len(caps)  # arrivals of what is due by this day
        overdue = 0
        for flow in flows:
            if flow.deadline is not None:
                arrived = flow.arrivals[: max(0, day - flow.deadline + 1)]
                overdue += max(0, sum(arrived) - sum(found.streams[flow.name][: day + 1]))
                for came, some in enumerate(arrived):
                    due[came] += some
        assert overdue == sum(due) - earliest(list(accumulate(due)), caps)[day]


def test_windows_are_asked_for_before_messages_are_whole() -> None:
    """A release that keeps all deadlines only because it was rounded is not taken for the least."""
    flows = [
        Flow(name="patient", arrivals=[0, 86, 58, 154, 318, 0, 0, 0, 83, 0], deadline=5),
        Flow(name="news", arrivals=[0, 81, 0, 37, 60, 301, 0, 15, 0, 55], deadline=1),
        Flow(name="urgent", arrivals=[68, 66, 0, 0, 201, 0, 0, 276, 2, 66], deadline=0),
    ]
    caps = [5_000, 300, 900, 900, 900, 5_000, 5_000, 300, 500, 5_000]
    found = steady(flows, caps, [3, 1, 2, 3, 2, 3, 1, 2, 1, 1])
    assert found.releases == (68, 80, 161, 241, 275, 413, 138, 276, 137, 138)  # 412.875 on the sixth day


def test_a_release_of_patient_mail_does_not_stand_for_urgent_mail() -> None:
    """Bulk mail sent early is no credit: tomorrow's password resets still go tomorrow."""
    flows = [
        Flow(name="bulk", arrivals=[800, 0, 0, 0, 0, 0, 0, 0], deadline=7),
        Flow(name="urgent", arrivals=[0, 0, 0, 400, 0, 0, 0, 0], deadline=0, priority=0),
    ]
    found = steady(flows, [1_000] * 8)
    assert not found.late
    assert found.streams["urgent"] == (0, 0, 0, 400, 0, 0, 0, 0)
    assert found.releases[3] == 400
    assert {*found.releases[:3], *found.releases[4:]} == {114, 115}


def test_mail_with_a_deadline_goes_before_mail_without() -> None:
    """Where caps are short, mail that has no deadline makes nobody late."""
    flows = [
        Flow(name="whenever", arrivals=[500, 0, 0, 0], priority=0),
        Flow(name="news", arrivals=[0, 300, 0, 0], deadline=1),
    ]
    found = steady(flows, [100] * 4, patience=1)
    assert found.late == (Late(stream="news", day=2, amount=100, since=0, gone=3),)
    assert found.streams["news"] == (0, 100, 100, 100)
    assert found.streams["whenever"] == (100, 0, 0, 0)


def test_among_equals_older_mail_goes_first_then_priority() -> None:
    """Streams of one deadline share a release: the older mail first, of one day the more important."""
    flows = [
        Flow(name="later", arrivals=[6, 6, 0], deadline=2, priority=5),
        Flow(name="first", arrivals=[6, 6, 0], deadline=2, priority=1),
    ]
    found = steady(flows, [8, 8, 8])
    assert found.streams["first"] == (6, 4, 2)
    assert found.streams["later"] == (2, 4, 6)


@given(caps=st.lists(st.integers(0, 1_000), min_size=1, max_size=12), part=st.fractions(0, 1))
def test_sources_share_a_release_by_seats(caps: list[int], part: Fraction) -> None:
    """Parts sum to the release, none exceeds its cap, and they are the seats of Sainte-Lague."""
    release = int(sum(caps) * part)
    parts = share(release, caps)
    assert sum(parts) == release
    assert all(0 <= got <= cap for got, cap in zip(parts, caps, strict=True))
    if release:
        assert [got for got, cap in zip(parts, caps, strict=True) if cap] == seats(
            release, [*filter(None, caps)]
        )


def test_each_source_gets_its_part_of_each_day() -> None:
    """A provider's release is split by the caps of the day; too little room is an error that names it."""
    found = steady([Flow(name="mail", arrivals=[900, 0, 0], deadline=2)], [300, 300, 300])
    caps = {"192.0.2.1": [100, 200, 300], "192.0.2.2": [200, 100, 0]}
    assert found.by_source(caps) == {"192.0.2.1": (100, 200, 300), "192.0.2.2": (200, 100, 0)}
    with pytest.raises(PlanError, match="hold 100"):
        found.by_source({"192.0.2.1": [100, 200, 300]})
