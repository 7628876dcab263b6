"""The simulation in counts and the engine message by message, in the same world."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_house import House

from warmup.forecast.desk import Desk
from warmup.forecast.simulate import course, run
from warmup.forecast.strategies import Ours
from warmup.forecast.world import Provider, Traits
from warmup.model import RampClock
from warmup.timing import DAY, MINUTE, Chance

TARGET, DAYS, CURVE = 32, 8, "geometric:start=4,growth=2"

WORLDS = {
    "greylisting": Traits(first=1_000, greylist=5 * MINUTE, invalid=0.0, complain=0.0),
    "a ceiling": Traits(first=5, growth=2.5, most=18, invalid=0.0, complain=0.0),
    "strict": Traits(first=6, growth=1.5, stall=True, invalid=0.0, complain=0.0),
    "changing its mind": Traits(first=30, growth=3.0, moods=((5, 8, 0.5),), invalid=0.0, complain=0.0),
    "addresses that are gone": Traits(first=1_000, invalid=0.25, complain=0.0),
}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_engine_and_simulation_agree(furnished: Callable[..., House], name: str) -> None:
    """What `warmup simulate` shows is what the engine does: the same caps and standings each day."""
    laid = course(TARGET, DAYS, curve=CURVE, pattern="flat")
    simulated = run(laid, Provider(WORLDS[name], laid.setting, Chance(5)), Ours(laid), "ours")

    house = furnished(
        start=laid.setting.start,
        target=TARGET,
        curve=CURVE,
        mix="google=1",
        ramp=RampClock.HEALTH,
        days=DAYS,
    )
    desk = Desk(Provider(WORLDS[name], laid.setting, Chance(5)))
    house.submit(*(f"reader{number}@gmail.com" for number in range(TARGET * DAYS + 50)))
    standings = []
    for day in range(DAYS):
        end = laid.setting.start + (day + 1) * DAY
        while house.clock.now() < end:
            grants = house.begin(house.release(limit=1))
            for grant in grants:
                house.engine.record([(grant, desk.answer(grant.id, house.clock.now()))])
            if not grants:
                house.clock.advance_to(min(end, house.wake_at))
        house.engine.roll()
        (lane,) = house.engine.lanes()
        standings.append((lane.lane.step, str(lane.lane.standing)))
    windows = sorted(house.engine.days(), key=lambda record: record.ledger.window.starts_at)[:DAYS]
    for day, record, rest in zip(simulated.days, windows, standings, strict=True):
        assert (record.ledger.cap, *rest) == (day.cap, day.step, day.standing)
        # A retry that is due about midnight may fall on either side of it.
        assert abs(record.ledger.accepted - day.accepted) <= (1 if name == "greylisting" else 0)
