"""Whose trouble it is: a lane's, an address's, or a domain's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.reputation.common import DAYS, ENOUGH, Cell, address_wide, domain_wide
from warmup.reputation.evidence import Rate

FIVE = ("google", "yahoo", "microsoft_consumer", "apple", "gmx")
WELL, BAD = (500, 0), (500, 20)
"""A day at a provider: five hundred messages with nothing against them, and with 4 % of something."""


def cell(
    provider: str, rate: Rate, day: tuple[int, int], source: str = "192.0.2.1", days: int = DAYS
) -> Cell:
    return Cell(source=source, provider=provider, days={rate: [day] * days})


def cells(
    rate: Rate, bad: int, of: int = 5, source: str = "192.0.2.1", worse: tuple[int, int] = BAD
) -> list[Cell]:
    """So many providers in trouble, of so many."""
    return [cell(name, rate, worse if place < bad else WELL, source) for place, name in enumerate(FIVE[:of])]


KINDS = [Rate.COMPLAINTS, Rate.BOUNCES, Rate.BLOCKS]


@pytest.mark.parametrize("rate", KINDS)
@pytest.mark.parametrize(
    ("bad", "of", "whole"),
    [(1, 5, False), (2, 2, False), (2, 5, False), (3, 5, False), (4, 5, True), (3, 3, True)],
)
def test_three_providers_and_three_quarters(rate, bad, of, whole):
    """Trouble is the address's at three providers or more, and three quarters of those that can tell."""
    found = address_wide(cells(rate, bad, of))
    assert bool(found) == whole
    if whole:
        assert [one.rate for one in found] == [rate]
        assert [name for name, _, _ in found[0].troubled] == list(FIVE[:bad])
        assert f"{FIVE[0]} 140 of 3500" in found[0].reason


def test_who_has_hardly_any_mail_tells_nothing():
    """A provider with a few messages and no trouble does not speak for the address."""
    few = [cell(name, Rate.BLOCKS, (ENOUGH // DAYS - 1, 0)) for name in FIVE[3:]]
    assert address_wide([*cells(Rate.BLOCKS, 3, 3), *few])


def test_different_troubles_are_no_common_one():
    """Complaints here, bounces there and blocks elsewhere are three lanes' trouble."""
    assert not address_wide([cell(name, rate, BAD) for name, rate in zip(FIVE, Rate, strict=True)])


def test_lanes_that_were_suspended_count():
    """A provider that turned the address away at its first words is in trouble, however few they were."""
    stopped = [
        Cell(source="192.0.2.1", provider=name, days={Rate.BLOCKS: [(1, 1)]}, stopped=True)
        for name in FIVE[:3]
    ]
    assert address_wide(stopped)
    assert not address_wide(stopped[:2])


def test_finding_limits_is_no_common_trouble():
    """A ramp that meets a limit at each provider, at three deferrals in a hundred, is left to its lanes."""
    assert not address_wide(cells(Rate.DEFERRALS, 5, worse=(500, 15)))
    assert address_wide(cells(Rate.DEFERRALS, 5, worse=(500, 60)))


def test_a_domain_among_sound_ones():
    """Where the mail of other domains from the same address is sound, the trouble is the domain's."""
    mine, others = cells(Rate.COMPLAINTS, 4), cells(Rate.COMPLAINTS, 0)
    assert domain_wide(mine, lambda: others)
    assert not domain_wide(mine, lambda: cells(Rate.COMPLAINTS, 4)), "the address's"
    assert not domain_wide(mine, list), "an address that sends for one domain alone: nobody can tell"
    assert not domain_wide(cells(Rate.COMPLAINTS, 2), lambda: others), "two providers' trouble"


def test_a_domain_in_trouble_from_everywhere():
    """Mail that is in trouble from each of several addresses is in trouble for its domain."""
    here, there = cells(Rate.BLOCKS, 4), cells(Rate.BLOCKS, 4, source="192.0.2.2")
    assert domain_wide([*here, *there], list)
    assert not domain_wide([*here, *cells(Rate.BLOCKS, 0, source="192.0.2.2")], list)


days = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 40)).map(lambda d: (max(d), min(d))), max_size=DAYS
)
lanes = st.dictionaries(
    st.sampled_from(FIVE), st.dictionaries(st.sampled_from(list(Rate)), days, max_size=3), max_size=5
)


@given(lanes, st.sampled_from(FIVE))
def test_one_provider_never_speaks_for_the_others(seen, loud):
    """Whatever one provider says, and however much of it, it does not make trouble of an address."""

    def found(days_of):
        some = [Cell(source="192.0.2.1", provider=name, days=days) for name, days in days_of.items()]
        return {one.rate: {name for name, _, _ in one.troubled} for one in address_wide(some)}

    quiet = {name: days for name, days in seen.items() if name != loud}
    storm = {**quiet, loud: {rate: [(1_000, 1_000)] * DAYS for rate in Rate}}
    for rate, names in found(storm).items():
        assert len(names - {loud}) >= 2
        troubled = sum(bool(sum(k for _, k in days.get(rate, []))) for days in quiet.values())
        assert troubled >= 2


@given(lanes)
def test_more_sound_mail_never_makes_trouble(seen):
    """Another provider without trouble can only speak against trouble of the whole."""
    some = [Cell(source="192.0.2.1", provider=name, days=days) for name, days in seen.items()]
    sound = Cell(source="192.0.2.1", provider="fastmail", days={rate: [(500, 0)] * DAYS for rate in Rate})
    before = {one.rate for one in address_wide(some)}
    assert {one.rate for one in address_wide([*some, sound])} <= before
