"""Demand from a description."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.demand import describe, spread
from warmup.errors import PlanError, WarmupError
from warmup.plan.mix import Mix, parse_mix

MIX = parse_mix("us")
MONDAY = date(2026, 11, 23)


def totals(text: str, *, start: date = MONDAY, days: int = 14, stream: int = 0) -> list[int]:
    rows = describe(text, start=start, days=days, mix=MIX).streams[stream].arrivals
    return [sum(row[index] for row in rows.values()) for index in range(days)]


WEEK = [2000, 40000, 2000, 2000, 2000, 0, 0]


def with_peak(figure: int) -> list[int]:
    return [*WEEK[:4], figure, *WEEK[5:], *WEEK]


@pytest.mark.parametrize(
    "text",
    [
        "2,000 a day on weekdays, 40,000 on Tuesdays, season peak 120,000 on 27 November",
        "2000 a day on weekdays, 40000 on tuesdays, season peak 120000 on 2026-11-27",
        "2k/day mon-fri; tue 40k; 27th of Nov 2026: 120k",
        "We send 2,000 mails per day on weekdays and 40,000 on Tuesdays and about 120 thousand on Nov 27",
        "2_000 every weekday\n40k each Tuesday\nNovember 27, 2026 120k",
        "2,000 Monday to Friday, 40k tue, peak on Black Friday 0.12 million",
    ],
)
def test_plain_phrases_mean_what_they_say(text: str) -> None:
    """The same week with a peak, said in six ways, gives the same figures."""
    assert totals(text) == with_peak(120_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500", [500] * 14),
        ("500 daily", [500] * 14),
        ("500 at weekends", [0, 0, 0, 0, 0, 500, 500] * 2),
        ("mon, wed, fri 500", [500, 0, 500, 0, 500, 0, 0] * 2),
        ("500 on mon, wed and fri and 200 on sundays", [500, 0, 500, 0, 500, 0, 200] * 2),
        ("fri-mon 5", [5, 0, 0, 0, 5, 5, 5] * 2),
        ("10 a day, 2026-11-24..2026-11-25 +150%", [10, 25, 25] + [10] * 11),
        ("10 a day, 24-25 November -50%", [10, 5, 5] + [10] * 11),
        ("11 a day, x1.5 on sundays", [11, 11, 11, 11, 11, 11, 17] * 2),  # halves go up
        ("10, 1.5 times on 2026-11-23", [15] + [10] * 13),
        ("10 a day from 1 December", [0] * 8 + [10] * 6),
        ("10 a day until 25 november", [10] * 3 + [0] * 11),
        ("10 on weekdays from 2026-12-01", [0] * 8 + [10] * 4 + [0] * 2),
        ("1 a day, 20 in December", [1] * 8 + [20] * 6),
        ("1 a day, 5 from 20 November to 24 November", [5, 5] + [1] * 12),
        ("1 a day, 0 on cyber monday", [1] * 7 + [0] + [1] * 6),
        ("1 a day, 7 from 30 november to 2 january 2027", [1] * 7 + [7] * 7),
    ],
)
def test_the_grammar(text: str, expected: list[int]) -> None:
    """Weekdays, dates, ranges and changes do what the documentation says of them."""
    assert totals(text) == expected


def test_a_date_without_a_year_is_the_next_one() -> None:
    """27 November, planned for from December, is that of the next year; 29 February waits for a leap year."""
    found = totals("1 a day, 9 on 27 November", start=date(2026, 12, 1), days=400)
    assert [date(2026, 12, 1) + timedelta(days=n) for n, x in enumerate(found) if x == 9] == [
        date(2027, 11, 27)
    ]
    found = totals("1 a day, 9 on 29 February", start=MONDAY, days=800)
    assert [MONDAY + timedelta(days=n) for n, x in enumerate(found) if x == 9] == [date(2028, 2, 29)]


def test_streams_and_deadlines_can_be_named() -> None:
    """A name with a colon begins a stream; it may say by when its mail has to be gone."""
    demand = describe(
        "newsletter: 40k on tuesdays within 2 days; receipts: 500 a day, same day; tue: 900",
        start=MONDAY,
        days=7,
        mix=MIX,
    )
    assert [(s.name, s.deadline) for s in demand.streams] == [("newsletter", 2), ("receipts", 0)]
    assert demand.by_provider()["google"][1] == sum(s.arrivals["google"][1] for s in demand.streams)
    assert sum(row[1] for row in demand.streams[1].arrivals.values()) == 900


@pytest.mark.parametrize(
    ("text", "phrase", "mend"),
    [
        ("2,000 a day, season peak on 27 November", "season peak on 27 November", "120,000 on 27 November"),
        ("season peak 120000", "season peak 120000", "say when"),
        ("2.000 a day", "2.000 a day", "2,000"),
        ("2,00 a day", "2,00 a day", "2,000"),
        ("2 000 a day", "2 000 a day", "comma"),
        ("1000 a week", "1000 a week", "how many a day"),
        ("5 on 03/04/2026", "5 on 03/04/2026", "2026-11-27"),
        ("5 on 2026-02-30", "5 on 2026-02-30", "check the date"),
        ("5 on tusday", "5 on tusday", "did you mean tuesday"),
        ("5, +10% on 2026-11-20", "", ""),
        ("+10%", "+10%", "say first"),
        ("5 from 2026-12-05 to 2026-12-01", "5 from 2026-12-05 to 2026-12-01", "turn the two round"),
        ("5 on mon-", "5 on mon-", "write both"),
        ("5 within a fortnight", "5 within a fortnight", "within 2 days"),
        ("5, -110%", "-110%", "-100%"),
        ("9999999999 a day", "", "at most"),
        ("on mondays", "on mondays", "say how many"),
        ("", "", "2,000 a day"),
        ("5 a day; \u202e", "'", "write it as"),
        ("1.5 a day", "1.5 a day", "2,000"),
        ("1.2345k a day", "1.2345k a day", "whole number"),
        ("1" * 30_000, "", "CSV"),
        ("1 daily;" * 600, "", "CSV"),
    ],
)
def test_a_phrase_that_cannot_be_meant_is_named(text: str, phrase: str, mend: str) -> None:
    """What is missing, ambiguous or misspelt is said of the phrase it stands in, with a mend."""
    if not mend:
        assert totals(text) == [5] * 14
        return
    with pytest.raises(PlanError) as caught:
        totals(text)
    assert phrase in caught.value.problems[0].wrong
    assert mend in caught.value.problems[0].mend


def test_every_mistake_comes_at_once() -> None:
    """Three wrong phrases are three problems."""
    with pytest.raises(PlanError) as caught:
        totals("5 on tusday, peak on 27 November, 2.000 a day")
    assert len(caught.value.problems) == 3


mixes = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50), min_size=1).map(
    lambda weights: parse_mix({key: f"{n}" for key, n in _shares(weights).items()})
)


def _shares(weights: dict[str, int]) -> dict[str, str]:
    from fractions import Fraction

    whole = sum(weights.values())
    parts = {key: Fraction(10_000 * n // whole, 10_000) for key, n in weights.items()}
    first = next(iter(parts))
    parts[first] += 1 - sum(parts.values())
    return {key: str(float(part)) for key, part in parts.items() if part}


@given(days=st.lists(st.integers(0, 10**6), max_size=40), mix=mixes)
def test_a_split_keeps_each_day_and_wrongs_nobody_for_long(days: list[int], mix: Mix) -> None:
    """Parts of a day sum to it and are never negative, and over any time each provider has its share."""
    rows = spread(days, mix)
    assert [sum(row[index] for row in rows.values()) for index in range(len(days))] == days
    assert all(part >= 0 for row in rows.values() for part in row)
    for provider, share in mix.shares:
        running = 0
        for index, part in enumerate(rows[provider]):
            running += part
            assert abs(running - share * sum(days[: index + 1])) <= len(mix.shares) / 2 + 1


def test_small_days_round_nobody_away_for_ever() -> None:
    """With 10 messages a day, who has 4 % gets one every two or three days, not none."""
    row = spread([10] * 100, parse_mix("big=0.96,small=0.04"))["small"]
    assert sum(row) == 40
    assert set(row) == {0, 1}


WORDS = (
    "2,000", "40k", "5", "120 thousand", "a day", "on", "tuesdays", "mon-fri", "27 November", "2026-11-27",
    "..", "to", "from", "until", "peak", "+10%", "x2", "and", ",", ";", "bulk:", "within 2 days",
    "black friday", "in december", "-", "/", "0", "20-", "may", "1.5 times",
)  # fmt: skip


@given(text=st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=60))
def test_no_description_raises_anything_else(text: str) -> None:
    """Whatever is written is understood, or refused with a problem that says how to write it."""
    try:
        demand = describe(text, start=MONDAY, days=30, mix=MIX)
    except WarmupError as error:
        assert error.problems
        assert all(problem.mend for problem in error.problems)
    else:
        for stream in demand.streams:
            assert all(len(row) == 30 and min(row) >= 0 for row in stream.arrivals.values())
