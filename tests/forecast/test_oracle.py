"""The oracle is what strategies are measured by: nothing within its laws does better."""

from __future__ import annotations

import time
from itertools import pairwise, product

import attrs
import pytest

from warmup.contracts import Receiver, Setting
from warmup.forecast.oracle import _Fixed, oracle
from warmup.forecast.simulate import Run, course, run
from warmup.forecast.strategies import Ours
from warmup.forecast.world import Provider, Traits
from warmup.forecast.worlds import WORLDS
from warmup.timing import Chance


@attrs.frozen
class Small:
    """A provider for a handful of messages a day."""

    traits: Traits
    name: str = "small"

    def begin(self, setting: Setting, chance: Chance) -> Receiver:
        return Provider(self.traits, setting, chance)


def _best_of_all(world: Small, target: int, days: int) -> int:
    """The most that any sequence of caps delivers without a refusal, each at most twice the one before."""
    laid = course(target, days, curve="geometric:start=2,growth=2", pattern="flat")
    best = 0
    for caps in product(range(1, target + 1), repeat=days):
        if caps[0] > 2 or any(after > 2 * before for before, after in pairwise(caps)):
            continue
        going = Run(laid, world.begin(laid.setting, Chance(1)), _Fixed(0, 0))
        for number, cap in enumerate(caps):
            going.pilot = _Fixed(cap, 1 << 20)
            going.one_day(number)
        if not any(day.deferred or day.blocked for day in going.days):
            best = max(best, sum(day.accepted for day in going.days))
    return best


@pytest.mark.parametrize(
    "traits",
    [
        Traits(first=3, growth=1.6, invalid=0.0, complain=0.0),
        Traits(first=1, growth=2.0, stall=True, invalid=0.0, complain=0.0),
        Traits(first=9, growth=3.0, most=5, invalid=0.0, complain=0.0),
        Traits(first=9, growth=3.0, moods=((2, 3, 0.3),), invalid=0.0, complain=0.0),
    ],
)
def test_no_sequence_of_caps_beats_the_oracle(traits: Traits) -> None:
    """In small worlds every possible sequence of caps was tried, and none delivers more."""
    world = Small(traits)
    laid = course(7, 4, curve="geometric:start=2,growth=2", pattern="flat")
    found = oracle(laid, world, Chance(1))
    assert found.friction == 0
    assert found.delivered == _best_of_all(world, 7, 4)


@pytest.mark.parametrize("name", ["strict", "ceiling", "hourly"])
def test_ours_stays_within_what_the_oracle_shows(name: str) -> None:
    """Ours delivers nearly as much as the oracle, with hardly a refusal and no blocked day."""
    laid = course(2_000, 45)
    for seed in range(3):
        chance = Chance(f"{name}:{seed}")
        best = oracle(laid, WORLDS[name], chance)
        ours = run(laid, WORLDS[name].begin(laid.setting, chance), Ours(laid), "ours")
        assert 0.8 * best.delivered <= ours.delivered <= 1.02 * best.delivered
        assert ours.friction <= 0.01
        assert ours.blocked_days == 0


def test_a_limit_by_the_hour_does_not_hold_a_lane_for_good() -> None:
    """Deferrals scattered over the peak hours are a limit too: the lane goes under it and climbs on."""
    traits = Traits(
        first=140,
        growth=1.876,
        hour_share=0.0605,
        lenience=0.03,
        stall=True,
        invalid=0.007,
        complain=0.000_14,
    )
    laid = course(20_000, 45)
    ours = run(laid, Provider(traits, laid.setting, Chance(1)), Ours(laid), "ours")
    assert ours.friction <= 0.01
    assert ours.days[-1].accepted > 2_000


@pytest.mark.parametrize("name", ["lenient", "strict"])
def test_three_months_take_a_second_or_so(name: str) -> None:
    """90 days at 20,000 a day cost events and not messages."""
    laid = course(20_000, 90)
    begun = time.process_time()
    run(laid, WORLDS[name].begin(laid.setting, Chance(1)), Ours(laid), "ours")
    assert time.process_time() - begun < 5
