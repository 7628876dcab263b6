"""Answers are what the plan run forward bears out, and one less is not enough."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmup.errors import PlanError
from warmup.forecast.feeding import feedable
from warmup.forecast.needs import how_many_ips_for, peak_target
from warmup.forecast.question import Frame, mailing, week_of
from warmup.forecast.run import forecast
from warmup.forecast.solve import how_many_ips, most_on, when_to_start
from warmup.forecast.stagger import _one_after_the_other, _orders, staggered
from warmup.model import RampClock
from warmup.plan import Plan
from warmup.plan.demand import Demand, DemandStream

START = date(2026, 12, 1)
DAY = timedelta(days=1)
CURVES = st.sampled_from(
    ["geometric:start=20,growth=1.5", "linear:days=6", "sparkpost", "mailtrap", "ses", "responsys"]
)
MIXES = st.sampled_from(["google=0.5,yahoo=0.3,other=0.2", "google=0.9,other=0.1", "us"])


def keeps(made: Plan, wanted: Demand) -> bool:
    """Whether nothing misses its deadline when every lane makes a step each day from the plan's start."""
    # Before the day that is asked about the caps are used, so that no lane stands still or goes cold.
    days = (wanted.date_of(wanted.days - 1) - made.start).days + 1
    days += max(stream.deadline or 0 for stream in wanted.streams)
    seen = forecast(made, wanted, ramp=RampClock.CALENDAR, today=made.start, days=days)
    return not seen.misses


@settings(max_examples=25)
@given(curve=CURVES, mix=MIXES, volume=st.integers(1, 3000), ahead=st.integers(0, 12))
def test_so_many_ips_are_enough_and_one_less_is_not(curve: str, mix: str, volume: int, ahead: int) -> None:
    """The plan of the answer keeps every day's mail; no plan of fewer IPs that was asked for does."""
    frame = Frame.read(curve=curve, mix=mix)
    by = START + ahead * DAY
    answer = how_many_ips(frame, volume, by, START)
    wanted = week_of(frame, volume, by, 0)
    if not answer.found:
        assert answer.binding.code != "none"
        return
    assert answer.plan is not None and keeps(answer.plan, wanted)
    assert answer.plan.target == answer.facts["target"]
    ips = int(str(answer.facts["ips"]))
    for fewer in range(1, ips):
        # A curve that scales with the share does anything with a target beyond the volume: what rounding
        # takes is the most that is added to it.
        most = volume + fewer * (len(frame.mix.providers) + 1)
        for target in {volume, min(most, answer.plan.target)}:
            if target >= fewer:
                assert not keeps(frame.plan(target, fewer, START), wanted)


@settings(max_examples=25)
@given(curve=CURVES, mix=MIXES, volume=st.integers(4, 3000), ips=st.integers(1, 4))
def test_the_latest_start_is_the_latest(curve: str, mix: str, volume: int, ips: int) -> None:
    """With the answer's start and target the volume goes; a day later it does not."""
    frame = Frame.read(curve=curve, mix=mix)
    answer = when_to_start(frame, volume, START, ips)
    wanted = week_of(frame, volume, START, 0)
    if not answer.found:
        return
    assert answer.plan is not None and keeps(answer.plan, wanted)
    if answer.facts["days_before"]:
        late = answer.plan.start + DAY
        assert not keeps(frame.plan(answer.plan.target, ips, late), wanted)


@settings(max_examples=25)
@given(curve=CURVES, mix=MIXES, ips=st.integers(1, 4), ahead=st.integers(0, 15), deadline=st.integers(0, 2))
def test_the_most_is_the_most(curve: str, mix: str, ips: int, ahead: int, deadline: int) -> None:
    """What is promised goes within its deadline, and one delivery more does not."""
    frame = Frame.read(curve=curve, mix=mix)
    on = START + ahead * DAY
    answer = most_on(frame, on, START, ips, target=5000, deadline=deadline)
    most = int(str(answer.facts["most"]))
    assert answer.plan is not None
    if most:
        assert keeps(answer.plan, mailing(frame, most, on, deadline))
    assert not keeps(answer.plan, mailing(frame, most + 1, on, deadline))
    assert answer.binding.provider is not None


def test_the_binding_names_the_provider_that_is_short() -> None:
    """A single provider that holds everything up is named, with what it could take."""
    frame = Frame.read(curve="responsys", mix="yahoo=0.8,google=0.1,other=0.1")
    answer = most_on(frame, START, START, 1, target=50_000)
    assert answer.binding.provider == "yahoo"
    assert answer.binding.have == 5_000


