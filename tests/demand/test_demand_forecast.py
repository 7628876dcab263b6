"""From what was sent to what will be; patterns, weekdays and mixes that are measured."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.demand import (
    History,
    ListReader,
    learn_pattern,
    learn_weekdays,
    measure_mix,
    parse_growth,
    project,
    read_mx,
)
from warmup.demand.mixing import wilson
from warmup.errors import DataError, PlanError, WarmupError
from warmup.plan import parse_mix, parse_weekdays
from warmup.plan.demand import Demand
from warmup.providers import Directory

DATA = Path(__file__).parent / "data"
MONDAY = date(2026, 9, 28)
START = date(2026, 11, 30)


def history(
    days: int, count: Callable[[date], int], *, first: date = MONDAY, share: tuple[int, int] = (3, 1)
) -> History:
    """So many days from a Monday on, three quarters for Google and a quarter for Yahoo."""
    counts = {}
    for index in range(days):
        day = first + timedelta(days=index)
        if number := count(day):
            part = number * share[0] // sum(share)
            counts["mail", day, "google"] = part
            counts["mail", day, "yahoo"] = number - part
    return History(name="past", zone="Europe/Berlin", counts=counts)


def totals(demand: Demand) -> list[int]:
    return [sum(row) for row in zip(*demand.by_provider().values(), strict=True)]


def usual(day: date) -> int:
    return 40_000 if day.weekday() == 1 else 2_000 if day.weekday() < 5 else 0


def test_a_steady_past_goes_on() -> None:
    """What was the same every week is the same in the weeks to come, split as it was."""
    demand = project(history(63, usual), START, 14)
    assert totals(demand) == [2_000, 40_000, 2_000, 2_000, 2_000, 0, 0] * 2
    assert demand.by_provider()["google"][:2] == [1_500, 30_000]
    assert demand.start == START


def test_one_campaign_leaves_no_trace_unless_the_mean_is_asked_for() -> None:
    """The median forgets a single large day; the mean keeps the sum of what was sent."""

    def campaign(day: date) -> int:
        return 82_000 if day == date(2026, 11, 4) else usual(day)

    past = history(63, campaign)
    assert totals(project(past, START, 7))[2] == 2_000
    assert totals(project(past, START, 7, method="mean"))[2] == 12_000


def test_growth_is_linear() -> None:
    """10 % a month adds a tenth of the level each 30 days after the end of what was sent."""
    past = history(63, lambda day: 1_000)
    demand = totals(project(past, START, 61, growth=parse_growth("10% a month")))
    assert (demand[29], demand[59]) == (1_100, 1_200)
    shrunk = totals(project(past, START, 400, growth=parse_growth("-100% per year")))
    assert shrunk[364] == shrunk[399] == 0


def test_the_season_is_that_of_the_same_weekday_a_year_ago() -> None:
    """With season, Black Friday of last year speaks for that of this, scaled by how mail has grown since."""

    def yearly(day: date) -> int:
        grown = 2 if day >= date(2026, 6, 1) else 1
        return grown * (9_000 if day == date(2025, 11, 28) else 100)

    past = history(800, yearly, first=date(2024, 9, 16))
    assert max(past.daily) == date(2026, 11, 24)
    demand = totals(project(past, date(2026, 11, 25), 7, season=True))
    assert demand == [200, 200, 18_000, 200, 200, 200, 200]
    assert totals(project(past, date(2026, 11, 25), 7)) == [200] * 7


def test_the_cut_ends_of_a_log_are_left_out() -> None:
    """A log's first and last day are partial and count neither for the forecast nor for the weekdays."""
    past = history(23, lambda day: 10 if day in (MONDAY, MONDAY + timedelta(days=22)) else 700)
    hours = dict.fromkeys(past.daily, (1,) * 24)
    log = History(name="log", zone=past.zone, counts=past.counts, hours=hours)
    assert log.whole == (MONDAY + timedelta(days=1), MONDAY + timedelta(days=21))
    assert set(totals(project(log, START, 14))) == {700}
    assert set(learn_weekdays(log).weights) == {1}
    assert set(learn_weekdays(past).weights) != {1}


