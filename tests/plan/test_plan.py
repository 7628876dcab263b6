"""The plan: caps for every lane and day."""

from __future__ import annotations

import json
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import warmup.plan
from warmup.errors import PlanError
from warmup.pacing import hours
from warmup.plan import Pattern, Plan, parse_pattern, plan
from warmup.plan.curves import PUBLISHED
from warmup.plan.hourly import of_day

START = date(2026, 12, 1)
CURVES = ("ses", "geometric:start=50,growth=1.3", "linear:days=30", "logistic:days=45", *PUBLISHED)

plans = st.builds(
    plan,
    target=st.one_of(st.integers(3, 500), st.integers(3, 10**7)),
    start=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    curve=st.sampled_from(CURVES),
    ips=st.integers(1, 3),
    days=st.integers(1, 60),
    mix=st.sampled_from(["us", "uk", "de", "fr", "pl", "b2b", "google=0.9,other=0.1"]),
    timezone=st.sampled_from(
        ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo"]
    ),
    pattern=st.sampled_from(["flat", "office", "waking"]),
)


def make(**changes: Any) -> Plan:
    given: dict[str, Any] = {"target": 50_000, "start": START, "ips": ["192.0.2.1"]}
    return plan(**(given | changes))


@given(made=plans, step=st.integers(1, 80))
def test_parts_sum_to_the_whole(made: Plan, step: int) -> None:
    """Lanes of a source sum to its curve's cap, unless an hourly limit or rows by provider take less."""
    for source in made.sources:
        total = sum(made.caps(source.address, step, made.start).values())
        cap = made.curve.cap(step, source.share)
        exact = made.curve.hourly(step, source.share) is None and not hasattr(made.curve, "lanes")
        assert total == cap if exact else total <= cap


@given(made=plans, step=st.integers(1, 80))
def test_no_lane_falls_from_step_to_step(made: Plan, step: int) -> None:
    """A later step never allows a lane less, and none allows more than its part of the share."""
    address = made.sources[0].address
    now, then = made.nominal(address, step), made.nominal(address, step + 1)
    full = made.parts_of(made.sources[0].share)
    assert all(0 <= now[p] <= then[p] <= full[p] for p in made.providers)


