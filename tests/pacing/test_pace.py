"""How fast within the day: every unit has a place, no place is early, and nothing comes in a burst."""

from __future__ import annotations

from datetime import date

import attrs
from hypothesis import assume, example, given
from hypothesis import strategies as st

from warmup.model import PARTS, Shape
from warmup.pacing import Pace, burst, due, hours
from warmup.plan.calendar import shape, window_of
from warmup.plan.patterns import PATTERNS, Pattern
from warmup.testing.strategies import shapes, zones
from warmup.timing import DAY, HOUR, Chance, Instant

CHANCE = Chance("pace")
BIG = 10**9


def patterns() -> st.SearchStrategy[Pattern]:
    """Days of every kind: the named ones, and any weights, many of them zero."""
    weights = st.lists(st.sampled_from([0, 0, 1, 7, 1_000_000]), min_size=24, max_size=24).filter(any)
    made = weights.map(lambda them: Pattern(",".join(map(str, them)), tuple(them)))
    return st.sampled_from(sorted(PATTERNS.values(), key=lambda one: one.name)) | made


@st.composite
def days(draw: st.DrawFn) -> Shape:
    """Real days: any zone, any date of some years, among them those on which clocks change."""
    if draw(st.booleans()):
        return draw(shapes())
    zone, on = draw(zones()), draw(st.dates(date(1996, 1, 1), date(2037, 1, 1)))
    found = shape(window_of(zone, on), zone, draw(patterns()))
    assume(found.total > 0)
    return found


@st.composite
def odd_days(draw: st.DrawFn) -> Shape:
    """Windows that begin where another zone's day ended: what follows a change of zone."""
    zone, on = draw(zones()), draw(st.dates(date(1996, 1, 1), date(2037, 1, 1)))
    window = window_of(zone, on)
    assume(window.length > 0)
    start = window.starts_at - draw(st.integers(-2 * 3600, 20 * 3600)) * 1_000_000
    found = shape(attrs.evolve(window, starts_at=start), zone, draw(patterns()))
    assume(found.total > 0)
    return found


def caps() -> st.SearchStrategy[int]:
    return st.integers(1, 60) | st.sampled_from([1, 24, 25, 1_000, 10**6, BIG])


def pace(day: Shape, cap: int, key: str = "lane@1") -> Pace:
    return Pace(day, cap, CHANCE, key)


@given(day=days() | odd_days(), parts=st.integers(0, PARTS))
@example(day=Shape((0, HOUR, 2 * HOUR, DAY), (0, 0, 1, 1)), parts=PARTS)
def test_when_is_the_first_instant_that_reaches(day: Shape, parts: int) -> None:
    """``when`` and ``parts`` are each other's inverse: reached then, and not a microsecond earlier."""
    at = day.when(parts)
    assert day.edges[0] <= at <= day.edges[-1]
    assert day.parts(at) >= parts
    assert parts == 0 or day.parts(at - 1) < parts


@given(day=days() | odd_days(), data=st.data())
def test_parts_rise_from_nothing_to_all(day: Shape, data: st.DataObject) -> None:
    """F is 0 until the window starts, PARTS from its end on, and never falls between."""
    inside = st.integers(day.edges[0], day.edges[-1])
    first, second = sorted([data.draw(inside), data.draw(inside)])
    assert day.parts(day.edges[0]) == day.parts(day.edges[0] - 1) == 0
    assert day.parts(day.edges[-1]) == day.parts(day.edges[-1] + 1) == PARTS
    assert 0 <= day.parts(first) <= day.parts(second) <= PARTS
    assert day.when(day.parts(second)) <= second


@given(day=days(), cap=st.integers(0, 200) | caps())
def test_hours_sum_to_the_cap(day: Shape, cap: int) -> None:
    """Whatever the day looks like, its hours hold the cap: not one more, not one less."""
    split = hours(day, cap)
    assert len(split) == 24 and sum(split) == cap and min(split) >= 0


@given(day=days(), cap=st.integers(0, 200) | caps())
def test_due_and_hours_agree(day: Shape, cap: int) -> None:
    """The preview's hours are what the allowance lets go in them."""
    counts = [
        sum(due(day, cap, day.edges[end]) - due(day, cap, day.edges[start]) for start, end in spans)
        for spans in day.hours
    ]
    # F is rounded down to a part, so a unit that stands on an edge to the part may fall beside it.
    assert all(abs(one - two) <= 1 for one, two in zip(counts, hours(day, cap), strict=True))
    assert sum(counts) == cap