def test_ips_for_a_demand_miss_no_deadline() -> None:
    """The number of IPs for a demand is the smallest with which every deadline is kept."""
    frame = Frame.read(curve="geometric:start=50,growth=1.5", mix="google=0.6,other=0.4", per_ip=400)
    arrivals = {"google": (30,) * 30, "other": (20,) * 30}
    demand = Demand(name="mail", start=START, streams=(DemandStream(arrivals=arrivals, deadline=1),))
    answer = how_many_ips_for(frame, demand, START)
    assert answer.found and answer.plan is not None
    assert answer.facts["ips"] == len(answer.plan.sources)


def demand_of(rows: dict[str, tuple[int, ...]], deadline: int | None = None) -> Demand:
    return Demand(name="mail", start=START, streams=(DemandStream(arrivals=rows, deadline=deadline),))


def fed(made: Plan, demand: Demand, floor: int) -> bool:
    """Whether every lane sends the floor, or all that its step lets it, on days that bring so much."""
    seen = forecast(made, demand, ramp=RampClock.CALENDAR, today=START, days=demand.days, detail=True)
    arrivals = demand.by_provider()
    last = made.last_step("ip-1")
    return all(
        row.sent >= (floor if row.step == last else min(floor, row.cap))
        for row in seen.lane_days
        if row.key.provider != "other" and arrivals[row.key.provider][(row.on - START).days] >= floor
    )


