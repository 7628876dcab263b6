"""A plan run forward: nothing is lost or invented, and every figure is what the rules say."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmup.errors import PlanError
from warmup.forecast.delay import Delays
from warmup.forecast.groups import LaneGroup, catch_up
from warmup.forecast.run import Waiting, forecast
from warmup.forecast.share import share_out
from warmup.model import PARTS, Lane, LaneKey, RampClock, Shape, Standing, WindowEvidence
from warmup.plan import Plan, plan, shape, window_of
from warmup.plan.demand import Demand, DemandStream
from warmup.plan.mix import seats
from warmup.plan.patterns import Pattern
from warmup.reputation import judgement, standing
from warmup.timing import DAY

START = date(2026, 12, 1)
MIX = "google=0.5,yahoo=0.3,other=0.2"
RAMPS = [RampClock.CALENDAR, RampClock.SENDING_DAY, RampClock.EARNED]


def small(
    target: int = 1000, curve: str = "linear:days=5", ips: object = 2, mix: str = MIX, **words: object
) -> Plan:
    return plan(target, start=START, curve=curve, ips=ips, mix=mix, **words)  # type: ignore[arg-type]


def demand(*streams: DemandStream, start: date = START) -> Demand:
    return Demand(name="test", start=start, streams=streams)


def mail(google: list[int], name: str = "mail", **words: object) -> DemandStream:
    return DemandStream(name=name, arrivals={"google": tuple(google)}, **words)  # type: ignore[arg-type]


@given(
    total=st.integers(0, 400),
    lanes=st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 4)),
        min_size=1,
        max_size=6,
        unique_by=lambda lane: lane[0],
    ),
)
def test_groups_of_lanes_get_what_the_lanes_one_by_one_would(
    total: int, lanes: list[tuple[int, int]]
) -> None:
    """Mail is split among groups as Sainte-Lague's method splits it among their lanes; no cap is broken."""
    parts = share_out(total, lanes)
    whole = sum(cap * count for cap, count in lanes)
    given_out = sum(each * count + more for (each, more), (_, count) in zip(parts, lanes, strict=True))
    assert given_out == min(total, whole)
    assert all(each + (more > 0) <= cap for (each, more), (cap, _) in zip(parts, lanes, strict=True))
    alone = seats(min(total, whole), [cap for cap, count in lanes for _ in range(count)])
    mine = [
        each + (place < more)
        for (each, more), (_, count) in zip(parts, lanes, strict=True)
        for place in range(count)
    ]
    assert mine == alone


@given(
    counts=st.dictionaries(st.integers(0, 30), st.integers(1, 50), max_size=8),
    share=st.fractions(Fraction(1, 100), 1),
)
def test_quantiles_are_exact(counts: dict[int, int], share: Fraction) -> None:
    """A quantile is the least number of days within which at least that share of the mail went."""
    days = sorted(day for day, count in counts.items() for _ in range(count))
    found = Delays(counts).quantile(share)
    if not days:
        assert found is None
        return
    least = next(day for place, day in enumerate(days, 1) if place >= share * len(days))
    assert found == least


