"""The caps that lie ahead of lanes as they stand, if every day's cap is used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from warmup.forecast.run import forecast
from warmup.model import Lane, LaneKey, RampClock
from warmup.plan import Plan
from warmup.plan.demand import Demand, DemandStream

__all__ = ["caps_ahead"]

PLENTY = 10**12
"""Mail for each provider on each day: more than any cap."""


def caps_ahead(
    plan: Plan, *, lanes: Mapping[LaneKey, Lane], today: date, days: int, ramp: RampClock
) -> dict[tuple[date, str, str], int]:
    """The cap of each lane on each day, with mail in plenty and providers that accept everything.

    Args:
        plan: The plan.
        lanes: The lanes as they stand; one that is not named is at step 1, as new.
        today: The first day.
        days: How many, 1 to 3,650.
        ramp: What moves a lane to its next step.

    Returns:
        Caps by day, source and provider. Sources that have not begun have none.

    Raises:
        PlanError: The number of days is out of range.
    """
    stream = DemandStream(name="plenty", arrivals=dict.fromkeys(plan.providers, (PLENTY,) * days), deadline=0)
    demand = Demand(name="plenty", start=today, streams=(stream,))
    found = forecast(plan, demand, ramp=ramp, today=today, days=days, lanes=lanes, detail=True)
    return {(one.on, one.key.source, one.key.provider): one.cap for one in found.lane_days}