@given(made=plans)
def test_hours_of_every_row_sum_to_its_cap_and_keep_the_hourly_limit(made: Plan) -> None:
    """A row's hours hold its cap; all lanes of a source together keep each hour of a published table."""
    steps: dict[str, int] = {}
    for day in (1, made.days // 2 + 1, made.days):
        rows = [row for row in made.rows() if row.day == day]
        for source in made.sources:
            steps[source.address] = day
            mine = [made.row_hours(row) for row in rows if row.ip == source.address]
            caps = [row.cap for row in rows if row.ip == source.address]
            assert [sum(hours) for hours in mine] == caps
            limit = made.curve.hourly(day, source.share)
            if limit is not None:
                assert max(sum(hour) for hour in zip(*mine, strict=True)) <= limit


@given(made=plans)
def test_the_last_step_is_the_first_that_is_final(made: Plan) -> None:
    """From its last step on a source's lanes stay as they are, and just before it they were not so."""
    address = made.sources[0].address
    last = made.last_step(address)
    assert made.nominal(address, last) == made.nominal(address, last + 7) == made.nominal(address, 3_000)
    assert last == 1 or made.nominal(address, last - 1) != made.nominal(address, last)


@given(made=plans, volume=st.integers(0, 10**7))
def test_a_source_in_use_starts_where_its_volume_is(made: Plan, volume: int) -> None:
    """The step for a volume is the last whose caps together do not exceed it, at least the first."""
    address = made.sources[0].address
    step = made.step_for_volume(address, volume)
    assert 1 <= step <= made.last_step(address)
    assert step == 1 or sum(made.nominal(address, step).values()) <= volume
    if step < made.last_step(address):
        assert sum(made.nominal(address, step + 1).values()) > volume


@given(made=plans)
def test_the_same_inputs_make_the_same_plan(made: Plan) -> None:
    """Rows and fingerprint depend on the inputs and on nothing else."""
    again = plan(
        made.target,
        start=made.start,
        curve=made.curve.name,
        ips=len(made.sources),
        days=made.days,
        mix=made.mix.name,
        timezone=made.zone,
        pattern=made.pattern.name,
    )
    assert again == made
    assert again.fingerprint == made.fingerprint
    assert list(again.rows()) == list(made.rows())


def test_a_fingerprint_stays_over_releases() -> None:
    """The fingerprint of a known plan is this; if it changes, running ramps see an edited plan."""
    assert make().fingerprint == "816d85cae83c8216fea765152215c1be"


def test_anything_that_moves_a_cap_changes_the_fingerprint() -> None:
    """Target, curve, figures of a table, mix, zone, pattern, weekdays, sources: each counts; days do not."""
    base = make()
    others = [
        make(target=50_001),
        make(curve="linear"),
        make(mix="uk"),
        make(timezone="Europe/Berlin"),
        make(pattern="flat"),
        make(weekdays=[1, 1, 1, 1, 1, 1, 0.5]),
        make(ips=["192.0.2.2"]),
        make(start=START + timedelta(days=1)),
        make(curve=[1, 2, 3]),
        make(curve=[1, 2, 4]),
    ]
    assert len({made.fingerprint for made in [base, *others]}) == len(others) + 1
    assert make(days=90).fingerprint == base.fingerprint


def test_a_table_is_its_figures(tmp_path: Path) -> None:
    """A file of caps that was moved makes the same plan; one that was edited makes another."""
    prints = []
    for name, text in (("a.csv", "50\n100\n"), ("b.csv", "50\n100\n"), ("a.csv", "50\n101\n")):
        (tmp_path / name).write_text(text)
        prints.append(make(curve=tmp_path / name).fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_the_first_day_of_ses() -> None:
    """50,000 a day by the US mix: day 1 is 1,111, split by Sainte-Lague."""
    caps = make().caps("192.0.2.1", 1, START)
    assert caps == {
        "google": 557,
        "yahoo": 251,
        "microsoft_consumer": 138,
        "comcast": 22,
        "apple": 18,
        "att": 12,
        "other": 113,
    }


def test_json_has_the_promised_shape() -> None:
    """Scripts find plan, days and advice, one row for each day, IP and provider, with 24 hours."""
    made = make(ips="192.0.2.1,2001:DB8::1@2026-12-03", days=3)
    data = json.loads(json.dumps(made.to_dict()))
    assert list(data) == ["plan", "days", "advice"]
    head = data["plan"]
    assert {"curve", "target", "days", "timezone", "pattern", "providers", "ips"} <= set(head)
    assert head["providers"]["google"] == 0.501
    assert head["ips"] == ["192.0.2.1", "2001:db8::1"]
    assert len(data["days"]) == 3 * 2 * 7
    assert [(row["day"], row["ip"], row["provider"]) for row in data["days"][:2]] == [
        (1, "192.0.2.1", "google"),
        (1, "192.0.2.1", "yahoo"),
    ]
    for row in data["days"]:
        assert list(row) == ["day", "date", "ip", "provider", "cap", "hours"]
        assert len(row["hours"]) == 24
        assert sum(row["hours"]) == row["cap"]
    assert all(set(item) == {"level", "code", "message", "mend"} for item in data["advice"])


def test_a_source_that_starts_later_is_at_its_own_step() -> None:
    """Day d of an IP that starts s days later is its step d - s; before that it sends nothing."""
    made = make(target=100_000, ips="192.0.2.1,192.0.2.2@2026-12-08", days=10)
    totals: dict[tuple[int, str], int] = {}
    for row in made.rows():
        totals[row.day, row.ip] = totals.get((row.day, row.ip), 0) + row.cap
    assert [totals[day, "192.0.2.2"] for day in (1, 7, 8, 9, 10)] == [0, 0, 1_111, 2_222, 3_333]
    assert totals[10, "192.0.2.1"] == 11_111
    assert not any(made.caps("192.0.2.2", 5, date(2026, 12, 7)).values())


def test_a_day_that_the_zone_skipped_has_no_cap_and_is_no_step() -> None:
    """Samoa had no 30 December 2011: nothing is sent on it, and the ramp goes on with the next day."""
    made = make(start="2011-12-29", timezone="Pacific/Apia", days=3)
    days = {day: sum(caps) for day, _, _, caps in made.grid()}
    assert days == {1: 1_111, 2: 0, 3: 2_222}
    assert not any(made.caps("192.0.2.1", 2, date(2011, 12, 30)).values())


def test_weekdays_lower_a_day_and_never_raise_one() -> None:
    """Weekday weights are scaled so that the largest is 1, and the day is rounded down."""
    made = make(weekdays=[2, 2, 2, 2, 2, 1, 0])
    assert made.weekdays == (1, 1, 1, 1, 1, Fraction(1, 2), 0)
    caps = {on.isoweekday(): sum(made.caps("192.0.2.1", 9, on).values()) for on in _week()}
    assert caps == {1: 10_000, 2: 10_000, 3: 10_000, 4: 10_000, 5: 10_000, 6: 5_000, 7: 0}
    assert sum(made.caps("192.0.2.1", 45, date(2026, 12, 5)).values()) == 25_000


def _week() -> list[date]:
    return [START + timedelta(days=day) for day in range(7)]


def test_an_hourly_limit_takes_no_more_than_it_must() -> None:
    """A lane's cap is the largest whose busiest hour keeps its part of the hour: one more would not."""
    made = make(curve="sendgrid", pattern="waking", mix="google=0.5,other=0.5")
    cap = made.caps("192.0.2.1", 1, START)["google"]
    row = next(made.rows())
    assert row.cap == cap < 240
    assert max(made.row_hours(row)) == 10
    assert max(made.row_hours(row._replace(cap=cap + 1))) == 11
    flat = make(curve="sendgrid", pattern="flat", mix="google=0.5,other=0.5")
    assert flat.caps("192.0.2.1", 1, START) == {"google": 240, "other": 240}


@given(
    cap=st.integers(0, 150),
    limit=st.integers(0, 12),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Antarctica/Casey"]),
    day=st.sampled_from([date(2010, 3, 5), date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1)]),
    pattern=st.lists(st.integers(0, 9), min_size=24, max_size=24).filter(any).map(parse_pattern),
)
def test_the_hourly_limit_finds_the_largest_cap(
    cap: int, limit: int, zone: str, day: date, pattern: Pattern
) -> None:
    """Of all caps up to the day's, the one chosen is the largest whose busiest hour keeps the limit."""
    limiter = of_day(zone, day, pattern)
    found = limiter.most(cap, limit)
    assert max(hours(limiter.shape, found)) <= limit
    assert all(max(hours(limiter.shape, more)) > limit for more in range(found + 1, min(cap, found + 60) + 1))


def test_each_provider_follows_its_own_row_where_a_table_has_them() -> None:
    """Oracle's table drives each provider by its row, never over the provider's part of the share."""
    made = make(
        target=100_000, curve="responsys", mix="google=0.5,microsoft=0.3,yahoo=0.1,gmx=0.05,other=0.05"
    )
    assert made.caps("192.0.2.1", 1, START) == {
        "google": 10_000,
        "microsoft_consumer": 7_500,
        "yahoo": 5_000,
        "gmx": 5_000,
        "other": 5_000,
    }
    assert made.last_step("192.0.2.1") == 6


def test_shares_are_even_unless_said() -> None:
    """The target is shared evenly, larger parts first; a share that was given is kept."""
    assert [s.share for s in make(target=100, ips=3).sources] == [34, 33, 33]
    made = make(target=100, ips="192.0.2.1,192.0.2.2,192.0.2.3", shares={"192.0.2.2": 80})
    assert [s.share for s in made.sources] == [10, 80, 10]


def test_the_package_can_be_called() -> None:
    """warmup.plan(...) is the function warmup.plan.plan(...)."""
    assert warmup.plan(target=50_000, curve="ses", ips=["192.0.2.1"], start=START) == make()  # type: ignore[operator]


def test_the_start_may_come_from_the_ips() -> None:
    """Where every IP has a date, the earliest is the plan's first day."""
    made = make(start=None, ips="192.0.2.1@2026-12-08,192.0.2.2@2026-12-01")
    assert made.start == START


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"target": 0}, "target"),
        ({"target": 10**10}, "target"),
        ({"target": 1.5}, "target"),
        ({"target": True}, "target"),
        ({"target": 2, "ips": 3}, "target"),
        ({"days": 0}, "days"),
        ({"days": 4_000}, "days"),
        ({"start": None}, "start"),
        ({"start": "1.12.2026"}, "start"),
        ({"start": "2026-02-30"}, "start"),
        ({"start": "20261201"}, "start"),
        ({"start": "1969-12-31"}, "start"),
        ({"start": "2026-12-01T00:00"}, "start"),
        ({"curve": "sess"}, "curve"),
        ({"mix": "google=2"}, "mix"),
        ({"timezone": "+25:00"}, "timezone"),
        ({"pattern": "office hours"}, "pattern"),
        ({"weekdays": [1] * 6}, "weekdays"),
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": [0] * 7}, "weekdays"),
        ({"weekdays": [1, 1, 1, 1, 1, 1, -1]}, "weekdays.6"),
        ({"ips": 0}, "ips"),
        ({"ips": 10**6}, "ips"),
        ({"ips": ""}, "ips"),
        ({"ips": []}, "ips"),
        ({"ips": ["192.0.2.256"]}, "ips"),
        ({"ips": ["192.168.1.010"]}, "ips"),
        ({"ips": ["192.0.2.0/24"]}, "ips"),
        ({"ips": ["::ffff:192.0.2.1"]}, "ips"),
        ({"ips": ["fe80::1%eth0"]}, "ips"),
        ({"ips": ["0.0.0.0"]}, "ips"),
        ({"ips": ["224.0.0.1"]}, "ips"),
        ({"ips": ["mx1.example.com"]}, "ips"),
        ({"ips": ["2001:db8::1", "2001:DB8:0::1"]}, "ips"),
        ({"ips": [7]}, "ips"),
        ({"ips": "192.0.2.1@soon"}, "ips.192.0.2.1"),
        ({"ips": "192.0.2.1@"}, "ips.192.0.2.1"),
        ({"ips": "192.0.2.1@2026-11-30"}, "ips.192.0.2.1"),
        ({"shares": {"192.0.2.9": 1}}, "shares.192.0.2.9"),
        ({"shares": {"192.0.2.1": 0}}, "shares.192.0.2.1"),
        ({"shares": {"192.0.2.1": 49_999}}, "target"),
    ],
)
def test_bad_input_is_refused_with_its_field_and_the_mend(changes: dict[str, Any], field: str) -> None:
    """Every input that will not do is named, with what is wrong and what to write instead."""
    with pytest.raises(PlanError) as caught:
        make(**changes)
    [problem] = caught.value.problems
    assert problem.field == field
    assert problem.wrong
    assert problem.mend