demands = st.builds(
    lambda streams: demand(*streams),
    st.lists(
        st.builds(
            lambda rows, deadline, priority: (rows, deadline, priority),
            st.lists(st.integers(0, 300), min_size=12, max_size=12),
            st.none() | st.integers(0, 4),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=3,
    ).map(
        lambda rows: [
            DemandStream(
                name=f"s{place}",
                arrivals={"google": tuple(row), "yahoo": tuple(row[::-1])},
                deadline=deadline,
                priority=priority,
            )
            for place, (row, deadline, priority) in enumerate(rows)
        ]
    ),
)


@settings(max_examples=25)
@given(
    wanted=demands,
    ramp=st.sampled_from(RAMPS),
    target=st.integers(20, 3000),
    old=st.lists(
        st.builds(
            Waiting,
            stream=st.sampled_from(["s0", "stray"]),
            provider=st.sampled_from(["google", "elsewhere"]),
            count=st.integers(1, 200),
            age=st.integers(1, 6),
        ),
        max_size=2,
    ),
)
def test_nothing_is_lost_or_invented(
    wanted: Demand, ramp: RampClock, target: int, old: list[Waiting]
) -> None:
    """What arrived is released, overflow or backlog, wherever one looks; no day breaks its cap."""
    seen = forecast(small(target), wanted, ramp=ramp, backlog=old, detail=True)
    came = sum(sum(row) for stream in wanted.streams for row in stream.arrivals.values())
    came += sum(one.count for one in old)
    totals = seen.totals
    assert totals["arrived"] == came == totals["released"] + totals["overflow"] + totals["backlog"]
    for row in seen.providers:
        assert sum(row.arrived) == sum(row.released) + sum(row.overflow) + row.waiting[-1]
        assert all(went <= cap for went, cap in zip(row.released, row.caps, strict=True))
        assert sum(row.released) == row.delays.total
    for stream in seen.streams:
        assert stream.arrived == stream.released + stream.overflow + stream.waiting
        assert stream.delays.total == stream.released
        deadline = {one.name: one.deadline for one in wanted.streams}.get(stream.stream)
        if deadline is not None:
            assert (stream.delays.worst or 0) <= deadline
    assert sum(miss.count for miss in seen.misses) == totals["overflow"]
    by_lane = Counter[str]()
    for lane in seen.lane_days:
        assert lane.sent <= lane.cap
        by_lane[lane.key.provider] += lane.sent
    assert all(by_lane[row.provider] == sum(row.released) for row in seen.providers)


@settings(max_examples=20)
@given(wanted=demands, ramp=st.sampled_from(RAMPS), ips=st.integers(1, 7))
def test_lanes_taken_together_live_as_they_do_apart(wanted: Demand, ramp: RampClock, ips: int) -> None:
    """Grouping equal lanes changes no figure of any of them."""
    made = small(50 * ips, ips=ips)
    # A pause long past makes each source stand out, and rests nobody.
    apart = attrs.evolve(
        made,
        pauses=tuple(attrs.evolve(_pause(), source=source.address) for source in made.sources),
    )
    one, other = (
        forecast(made, wanted, ramp=ramp, detail=True),
        forecast(apart, wanted, ramp=ramp, detail=True),
    )
    assert [row.released for row in one.providers] == [row.released for row in other.providers]
    assert [row.caps for row in one.providers] == [row.caps for row in other.providers]
    key = lambda row: (row.on, str(row.key))  # noqa: E731
    for mine, theirs in zip(sorted(one.lane_days, key=key), sorted(other.lane_days, key=key), strict=True):
        assert (mine.cap, mine.step, mine.standing) == (theirs.cap, theirs.step, theirs.standing)


def _pause() -> object:
    from warmup.plan.rest import Pause

    return Pause(first=START - timedelta(days=9), last=START - timedelta(days=9))


def no_shape() -> Shape:
    raise AssertionError("nothing here is caught up")


spells = st.tuples(st.sampled_from([0, 0, 1, 9, 60, 80, 100]), st.booleans(), st.integers(1, 12))


@settings(max_examples=30)
@given(
    ramp=st.sampled_from(RAMPS),
    spells=st.lists(spells, min_size=1, max_size=12),
    last=st.integers(1, 6),
)
def test_plain_lanes_move_as_the_engine_moves_them(
    ramp: RampClock, spells: list[tuple[int, bool, int]], last: int
) -> None:
    """Day by day, the short way of a lane without trouble is what the judgement of closed windows gives.

    Spells of days on which a share of the cap is sent, without mail for a week and for a month among them.
    """
    from warmup.forecast.groups import ForecastDay

    def planned(step: int) -> int:
        return 40 * min(step, last)

    group = LaneGroup([0], "ip-1", "google", 0, START, last)
    lane = Lane(id=0, key=LaneKey("ip-1", "google"))
    past: list[WindowEvidence] = []
    for index, (share, rests) in enumerate(
        (share, rests) for share, rests, days in spells for _ in range(days)
    ):
        on = START + timedelta(days=index)
        window = window_of("UTC", on)
        middle = (window.starts_at + window.ends_at) // 2
        day = ForecastDay(index=index, on=on, window=window, middle=middle, zone="UTC", shape=no_shape)
        if group.lane is None:
            group.open(day, planned(group.step), rests)
        else:
            group.open_odd(day, planned, rests)
        cap = standing.cap_of(lane, planned(lane.step))
        assert (group.step, group.standing, group.cap) == (lane.step, lane.standing, cap)
        sent = cap * share // 100
        if sent:
            lane = attrs.evolve(lane, last_used_at=day.middle)
        evidence = WindowEvidence(
            window=window, step=lane.step, cap=cap, attempted=sent, accepted=sent, partial=rests
        )
        judged = judgement.close(
            lane, evidence, past, window.ends_at, ramp=ramp, last_step=last, planned=planned
        )
        lane = lane if judged is None else judged.lane
        past.append(evidence)
        group.close(day, sent, ramp, planned)
    assert (group.step, group.standing, group.used_at) == (lane.step, lane.standing, lane.last_used_at)


@settings(max_examples=40)
@given(
    wanted=demands,
    ramp=st.sampled_from(RAMPS),
    target=st.integers(20, 900),
    weekdays=st.sampled_from([None, "1,1,1,1,1,0.5,0", "1,1,1,1,1,0.3,0.3"]),
    more=st.lists(st.integers(0, 600), min_size=30, max_size=60),
    shares=st.lists(st.integers(1, 40), min_size=1, max_size=3),
)
def test_days_of_settled_lanes_are_those_of_lanes_looked_at(
    wanted: Demand, ramp: RampClock, target: int, weekdays: str | None, more: list[int], shares: list[int]
) -> None:
    """Where warm lanes are not looked at day by day, every figure is what looking at each of them gives."""
    names = [f"ip-{place + 1}" for place in range(len(shares))]
    given_out = dict(zip(names, seats(target, shares), strict=True))
    if min(given_out.values()) == 0:
        given_out = dict.fromkeys(names, max(1, target // len(names)))
    made = small(
        sum(given_out.values()),
        curve="linear:days=3",
        ips=[(name, START + place * timedelta(days=1)) for place, name in enumerate(names)],
        shares=given_out,
        weekdays=weekdays,
    )
    longer = demand(*wanted.streams[:1], mail(more, name="more", deadline=3))
    # Forty days without mail: what was settled falls cold, and comes back.
    pause = demand(*longer.streams, mail([0] * 100 + more, name="later"))
    for asked in (longer, pause):
        quick = forecast(made, asked, ramp=ramp)
        looked = forecast(made, asked, ramp=ramp, detail=True)
        assert attrs.evolve(looked, lane_days=()) == quick


def test_settled_lanes_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once every lane is warm, a year costs no more than its ramp: nobody closes their days."""
    closed = Counter[int]()
    close = LaneGroup.close

    def counted(group: LaneGroup, day: object, *words: object) -> None:
        closed[day.index] += 1  # type: ignore[attr-defined]
        close(group, day, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(LaneGroup, "close", counted)
    of = small(1_000, curve="linear:days=5", mix="google=1")
    forecast(of, demand(mail([2_000] * 365)), ramp=RampClock.EARNED)
    assert 0 < max(closed) < 10


def test_lanes_fade_for_want_of_mail_and_were_warm_all_the_same() -> None:
    """A lane that became warm says since when, and that it lost something; the next mail starts with less."""
    made = small(target=100, curve="linear:days=3", mix="google=1", ips=1)
    rows = [33, 66, *[100] * 4, *[0] * 14]
    (end,) = forecast(made, demand(mail(rows))).ends
    assert end.why == "" and end.warm_on == START + timedelta(days=2)
    assert end.reason == f"warm from {end.warm_on}, and less since for want of mail"
    (row,) = forecast(made, demand(mail([*rows, 200, 200, 200]))).providers
    assert row.caps[19:] == (row.caps[19], row.caps[20], 100, 100)
    assert 33 < row.caps[20] < row.caps[19] < 100
    (steady,) = forecast(made, demand(mail([*rows, 200])), ramp=RampClock.CALENDAR).providers
    assert steady.caps[20] == 100


def test_caps_and_warm_days_are_the_plans() -> None:
    """With mail enough the caps of the forecast are the plan's preview, and lanes are warm when it ends."""
    made = small(target=100, ips=["192.0.2.1@2026-12-01", "192.0.2.2@2026-12-03"])
    seen = forecast(made, demand(DemandStream(arrivals=dict.fromkeys(made.providers, (10**6,) * 10))))
    caps = [[0] * 10 for _ in made.providers]
    for day, _, _, row in made.grid():
        if day <= 10:
            for place, cap in enumerate(row):
                caps[place][day - 1] += cap
    assert [list(row.caps) for row in seen.providers] == caps
    warm = {end.key.source: end.warm_on for end in seen.ends}
    assert warm == {"192.0.2.1": date(2026, 12, 5), "192.0.2.2": date(2026, 12, 7)}
    assert seen.warm_on == date(2026, 12, 7)


def test_lanes_that_do_not_become_warm_say_why() -> None:
    """A lane without mail stays cold under the earned clock, and the forecast says so."""
    made = small(target=100, ips=["192.0.2.1@2026-12-01", "192.0.2.2@2027-02-01"])
    seen = forecast(made, demand(mail([100] * 10)))
    why = {(end.key.source, end.key.provider): end.why for end in seen.ends}
    assert why["192.0.2.1", "google"] == ""
    assert why["192.0.2.1", "yahoo"] == "unused"
    assert why["192.0.2.2", "google"] == "not-started"
    assert "no step" in next(end.reason for end in seen.ends if end.why == "unused")
    assert seen.warm_on is None


def test_delays_and_misses_are_counted_to_the_message() -> None:
    """Mail goes first come, first served; what is not gone by its deadline is overflow, with its instant."""
    made = small(target=20, curve="caps:20", ips=1)  # 10 a day to Google
    seen = forecast(made, demand(mail([25, 0, 0, 0])))
    row = seen.provider("google")
    assert row.released == (10, 10, 5, 0)
    assert (row.delays.median, row.delays.most, row.delays.worst) == (1, 2, 2)
    late = forecast(made, demand(mail([25, 0, 0, 0], deadline=1)))
    (miss,) = late.misses
    assert (miss.stream, miss.provider, miss.on, miss.count) == ("mail", "google", date(2026, 12, 2), 5)
    assert miss.deadline == window_of("UTC", date(2026, 12, 2)).ends_at
    assert late.provider("google").overflow == (0, 5, 0, 0)


def test_priority_goes_first_then_what_is_due_earlier() -> None:
    """Urgent mail never waits for bulk; among equals the earlier deadline goes first."""
    made = small(target=20, curve="caps:20", ips=1)
    bulk = mail([30, 0, 0], name="bulk")
    due = mail([0, 5, 0], name="due", deadline=0)
    first = mail([0, 8, 0], name="first", priority=0)
    seen = forecast(made, demand(bulk, due, first))
    went = {stream.stream: stream for stream in seen.streams}
    assert went["first"].delays.counts == {0: 8}
    assert (went["due"].released, went["due"].overflow) == (2, 3)
    assert went["bulk"].released == 20


def test_a_smoothers_limits_are_kept() -> None:
    """Releases stay within limits by provider and day, and the mail held back goes later."""
    made = small(target=20, curve="caps:20", ips=1)
    seen = forecast(made, demand(mail([12, 0, 0, 0])), limits={"google": [4, 3, 3]})
    assert seen.provider("google").released == (4, 3, 3, 2)


def test_mail_that_comes_late_in_the_day_is_caught_up_at_the_engines_pace() -> None:
    """What arrives in the last hour cannot all go that day: lost time comes back at 1.5 times the pace."""
    made = small(target=2400, curve="caps:2400", ips=1, pattern="flat")  # 1,200 to Google
    evening = Pattern("evening", (0,) * 23 + (1,))
    seen = forecast(made, demand(mail([1000, 0], hours=evening)))
    assert seen.provider("google").released[0] == 1200 * 3 // 2 // 24 + 5
    assert sum(seen.provider("google").released) == 1000
    flat = Pattern("flat", (1,) * 24)
    assert forecast(made, demand(mail([1000, 0], hours=flat))).provider("google").released[0] == 1000


@given(cap=st.integers(0, 2000), left=st.integers(0, PARTS))
def test_catching_up_stays_within_pace_and_cap(cap: int, left: int) -> None:
    """No more is caught up than 1.5 times the pattern and a small burst, and never more than the cap."""
    most = catch_up(cap, left)
    assert 0 <= most <= cap
    assert most <= Fraction(3 * cap * left, 2 * PARTS) + 5


def test_todays_state_is_kept() -> None:
    """A paused lane stays paused, a suspended one until its end, a reduced one below its limit."""
    made = small(target=1000, ips=1, curve="linear:days=10")
    noon = window_of("UTC", START).starts_at + 3 * DAY // 2
    lanes = {
        LaneKey("ip-1", "google"): Lane(
            id=1, key=LaneKey("ip-1", "google"), standing=Standing.SUSPENDED, step=2, cap_limit=60, until=noon
        ),
        LaneKey("ip-1", "yahoo"): Lane(
            id=2,
            key=LaneKey("ip-1", "yahoo"),
            standing=Standing.PAUSED,
            before_pause=Standing.RAMPING,
            step=3,
        ),
    }
    wanted = demand(DemandStream(arrivals={"google": (10**5,) * 6, "yahoo": (10,) * 6}))
    seen = forecast(made, wanted, ramp=RampClock.CALENDAR, lanes=lanes)
    assert seen.provider("yahoo").released == (0,) * 6
    google = seen.provider("google")
    # Noon of the second day: half a day, caught up at 1.5 times the pace. Then 60 a day, and from
    # a day on which they were used it climbs as the curve does.
    assert google.released[0] == 0
    assert google.released[1] == catch_up(
        60, PARTS - shape(window_of("UTC", START + timedelta(days=1)), "UTC", made.pattern).parts(noon)
    )
    assert google.released[2] == 60
    assert google.released[3:] == (110, 160, 210)
    why = {end.key.provider: end.why for end in seen.ends}
    assert why["yahoo"] == "paused"


def test_thirty_idle_days_make_a_lane_cold() -> None:
    """A lane that gets nothing for 30 days starts again at step 1."""
    made = small(target=1000, ips=1, curve="linear:days=10")
    wanted = demand(mail([10**5] * 8 + [0] * 31 + [10**5] * 2, deadline=0))
    caps = forecast(made, wanted, ramp=RampClock.CALENDAR).provider("google").caps
    assert caps[7] == 400
    assert caps[37] == 500
    assert caps[38] == 50  # thirty days after the last one are over
    assert caps[39:41] == (50, 100)


def test_days_of_rest_are_no_steps() -> None:
    """On a holiday nothing goes and nothing is learned; mail waits for the next day."""
    made = small(target=100, ips=1, holidays=["2026-12-03"])
    seen = forecast(made, demand(mail([500, 0, 0, 0, 0])), ramp=RampClock.CALENDAR)
    assert seen.provider("google").caps == (10, 20, 0, 30, 40)


def test_mail_for_nobody_in_the_mix_is_others_or_waits() -> None:
    """A provider without a share is part of other; where the mix has no other, its mail has no cap."""
    stray = DemandStream(arrivals={"gmx": (5, 5)})
    assert forecast(small(), demand(stray)).provider("other").released == (5, 5)
    strict = plan(100, start=START, mix="google=1")
    row = forecast(strict, demand(stray)).provider("gmx")
    assert row.waiting == (5, 10) and row.caps == (0, 0)


def test_a_forecast_may_go_on_until_nothing_waits() -> None:
    """With a drain the days after the demand are lived until the queue is empty, and no longer."""
    made = small(target=20, curve="caps:20", ips=1)
    seen = forecast(made, demand(mail([35])), drain=100)
    assert seen.days == 4 and seen.totals["backlog"] == 0


def test_facts_are_json_and_a_few_sentences() -> None:
    """The forecast is told as plain values and as sentences that name the first miss."""
    import json

    seen = forecast(small(target=20, curve="caps:20", ips=1), demand(mail([25, 0, 0], deadline=1)))
    facts = json.loads(json.dumps(seen.to_dict()))
    assert facts["totals"] == {"arrived": 25, "released": 20, "overflow": 5, "backlog": 0}
    assert facts["providers"][0]["delay"] == {"median": 0, "p95": 1, "worst": 1}
    text = " ".join(seen.summary())
    assert "5 miss their deadline" in text and "2026-12-03 00:00" in text


def test_no_days_are_refused() -> None:
    """A demand that ended before the first day is a mistake, and is called one."""
    with pytest.raises(PlanError):
        forecast(small(), demand(mail([5]), start=date(2026, 11, 1)))
