"""Days of rest at work: nothing goes, and no clock of the ramp moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import attrs
import pytest
from engine_house import START, House

from warmup.model import LaneKey, RampClock
from warmup.plan.rest import parse_pauses
from warmup.timing import DAY, HOUR

GOOGLE, YAHOO = LaneKey("127.0.0.2", "google"), LaneKey("127.0.0.2", "yahoo")


def steps(house: House) -> dict[str, int]:
    return {one.lane.key.provider: one.lane.step for one in house.engine.lanes()}


def caps(house: House) -> dict[str, int]:
    return {one.lane.key.provider: one.ledger.cap for one in house.engine.lanes() if one.ledger}


def resting(house: House, **changes: object) -> House:
    """The same database under a plan with days of rest."""
    house.engine.context.plan = attrs.evolve(house.engine.context.plan, **changes)
    return house


@pytest.mark.parametrize("ramp", [RampClock.CALENDAR, RampClock.SENDING_DAY, RampClock.EARNED])
def test_a_holiday_is_no_step_of_any_clock(furnished: Callable[..., House], ramp: RampClock) -> None:
    """After a day of work and two days of rest a lane stands where the work brought it."""
    house = resting(furnished(ramp=ramp), holidays=(date(2026, 12, 2), date(2026, 12, 3)))
    house.submit(*(f"user{number}@gmail.com" for number in range(200)))
    worked = house.until(START + DAY)
    assert len(worked) == 30
    assert house.until(START + 3 * DAY) == []
    house.release()
    assert steps(house)["google"] == 2
    assert caps(house)["google"] == 60
    assert len(house.until(START + 4 * DAY)) == 60


def test_the_preview_with_rest_is_what_happens(furnished: Callable[..., House]) -> None:
    """Weekend, holiday and a provider's pause: every lane's caps are those of the plan's grid."""
    house = furnished(weekdays="mon-fri")
    plan = attrs.evolve(
        house.engine.context.plan,
        days=9,
        holidays=(date(2026, 12, 3),),
        pauses=parse_pauses(["2026-12-02..2026-12-07,google"]),
    )
    resting(house, holidays=plan.holidays, pauses=plan.pauses)
    for number, _, _, wanted in plan.grid():
        house.clock.advance_to(START + (number - 1) * DAY + HOUR)
        house.release()
        assert caps(house) == dict(zip(plan.providers, wanted, strict=True)), number
        house.clock.advance_to(START + number * DAY)


def test_a_pause_put_in_at_noon_acts_at_once_and_makes_no_step(furnished: Callable[..., House]) -> None:
    """What had gone by then stays sent; the rest of the day's cap is gone, and the day is no step."""
    house = furnished(ramp=RampClock.EARNED)
    house.submit(*(f"user{number}@gmail.com" for number in range(200)))
    gone = len(house.until(START + 12 * HOUR))
    assert 0 < gone < 30
    resting(house, pauses=parse_pauses(["2026-12-01,127.0.0.2,google"]))
    house.engine.context.roll_at = 0
    assert house.until(START + DAY) == []
    house.release()
    assert steps(house) == {"google": 1, "yahoo": 1, "other": 1}
    resting(house, pauses=())
