"""A warm lane grows from what it has sent, not from what its plan was edited to."""

from __future__ import annotations

from collections.abc import Callable

from engine_house import START, House

from warmup.model import Declaration, LaneKey, Standing
from warmup.plan.growth import GrowthPolicy
from warmup.timing import DAY, HOUR

GOOGLE = LaneKey("127.0.0.2", "google")
SMALL = GrowthPolicy(least=5)
"""Growth that is governed in volumes that a test can send."""


def caps(house: House) -> list[int]:
    return [day.ledger.cap for day in house.engine.days() if day.lane == GOOGLE]


def live(house: House, days: int) -> None:
    """Use the whole cap of the Google lane for some days."""
    for _ in range(days):
        house.engine.roll()
        cap = next(one.ledger.cap for one in house.engine.lanes() if one.lane.key == GOOGLE and one.ledger)
        house.submit(*(f"user{number}@gmail.com" for number in range(cap)))
        house.until(house.clock.now() + DAY)


def test_a_raised_plan_lifts_a_warm_lane_slowly(furnished: Callable[..., House]) -> None:
    """The target is tenfold overnight: the lane adds 30 % a week, and says why."""
    house = furnished(target=40, declarations={"127.0.0.2": Declaration(warm=True)}, growth=SMALL)
    live(house, 9)
    raised = house.again(target=400)
    live(raised, 9)
    assert caps(raised)[:9] == [20] * 9
    assert caps(raised)[9:18] == [26] * 7 + [33] * 2
    story = "\n".join(raised.engine.explain_lane(GOOGLE).lines)
    assert "cap 26 and not 200: it grows from what it sent until a week ago" in story


def test_a_plan_that_stays_is_not_governed(furnished: Callable[..., House]) -> None:
    """A lane that became warm by its ramp sends its whole share, although a week ago it sent less."""
    house = furnished(target=60, curve="geometric:start=4,growth=2", growth=SMALL)
    live(house, 6)
    lane = next(one.lane for one in house.engine.lanes() if one.lane.key == GOOGLE)
    assert lane.standing is Standing.WARM
    assert caps(house)[-1] == 30


def test_an_operator_may_let_the_plan_lead(furnished: Callable[..., House]) -> None:
    """With growth off, a raised plan acts with the next window."""
    house = furnished(target=1400, declarations={"127.0.0.2": Declaration(warm=True)}, growth=None)
    house.engine.roll()
    house.clock.advance_to(START + DAY + HOUR)
    raised = house.again(target=14_000)
    raised.engine.roll()
    assert caps(raised)[-1] == 7000
