"""Splitting a day among providers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.errors import PlanError
from warmup.plan.mix import PROFILES, Mix, parse_mix, seats, split

weights = st.lists(st.integers(1, 10**6), min_size=1, max_size=15)
small_weights = st.lists(st.integers(1, 6), min_size=1, max_size=8)


def seat_by_seat(total: int, of: list[int]) -> list[int]:
    """Sainte-Lague as the textbook says it: seat after seat to the largest weight / (2 seats + 1)."""
    parts = [0] * len(of)
    for _ in range(total):
        quotients = [Fraction(weight, 2 * part + 1) for weight, part in zip(of, parts, strict=True)]
        parts[quotients.index(max(quotients))] += 1
    return parts


@given(total=st.integers(0, 300), of=st.one_of(weights, small_weights))
def test_the_fast_split_is_the_textbook_split(total: int, of: list[int]) -> None:
    """The split that starts near its end gives what seat after seat gives, ties included."""
    assert seats(total, of) == seat_by_seat(total, of)


@given(total=st.integers(0, 10**9), of=weights)
def test_no_part_falls_while_the_whole_rises(total: int, of: list[int]) -> None:
    """One more delivery to split gives one provider one more, and takes from nobody."""
    now, then = seats(total, of), seats(total + 1, of)
    assert sum(now) == total
    assert sorted(b - a for a, b in zip(now, then, strict=True)) == [0] * (len(of) - 1) + [1]


@given(total=st.integers(0, 10**6), of=weights)
def test_the_order_of_names_settles_only_ties(total: int, of: list[int]) -> None:
    """Turning the list of providers round turns the parts round, up to one where weights tie."""
    there, back = seats(total, of), seats(total, of[::-1])[::-1]
    assert all(abs(a - b) <= 1 for a, b in zip(there, back, strict=True))
    assert sum(there) == sum(back)


def test_nothing_to_split_by_gives_nothing() -> None:
    """Weights of nothing, and nothing to split, give parts of 0."""
    assert seats(10, [0, 0]) == [0, 0]
    assert seats(0, [1, 2]) == [0, 0]
    assert seats(3, [0, 2]) == [0, 3]


def test_profiles_are_the_published_shares_and_the_rest() -> None:
    """Profiles hold the figures of their sources, sum to exactly 1, and end with other."""
    published = {
        "us": "google 0.501, yahoo 0.226, microsoft_consumer 0.124, comcast 0.02, apple 0.016, "
        "att 0.011, other 0.102",
        "uk": "google 0.33, microsoft_consumer 0.23, yahoo 0.18, virgin_media 0.06, bt 0.05, "
        "apple 0.04, other 0.11",
        "de": "gmx 0.399, google 0.153, t_online 0.119, other 0.329",
        "fr": "google 0.269, microsoft_consumer 0.259, orange 0.178, other 0.294",
        "pl": "wp_pl 0.264, google 0.254, other 0.482",
        "b2b": "google 0.283, microsoft365 0.226, proofpoint 0.055, yandex 0.053, mimecast 0.031, "
        "godaddy 0.025, zoho 0.014, other 0.313",
    }
    for name in PROFILES:
        mix = parse_mix(name)
        assert sum(share for _, share in mix.shares) == 1
        assert ", ".join(f"{provider} {float(share)}" for provider, share in mix.shares) == published[name]


def test_shares_are_exact_and_names_read_back() -> None:
    """0.1 is a tenth, not the float beside it; short names work; the text form reads back."""
    mix = parse_mix("gmail=0.1,microsoft=.2,other=0.7")
    assert mix.shares == (
        ("google", Fraction(1, 10)),
        ("microsoft_consumer", Fraction(1, 5)),
        ("other", Fraction(7, 10)),
    )
    assert parse_mix(mix.name) == mix == parse_mix({"google": 0.1, "microsoft_consumer": 0.2, "other": 0.7})
    assert split(10, mix) == {"google": 1, "microsoft_consumer": 2, "other": 7}


def test_a_third_is_near_enough() -> None:
    """Shares need to sum to 1 only within a billionth."""
    assert isinstance(parse_mix("google=0.333333333,yahoo=0.333333333,other=0.333333334"), Mix)
    assert isinstance(parse_mix({"google": 1 / 3, "yahoo": 1 / 3, "other": 1 / 3}), Mix)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("uss", "no profile"),
        ("", "no profile"),
        ({}, "names no provider"),
        ("google=0.5", "sum to 0.5"),
        ("google=0.5,other=0.500001", "sum to 1.000001"),
        ("google=0.5,other=", "NAME=VALUE"),
        ("google=0.5,google=0.5", "twice"),
        ("google=0.5,gmail=0.5", "twice"),
        ("google=0,other=1", "no share"),
        ("google=-0.5,other=1.5", "not a number"),
        ("google=nan,other=1", "not a number"),
        ("google=1e999,other=1", "not a number"),
        ({"google": float("inf")}, "not a number"),
        ({"google": True}, "not a number"),
        ({"a b": 1}, "not the name"),
        ({f"p{i}": 1 for i in range(300)}, "300 providers"),
    ],
)
def test_bad_mixes_are_refused(value: object, wrong: str) -> None:
    """Whatever is wrong with a mix is said, and so is the mend."""
    with pytest.raises(PlanError) as caught:
        parse_mix(value)  # type: ignore[arg-type]
    assert any(wrong in problem.wrong and problem.mend for problem in caught.value.problems)