def test_staggered_starts_keep_every_ip_noticed() -> None:
    """Where mail grows, the second IP waits until there is enough for two; a day earlier it would starve."""
    rows = {"google": tuple(min(900, 20 * day + 40) for day in range(60)), "other": (10,) * 60}
    demand = demand_of(rows)
    frame = Frame.read(curve="geometric:start=50,growth=1.5", mix="google=0.8,other=0.2")
    answer = staggered(frame, demand, 2, START, floor=300)
    assert answer.found and answer.plan is not None
    first, second = (source.start for source in answer.plan.sources)
    assert START <= first < second
    assert fed(answer.plan, demand, 300)
    earlier = frame.plan(answer.plan.target, [("ip-1", first), ("ip-2", second - DAY)], START, days=60)
    assert not fed(earlier, demand, 300)
    assert answer.facts["each"][1]["volumes"]["google"]["least"] >= 300
    assert {source.share for source in answer.plan.sources} == {answer.plan.target // 2}
    assert any("the same share" in note for note in answer.notes)


def test_of_unequal_ips_the_order_that_is_done_first_is_taken() -> None:
    """No other order lets the last IP start sooner, and all are fed by the one that is given."""
    rows = {"google": tuple(min(2_400, 80 * day + 100) for day in range(45)), "other": (10,) * 45}
    demand = demand_of(rows)
    frame = Frame.read(curve="geometric:start=50,growth=1.5", mix="google=0.99,other=0.01")
    answer = staggered(frame, demand, 3, START, floor=300, shares=[1, 4, 2])
    assert answer.found and answer.plan is not None and fed(answer.plan, demand, 300)
    given_out = {source.address: source.share for source in answer.plan.sources}
    for name, weight in (("ip-1", 1), ("ip-2", 4), ("ip-3", 2)):
        assert abs(given_out[name] - answer.plan.target * weight / 7) < 1
    assert any("Of 6 orders" in note for note in answer.notes)
    last = max(source.start for source in answer.plan.sources)
    others = []
    for order in permutations(range(3)):
        starts, _ = _one_after_the_other(
            frame, demand, order, [1, 4, 2], START, 45, answer.plan.target, ["google"], 300, None
        )
        assert len(starts) == 3
        others.append(starts[-1].on)
    assert last == min(others) < max(others)


def test_orders_are_each_tried_once() -> None:
    """IPs of the same share are alike; of too many orders only two are tried, and the answer says so."""
    found, whole = _orders([0, 1, 2, 3], [4, 3, 2, 1])
    assert whole and len(found) == len(set(found)) == 24
    found, whole = _orders([0, 1, 2], [3, 2, 2])
    assert whole and len(found) == 3
    assert _orders([0, 1, 2, 3, 4], [5, 4, 3, 2, 1]) == ([(0, 1, 2, 3, 4), (4, 3, 2, 1, 0)], False)


def test_shares_that_cannot_be_used_are_refused() -> None:
    """A weight for each IP, above 0, and large enough to leave it something."""
    demand = demand_of({"google": (900,) * 20})
    for shares in ([1, 2], [1, 0, 2], [1, 1, 10_000]):
        with pytest.raises(PlanError, match="shares"):
            staggered(Frame.read(mix="google=1"), demand, 3, START, shares=shares)


def test_an_ip_that_would_starve_when_warm_never_starts() -> None:
    """A start just before the figures end hides nothing: what the traffic cannot feed gets no day."""
    frame = Frame.read(curve="geometric:start=50,growth=1.3", mix="google=0.7,yahoo=0.2,other=0.1")
    demand = demand_of({"google": (1400,) * 60, "yahoo": (400,) * 60, "other": (200,) * 60})
    answer = staggered(frame, demand, 3, START, floor=300)
    assert not answer.found and answer.facts["ips"] == 1
    assert answer.binding.provider == "yahoo" and answer.binding.need == 300
    assert not staggered(frame, demand_of({"google": (80,) * 30}), 1, START, floor=300).facts["ips"]


@settings(max_examples=25)
@given(volume=st.integers(100, 60_000), floor=st.sampled_from([300, 1000]), mix=MIXES)
def test_a_traffic_run_forward_feeds_so_many_ips_and_no_more(volume: int, floor: int, mix: str) -> None:
    """Warm IPs of that number get the floor at each provider that can feed one; one IP more does not."""
    frame = Frame.read(curve=f"caps:{volume}", mix=mix)
    answer = feedable(frame, volume, floor)
    if not answer.found:
        return
    most = int(str(answer.facts["ips"]))
    each = answer.facts["providers"]
    parts = frame.volume(volume, START)
    demand = demand_of({name: (part,) for name, part in parts.items()})

    def least(ips: int) -> int:
        made = frame.plan(max(ips, volume + ips * len(parts)), ips, START)
        seen = forecast(made, demand, ramp=RampClock.CALENDAR, detail=True)
        return min(row.sent for row in seen.lane_days if each.get(row.key.provider))

    assert least(most) >= floor
    assert least(most + 1) < floor


def test_a_curve_that_ends_is_told_from_a_step_and_from_a_share() -> None:
    """What binds is the step while the curve still climbs, its end after that, and an IP's limit before."""
    table = Frame.read(curve="caps:100,200,400", mix="google=1")
    assert most_on(table, START + DAY, START, 1).binding.code == "curve"
    assert most_on(table, START + 9 * DAY, START, 1).binding.code == "curve-end"
    limited = Frame.read(curve="caps:100,200,400", mix="google=1", per_ip=150)
    assert most_on(limited, START + 9 * DAY, START, 1).binding.code == "share"


def test_traffic_feeds_so_many_ips() -> None:
    """Each provider's part divided by what an IP needs; the smallest binds, and those below it are named."""
    frame = Frame.read(mix="google=0.6,yahoo=0.3,apple=0.1")
    answer = feedable(frame, 10_000)
    assert answer.facts["ips"] == 1 and answer.binding.provider == "apple"
    thin = feedable(frame, 9_000)
    assert thin.facts["ips"] == 2 and thin.binding.provider == "yahoo"
    assert "apple" in thin.notes[0]
    assert not feedable(frame, 500).found


@settings(max_examples=25)
@given(
    curve=CURVES,
    mix=MIXES,
    volume=st.integers(1, 1_000),
    ahead=st.integers(0, 9),
    per_ip=st.integers(5, 400),
    deadline=st.integers(0, 4),
)
def test_what_an_ip_shall_carry_is_kept(
    curve: str, mix: str, volume: int, ahead: int, per_ip: int, deadline: int
) -> None:
    """No IP of an answer carries more than was said; fewer that carry so much do not keep the deadlines."""
    frame = Frame.read(curve=curve, mix=mix, per_ip=per_ip)
    by = START + ahead * DAY
    wanted = week_of(frame, volume, by, deadline)
    answer = how_many_ips(frame, volume, by, START, deadline)
    if answer.found:
        assert answer.plan is not None and keeps(answer.plan, wanted)
        assert max(source.share for source in answer.plan.sources) <= per_ip
    ips = len(answer.plan.sources) if answer.plan is not None else 8
    for fewer in range(-(-volume // per_ip), min(ips, 8)):
        if fewer * (frame.share(ahead + 7 + deadline) or per_ip) >= volume:
            assert not keeps(frame.plan(fewer * per_ip, fewer, START), wanted)


def test_mail_that_may_wait_does_not_need_a_cap_on_its_first_day() -> None:
    """A small provider has no cap on the first day; with a deadline its mail goes on a later one."""
    frame = Frame.read(curve="geometric:start=2,growth=2", mix="google=0.9,other=0.1", per_ip=10)
    by = START + DAY
    at_once = how_many_ips(frame, 12, by, START)
    assert not at_once.found
    assert at_once.binding.provider == "other" and at_once.binding.have == 0
    later = how_many_ips(frame, 12, by, START, deadline=8)
    assert later.facts["ips"] == 2 and later.plan is not None
    assert keeps(later.plan, week_of(frame, 12, by, 8))


def test_ips_carry_the_volume_itself_and_not_only_its_first_week() -> None:
    """A deadline as long as the week hides that mail piles up; the IPs together carry as much as comes."""
    frame = Frame.read(curve="caps:5,5,100", mix="google=0.9,other=0.1")
    answer = how_many_ips(frame, 2_469, START + 7 * DAY, START, deadline=8)
    assert answer.facts["ips"] == 25
    assert answer.binding.code == "curve" and answer.binding.have == 2_400
    assert "2,400 of 2,469 can go a day" in answer.binding.message


def test_many_ips_with_a_thin_part_need_a_larger_target() -> None:
    """Six IPs of ten a day send a provider of 1 % nothing; with a larger target they do, which is found."""
    frame = Frame.read(curve="geometric:start=2,growth=2", mix="us")
    wanted = week_of(frame, 59, START, 0)
    answer = when_to_start(frame, 59, START, 6)
    assert answer.found and answer.plan is not None
    assert keeps(answer.plan, wanted)
    assert int(str(answer.facts["target"])) > 4 * 59
    assert not keeps(frame.plan(answer.plan.target - 1, 6, answer.plan.start), wanted)


def test_a_lane_that_has_all_its_share_gives_it_waits_for_no_step() -> None:
    """Where other providers' lanes still rise, the share is named; where a part is 1 of 10, the share too."""
    rising = when_to_start(Frame.read(curve="sendgrid", mix="us"), 2_265, START + 15 * DAY, 2, 1)
    assert "att alone can take 24 of 25" in rising.notes[0] and "it is step" not in rising.notes[0]
    thin = most_on(Frame.read(curve="mailtrap", mix="us", per_ip=10), START + 25 * DAY, START, 4, deadline=1)
    assert thin.binding.code == "share"


def test_mail_is_late_by_its_own_deadline_and_not_by_a_weeks_patience() -> None:
    """A deadline of two weeks is two weeks; mail without one shall be gone after one."""
    frame = Frame.read(curve="caps:10", mix="google=1")

    def ips_for(deadline: int | None) -> object:
        stream = DemandStream(arrivals={"google": (100,)}, deadline=deadline)
        demand = Demand(name="mail", start=START, streams=(stream,))
        return how_many_ips_for(frame, demand, START, target=100).facts["ips"]

    assert [ips_for(9), ips_for(4), ips_for(None)] == [1, 2, 2]


@given(
    mix=MIXES,
    ips=st.integers(1, 5),
    largest=st.lists(st.integers(0, 300), min_size=10, max_size=10),
)
def test_the_target_for_a_demand_is_the_least_that_holds_it(mix: str, ips: int, largest: list[int]) -> None:
    """Warm IPs with this target hold every provider's largest day, and one less does not do."""
    frame = Frame.read(mix=mix)
    peaks = dict(zip(frame.mix.providers, largest, strict=False))
    demand = demand_of({name: (0, count) for name, count in peaks.items()})

    def holds(target: int) -> bool:
        made = frame.plan(max(ips, target), ips, START)
        full = [made.parts_of(source.share) for source in made.sources]
        return all(sum(caps[name] for caps in full) >= count for name, count in peaks.items())

    target = peak_target(frame.mix, demand, ips)
    assert holds(target)
    assert target <= ips or not holds(target - 1)


def test_ips_that_cannot_follow_each_other_start_together() -> None:
    """An IP that is far ahead takes the mail of one that begins; started on one day they share it evenly."""
    frame = Frame.read(curve="geometric:start=20,growth=1.5", mix="google=1")
    rising = (40, 57, 74, 91, 108, 125, 142, 150, 150, 193, 210, 227, 150, 261, 250, 295, 150, 250, 150, 150)
    demand = demand_of({"google": rising}, deadline=0)
    answer = staggered(frame, demand, 2, START, floor=60)
    assert answer.found and answer.plan is not None
    assert [source.start for source in answer.plan.sources] == [START + 2 * DAY] * 2
    assert fed(answer.plan, demand, 60)
    alone = [("ip-1", START), ("ip-2", START + 2 * DAY)]
    assert not fed(frame.plan(answer.plan.target, alone, START, days=20), demand, 60)


def test_impossible_questions_say_so() -> None:
    """A start after the day, a day of rest, a count out of range: the field, what is wrong, the mend."""
    frame = Frame.read(holidays="2026-12-25")
    with pytest.raises(PlanError, match="after"):
        how_many_ips(frame, 10, START, START + DAY)
    with pytest.raises(PlanError, match="day of rest"):
        how_many_ips(frame, 10, date(2026, 12, 25), START)
    with pytest.raises(PlanError, match="volume"):
        feedable(frame, 0)