@given(day=days() | odd_days(), cap=caps(), data=st.data())
def test_slots_ascend_and_jitter_only_delays(day: Shape, cap: int, data: st.DataObject) -> None:
    """Units keep their order, none is early, none leaves its stretch of the pattern, and none moves twice."""
    unit = data.draw(st.integers(1, cap))
    lane = pace(day, cap)
    slot = lane.slot(unit)
    plain = -(-(2 * unit - 1) * PARTS // (2 * cap))

    assert plain <= slot < PARTS
    assert slot - plain <= PARTS // (4 * cap)
    assert slot < max(day.segment_end(plain), plain + 1)
    assert lane.slot(unit) == slot == pace(day, cap).slot(unit)
    if unit < cap:
        assert slot < lane.slot(unit + 1)


@given(day=days() | odd_days(), cap=caps(), data=st.data())
def test_the_next_slot_is_tight(day: Shape, cap: int, data: st.DataObject) -> None:
    """At the instant that is named a unit goes, and one microsecond earlier none does."""
    used = data.draw(st.integers(0, cap - 1))
    lane = pace(day, cap)
    tat = data.draw(st.integers(0, PARTS + 3 * lane.interval))
    slot, paced = lane.next_slot(day.edges[0], used, tat)
    assert slot is not None
    if paced is None:
        assert lane.take(day.edges[-1] - 1, used, tat, 1) == (0, tat)
        return
    at = max(slot, paced)
    assert lane.take(at, used, tat, 1)[0] == 1
    assert lane.take(at - 1, used, tat, 1) == (0, tat)


@given(day=days(), cap=st.integers(1, 100), ahead=st.integers(0, 20), data=st.data())
def test_the_slot_behind_others_is_theirs_to_leave(
    day: Shape, cap: int, ahead: int, data: st.DataObject
) -> None:
    """Who stands behind k others is told an instant before which k + 1 units cannot have gone."""
    used = data.draw(st.integers(0, cap - 1))
    now = data.draw(st.integers(day.edges[0], day.edges[-1] - 1))
    lane = pace(day, cap)
    slot, paced = lane.next_slot(now, used, 0, ahead)
    if slot is None or paced is None:
        return
    at, tat, taken = max(now, slot, paced) - 1, 0, 0
    if at < now:
        return
    while now <= at:
        got, tat = lane.take(now, used + taken, tat, cap)
        taken += got
        following = lane.next_slot(now, used + taken, tat)
        if None in following:
            break
        now = max(now + 1, *(one for one in following if one is not None))
    assert taken <= ahead


@given(day=days() | odd_days(), cap=st.integers(1, 300), data=st.data())
def test_no_burst_whenever_it_wakes(day: Shape, cap: int, data: st.DataObject) -> None:
    """However a lane wakes: never ahead of the day, and within any stretch at most 1.5 times its pace."""
    length = day.edges[-1] - day.edges[0]
    wakes = sorted(data.draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=40)))
    lane, used, tat = pace(day, cap), 0, 0
    takes: list[int] = []
    for offset in wakes:
        now = day.edges[0] + offset
        want = data.draw(st.sampled_from([1, 3, cap]))
        got, tat = lane.take(now, used, tat, want)
        used += got
        parts = day.parts(now)
        takes += [parts] * got
        assert got <= min(want, burst(cap) + 3 * cap * parts // (2 * PARTS))
        assert used <= -(-cap * parts // PARTS)
    assert used <= cap
    for start, first in enumerate(takes):
        for end in range(start, len(takes)):
            count = end - start + 1
            assert 2 * PARTS * (count - burst(cap)) <= 3 * cap * (takes[end] - first)


@given(day=days(), cap=st.integers(1, 300))
def test_a_lane_that_never_sleeps_spends_its_cap(day: Shape, cap: int) -> None:
    """Asked at every slot from the start, a lane sends all of its cap, and the hours of the plan."""
    lane, tat = pace(day, cap), 0
    gone: list[Instant] = []
    for unit in range(1, cap + 1):
        slot, paced = lane.next_slot(day.edges[0], unit - 1, tat)
        assert slot is not None and paced is not None
        at = max(slot, paced)
        assert at == slot, "on time, the pattern alone decides"
        got, tat = lane.take(at, unit - 1, tat, 1)
        assert got == 1
        gone.append(at)
    assert gone == sorted(gone) and gone[-1] < day.edges[-1] + 1
    counted = [
        sum(day.edges[start] <= at < day.edges[end] for at in gone for start, end in spans)
        for spans in day.hours
    ]
    planned = hours(day, cap)
    assert sum(counted) == cap
    assert all(
        abs(one - two) <= len(spans) for one, two, spans in zip(counted, planned, day.hours, strict=True)
    )


@given(day=days(), cap=caps(), data=st.data())
def test_a_schedule_is_the_same_units_one_by_one(day: Shape, cap: int, data: st.DataObject) -> None:
    """Giving units out ahead moves none of them: each has the instant at which it would have gone."""
    now = data.draw(st.integers(day.edges[0], day.edges[-1] - 1))
    until = data.draw(st.integers(now, day.edges[-1] - 1))
    used = data.draw(st.integers(0, cap - 1))
    lane = pace(day, cap)
    instants, _ = lane.schedule(now, until, used, 0, 10)
    assert instants == sorted(instants) and all(now <= at <= until for at in instants)
    tat = 0
    for number, at in enumerate(instants):
        # An instant is a whole microsecond, and each one's rounding puts off the next.
        got, tat = lane.take(at + number, used + number, tat, 1)
        assert got == 1


@given(day=shapes(weightless=True))
def test_a_cap_of_zero_and_a_day_without_weight(day: Shape) -> None:
    """Nothing goes where nothing may, and nothing divides by zero."""
    none = pace(day, 0)
    assert none.take(day.edges[-1], 0, 0, 5) == (0, 0)
    assert none.next_slot(day.edges[0], 0, 0) == (None, None)
    assert hours(day, 0) == (0,) * 24
    if day.total == 0:
        assert hours(day, 100) == (0,) * 24
        assert pace(day, 100).next_slot(day.edges[0], 0, 0) == (None, None)
        assert due(day, 100, day.edges[0]) == 0


def test_burst_is_small() -> None:
    """min(5, ceil(cap / 24)), and none for a cap of nothing."""
    assert [burst(cap) for cap in (0, 1, 24, 25, 48, 96, 97, BIG)] == [0, 1, 1, 2, 2, 4, 5, 5]