def test_every_mistake_is_reported_at_once() -> None:
    """Five mistakes take one round, not five."""
    with pytest.raises(PlanError) as caught:
        make(target=0, days=0, curve="x", mix="x", timezone="x", ips="x")
    assert [problem.field for problem in caught.value.problems] == [
        "target", "days", "curve", "ips", "mix", "timezone",
    ]  # fmt: skip


def test_questions_about_strangers_are_refused() -> None:
    """A source that is not in the plan, or a step below 1, is an error and no empty answer."""
    with pytest.raises(PlanError, match=r"192\.0\.2\.9 is not in the plan"):
        make().caps("192.0.2.9", 1, START)
    with pytest.raises(PlanError, match="count from 1"):
        make().caps("192.0.2.1", 0, START)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"target": 80_000}, "target-not-reached"),
        ({"days": 30}, "preview-ends-early"),
        ({"target": 500}, "below-tracking"),
        ({"target": 50_000}, "below-keep-warm"),
        ({"curve": "braze-moderate"}, "steep-step"),
        ({"curve": "sendgrid"}, "hourly-limit"),
        ({"mix": "google=1"}, "no-other"),
        ({"mix": "googel=0.5,other=0.5"}, "mix-name"),
        ({"curve": "ses"}, "ses-model"),
    ],
)
def test_advice_is_given_where_it_applies(changes: dict[str, Any], code: str) -> None:
    """Each finding appears for the plan it is about."""
    assert code in {item.code for item in make(**changes).advice()}


def test_a_good_plan_needs_no_warning() -> None:
    """A plan without a flaw gets no warning, so that a warning means something."""
    made = make(target=1_000_000, ips=5, curve="geometric:start=100,growth=1.5", mix="fr", days=60)
    assert made.advice() == ()


class Wild:
    """A plugin's curve that breaks its promises."""

    name = "wild"

    def cap(self, step: int, share: int) -> int:
        return -5 if step == 1 else 10 * share

    def hourly(self, step: int, share: int) -> int | None:
        return None


def test_a_wild_curve_is_held_to_the_share() -> None:
    """Whatever a plugin says, no source gets less than nothing or more than its share."""
    made = make(curve=Wild())
    assert sum(made.caps("192.0.2.1", 1, START).values()) == 0
    assert sum(made.caps("192.0.2.1", 2, START).values()) == 50_000
