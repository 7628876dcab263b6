"""What becomes of a demand once it is smoothed: steady to the last day shown, and nobody is late by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from warmup.forecast.mail import Waiting
from warmup.forecast.outlook import AHEAD, demanded, outlook
from warmup.model import Lane, LaneKey, Learned, RampClock, Standing
from warmup.plan import Plan, plan
from warmup.plan.aim import Steadiness
from warmup.plan.demand import Demand, DemandStream

START = date(2026, 12, 1)
SOURCE = "192.0.2.1"
EVEN = Steadiness(keep_warm=0)


def made(target: int, *, days: int = 3, mix: str = "google=1") -> Plan:
    return plan(target, start=START, curve=f"linear:days={days}", ips=[SOURCE], mix=mix)


def wanted(
    row: Sequence[int], *, deadline: int | None = None, name: str = "mail", start: date = START
) -> Demand:
    stream = DemandStream(name=name, arrivals={"google": tuple(row)}, deadline=deadline)
    return Demand(name="test", start=start, streams=(stream,))


def warm() -> dict[LaneKey, Lane]:
    key = LaneKey(SOURCE, "google")
    return {key: Lane(id=1, key=key, standing=Standing.WARM, step=3)}


def released(of: Plan, mail: Demand, days: int, **words: object) -> tuple[int, ...]:
    seen = outlook(of, mail, ramp=RampClock.CALENDAR, days=days, steadiness=EVEN, **words)  # type: ignore[arg-type]
    return seen.forecast.provider("google").released


def weekly(days: int) -> list[int]:
    """700 on every seventh day, the last of 35 among them."""
    return [700 if day % 7 == 6 else 0 for day in range(days)]


def test_the_last_day_shown_is_as_the_others() -> None:
    """A peak on the last day is spread over the days behind it, though they are not shown."""
    found = released(made(5_000), wanted(weekly(demanded(35, True))), 35)
    assert found[-1] == found[-2] == found[-3] == 100
    # The same where nothing is known to come later: what came last still need not go at once.
    assert released(made(5_000), wanted(weekly(35)), 35)[-1] == 97


def test_no_more_of_a_demand_is_asked_for_than_a_forecast_can_hold() -> None:
    """Four weeks more than are shown where it is smoothed, up to the ten years of a forecast."""
    assert (demanded(35, True), demanded(35, False)) == (35 + AHEAD, 35)
    assert demanded(3_640, True) == 3_650


def test_what_waits_is_due_by_its_age() -> None:
    """Of mail that may wait five days, what came yesterday has four left: it need not all go today."""
    old = [Waiting(stream="mail", provider="google", count=400, age=age) for age in (1, 2, 3, 4)]
    found = released(made(5_000), wanted([0] * 30, deadline=5), 10, lanes=warm(), backlog=old)
    assert sum(found) == 1_600
    assert found[:6] == (320, 320, 320, 320, 320, 0)
    last = [Waiting(stream="mail", provider="google", count=400, age=5)]
    assert released(made(5_000), wanted([0] * 30, deadline=5), 10, lanes=warm(), backlog=last)[0] == 400


def test_a_slow_weekday_of_a_warm_lane_is_foreseen() -> None:
    """A weekday on which the provider took less has the lower cap, and the lane is warm all the same."""
    lanes = {key: attrs.evolve(lane, learned=Learned(slow=(250,) + (0,) * 6)) for key, lane in warm().items()}
    seen = outlook(
        made(400), wanted([300] * 40), ramp=RampClock.CALENDAR, days=14, lanes=lanes, steadiness=EVEN
    )
    row = seen.forecast.provider("google")
    # 7 and 14 December are Mondays; one that passes without trouble is tried 2 % higher the next time.
    assert row.caps == (400,) * 6 + (100,) + (400,) * 6 + (108,)
    assert seen.smoothed == {"google": START}
    assert row.released[:7] == (300,) * 6 + (100,)


def test_what_waits_goes_where_lanes_are_warm_already() -> None:
    """Mail that waits on the first day is released beside what comes, within a week where caps allow."""
    old = [Waiting(stream="mail", provider="google", count=800, age=1)]
    seen = outlook(
        made(5_000),
        wanted([100] * 60),
        ramp=RampClock.CALENDAR,
        days=20,
        lanes=warm(),
        backlog=old,
        steadiness=EVEN,
    )
    row = seen.forecast.provider("google")
    assert seen.smoothed == {"google": START}
    assert max(row.released) < 300
    assert sum(row.released[:7]) >= 800
    assert sum(row.arrived) == sum(row.released) + row.waiting[-1] == 2_800


def test_what_gathered_during_the_ramp_keeps_its_days() -> None:
    """Mail that came on the last days of the ramp has what is left of its deadline, not none of it."""
    mail = wanted([0, 0, 900] + [0] * 40, deadline=9)
    found = released(made(300, days=4), mail, 20)
    assert found[2] == 225  # the ramp takes what it can
    assert found[3:13] == (75,) * 9 + (0,)


@settings(max_examples=40)
@given(
    rows=st.lists(st.lists(st.integers(0, 400), min_size=20, max_size=20), min_size=1, max_size=2),
    deadlines=st.lists(st.none() | st.integers(0, 6), min_size=2, max_size=2),
    target=st.integers(60, 900),
    old=st.lists(
        st.builds(
            Waiting,
            stream=st.sampled_from(["s0", "s1", "stray"]),
            provider=st.just("google"),
            count=st.integers(1, 300),
            age=st.integers(1, 12),
        ),
        max_size=3,
    ),
    begun=st.booleans(),
    early=st.integers(-2, 3),
)
def test_nobody_is_late_because_of_smoothing(
    rows: list[list[int]],
    deadlines: list[int | None],
    target: int,
    old: list[Waiting],
    begun: bool,
    early: int,
) -> None:
    """What misses its deadline is what misses it unsmoothed, and what waits goes on the days after."""
    streams = tuple(
        DemandStream(name=f"s{place}", arrivals={"google": tuple(row)}, deadline=deadlines[place])
        for place, row in enumerate(rows)
    )
    mail = Demand(name="test", start=START - timedelta(days=early), streams=streams)
    words = {"days": 16, "ramp": RampClock.CALENDAR, "backlog": old, "lanes": warm() if begun else None}
    plain = outlook(made(target), mail, **words).forecast  # type: ignore[arg-type]
    smooth = outlook(made(target), mail, steadiness=EVEN, **words).forecast  # type: ignore[arg-type]
    assert smooth.totals["arrived"] == plain.totals["arrived"]
    assert smooth.totals["overflow"] <= plain.totals["overflow"]