def test_too_short_a_past_is_refused() -> None:
    """No forecast is made from less than a week, nor for days that are past, nor with wild arguments."""
    with pytest.raises(DataError, match="6 whole days"):
        project(history(6, lambda day: 5), START, 7)
    with pytest.raises(PlanError, match="lies within"):
        project(history(63, usual), date(2026, 11, 1), 7)
    with pytest.raises(DataError, match="no mail"):
        project(history(63, lambda day: 0), START, 7)
    with pytest.raises(PlanError, match="smaller rate"):
        project(history(63, usual), START, 365, growth=parse_growth("99999% a day"))
    with pytest.raises(PlanError, match="10% a month"):
        parse_growth("a lot")


@given(
    figures=st.lists(st.integers(0, 10**6), min_size=7, max_size=40),
    weeks=st.integers(1, 6),
    season=st.booleans(),
)
def test_a_forecast_keeps_the_sum_of_the_past(figures: list[int], weeks: int, season: bool) -> None:
    """With the mean, a forecast of a week is the mean of its weeks, within a message a day."""
    past = history(len(figures), lambda day: figures[(day - MONDAY).days])
    if not past.counts:
        return
    first, last = past.whole
    length = (last - first).days + 1
    if length < 7:
        return
    kept = min(weeks, length // 7)
    seen = sum(number for day, number in past.daily.items() if day > last - timedelta(days=7 * kept))
    demand = project(past, last + timedelta(days=1), 7, weeks=weeks, method="mean", season=season)
    assert abs(sum(totals(demand)) - Fraction(seen, kept)) <= 7
    assert all(number >= 0 for row in demand.by_provider().values() for number in row)


def with_hours(days: int, row: Callable[[date], list[int]], first: date = MONDAY) -> History:
    hours = {first + timedelta(days=n): tuple(row(first + timedelta(days=n))) for n in range(days)}
    counts = {("mail", day, "google"): sum(each) for day, each in hours.items()}
    return History(name="log", zone="Europe/Berlin", counts=counts, hours=hours)


def test_a_pattern_is_the_shape_of_the_day() -> None:
    """Weights stand to each other as the hours did and sum to 1,000; an hour hardly used has none."""
    learned = learn_pattern(with_hours(22, lambda day: [0] * 8 + [100] * 8 + [50] * 4 + [0] * 4))
    assert learned.pattern.weights == (0,) * 8 + (100,) * 8 + (50,) * 4 + (0,) * 4
    assert sum(learned.pattern.weights) == 1_000
    assert (learned.sample, learned.days) == (20 * 1_000, 20)


def test_a_small_sample_bars_no_hour() -> None:
    """With few deliveries an hour that saw none may still send a little."""
    learned = learn_pattern(with_hours(5, lambda day: [0] * 10 + [80] + [0] * 13))
    assert min(learned.pattern.weights) > 0
    assert learned.pattern.weights[10] > 900


def test_days_of_a_clock_change_do_not_bend_the_pattern() -> None:
    """The day on which an hour came twice is left out of the pattern, not of the counts."""

    def row(day: date) -> list[int]:
        return [10, 10, 20 if day == date(2026, 10, 25) else 10] + [10] * 21

    learned = learn_pattern(with_hours(30, row, first=date(2026, 10, 5)))
    assert learned.days == 27
    assert max(learned.pattern.weights) - min(learned.pattern.weights) <= 1


def test_too_little_to_learn_from_is_said() -> None:
    """A pattern takes 240 deliveries on 3 whole days, weekdays take two whole weeks; less is refused."""
    with pytest.raises(DataError, match="no times of day"):
        learn_pattern(history(30, usual))
    with pytest.raises(DataError, match="a pattern takes 240 on 3"):
        learn_pattern(with_hours(30, lambda day: [0] * 23 + [1]))
    with pytest.raises(DataError, match="a pattern takes 240 on 3"):
        learn_pattern(with_hours(4, lambda day: [100] * 24))
    with pytest.raises(DataError, match="weekday weights take 14"):
        learn_weekdays(history(13, lambda day: 5))


def test_weekday_weights_are_those_that_a_plan_takes() -> None:
    """Weights are means over whole weeks, the largest is 1, and their text reads back as the same weights."""
    learned = learn_weekdays(history(63, lambda day: 1_000 if day.weekday() < 5 else 250))
    assert learned.weights == (*[Fraction(1)] * 5, Fraction(1, 4), Fraction(1, 4))
    assert learned.text == "1,1,1,1,1,0.25,0.25"
    assert parse_weekdays(learned.text.split(",")) == learned.weights


def test_a_list_gives_a_mix() -> None:
    """Comments, names and domains in other alphabets are no trouble; what is no address is reported."""
    lines = (DATA / "recipients.txt").read_text(encoding="utf-8").splitlines()
    reader = ListReader(Directory.default(), name="recipients.txt")
    reader.feed(lines)
    assert reader.counts == {"google": 2, "other": 2, "yahoo": 1}
    assert reader.report.skipped == {"empty lines and comments": 2}
    (problem,) = reader.report.problems
    assert problem.place == "recipients.txt:8"
    informed = ListReader(Directory.default(), mx=read_mx((DATA / "mx.txt").read_text().splitlines()))
    informed.feed(lines)
    assert informed.counts == {"google": 3, "other": 1, "yahoo": 1}


def test_a_column_of_a_table_gives_a_mix() -> None:
    """A CSV file without dates is a list: its column with addresses, or with domains, is counted."""
    reader = ListReader(Directory.default())
    reader.feed(['"Name";"E-Mail"', '"Smith; Ben";ben@gmail.com', "Anna;anna@web.de", "Nobody;"])
    assert reader.counts == {"gmx": 1, "google": 1}
    assert reader.report.mistakes == 1
    by_domain = ListReader(Directory.default())
    by_domain.feed(["domain", "gmail.com", "yahoo.com", "yahoo.com"])
    assert by_domain.counts == {"yahoo": 2, "google": 1}
    with pytest.raises(DataError, match="recipient"):
        ListReader(Directory.default()).feed(["name;city", "Anna;Berlin"])
    with pytest.raises(DataError, match="no address and no heading"):
        ListReader(Directory.default()).feed(["hello"])


def test_a_measured_mix_says_how_far_it_can_be_trusted() -> None:
    """Shares are exact and sum to 1, small ones are part of other, and each has its 95 % interval."""
    measured = measure_mix({"google": 600, "yahoo": 300, "gmx": 4, "other": 96})
    assert measured.mix.shares == (
        ("google", Fraction(6, 10)),
        ("yahoo", Fraction(3, 10)),
        ("other", Fraction(1, 10)),
    )
    assert measured.folded == {"gmx": 4}
    assert measured.sample == 1_000
    google = measured.shares[0]
    assert (round(google.low, 3), round(google.high, 3)) == (0.569, 0.630)
    assert parse_mix(measured.mix.name).shares == measured.mix.shares
    with pytest.raises(DataError, match="no recipients"):
        measure_mix({})


def test_the_interval_holds_for_small_samples() -> None:
    """The interval is that of the textbook, also where nothing or everything was seen."""
    low, high = wilson(0, 10)
    assert (low, round(high, 4)) == (0.0, 0.2775)
    low, high = wilson(10, 10)
    assert (round(low, 4), high) == (0.7225, 1.0)


@given(
    counts=st.dictionaries(
        st.sampled_from(["google", "yahoo", "gmx", "other", "apple"]), st.integers(0, 10**7)
    ),
    threshold=st.fractions(0, 1),
)
def test_every_mix_is_whole(counts: dict[str, int], threshold: Fraction) -> None:
    """Whatever was counted, shares sum to exactly 1, nobody is lost, and the name reads back as the mix."""
    try:
        measured = measure_mix(counts, threshold=threshold)
    except WarmupError:
        assert not sum(counts.values())
        return
    assert sum(share for _, share in measured.mix.shares) == 1
    assert sum(share.count for share in measured.shares) == measured.sample == sum(counts.values())
    assert all(share.low <= share.count / measured.sample <= share.high for share in measured.shares)
    assert parse_mix(measured.mix.name).shares == measured.mix.shares


@given(lines=st.lists(st.text(max_size=30) | st.just("a@gmail.com"), max_size=20), seed=st.integers(0, 99))
def test_no_list_raises_anything_else(lines: list[str], seed: int) -> None:
    """Whatever a list holds, it is counted, reported or refused; its order does not matter."""
    addresses = ["first@gmail.com", *lines]
    mixed = lines[:]
    random.Random(seed).shuffle(mixed)
    one, two = ListReader(Directory.default()), ListReader(Directory.default())
    one.feed(addresses)
    two.feed(["first@gmail.com", *mixed])
    report = one.report
    assert one.counts == two.counts
    assert report.lines == report.counted + sum(report.skipped.values()) + report.mistakes == len(addresses)
    assert sum(one.counts.values()) == report.counted
    try:
        ListReader(Directory.default()).feed(lines)
        read_mx(lines)
    except WarmupError as error:
        assert error.problems
