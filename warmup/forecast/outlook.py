"""What a plan makes of a demand, in one piece: run forward, smoothed once warm, and scored.

While lanes ramp, mail goes as soon as caps let it: that is what fills them. From the day on which all of a
provider's lanes are warm, its mail may be held back a little, so that every day looks like the one before
(:mod:`warmup.plan.steady`), within the deadlines and the caps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import attrs

from warmup.forecast.result import Forecast, ProviderForecast
from warmup.forecast.run import Waiting, forecast
from warmup.model import OTHER, Lane, LaneKey, RampClock
from warmup.pacing import hours
from warmup.plan import Plan, shape, window_of
from warmup.plan.consistency import Consistency, consistency
from warmup.plan.demand import Demand
from warmup.plan.steady import Flow, steady

__all__ = ["Outlook", "outlook"]

_DAY = timedelta(days=1)
FREE = 10**12
"""A limit that limits nothing."""


@attrs.frozen(kw_only=True)
class Outlook:
    """A forecast with the scores of what goes and of what would have gone.

    Attributes:
        forecast: What happens.
        smoothed: Providers whose release is smoothed, with the first day on which it is.
        planned: How steady the release is; None where nothing goes.
        unshaped: How steady the demand would be if it went as it comes; None where nothing comes.
    """

    forecast: Forecast
    smoothed: Mapping[str, date]
    planned: Consistency | None
    unshaped: Consistency | None

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return self.forecast.to_dict() | {
            "smoothed": {name: day.isoformat() for name, day in self.smoothed.items()},
            "consistency": {
                "plan": None if self.planned is None else self.planned.to_dict(),
                "unshaped": None if self.unshaped is None else self.unshaped.to_dict(),
            },
        }


def outlook(
    plan: Plan,
    demand: Demand,
    *,
    ramp: RampClock = RampClock.HEALTH,
    today: date | None = None,
    days: int | None = None,
    lanes: Mapping[LaneKey, Lane] | None = None,
    backlog: Iterable[Waiting] = (),
    smooth: bool = True,
) -> Outlook:
    """Run a plan forward against a demand.

    Args:
        plan: The plan.
        demand: What arrives.
        ramp: What moves a lane to its next step.
        today: The first day; the plan's start unless given.
        days: How many days; to the demand's last one unless given.
        lanes: The lanes as they stand before the first day.
        backlog: What waits already.
        smooth: Whether a warm provider's mail is spread.

    Raises:
        PlanError: The number of days is out of range, or nothing lies within them.
    """
    waiting = tuple(backlog)
    words: dict[str, Any] = {"ramp": ramp, "today": today, "days": days, "lanes": lanes, "backlog": waiting}
    found = forecast(plan, demand, **words)
    limits: dict[str, list[int]] = {}
    smoothed: dict[str, date] = {}
    if smooth:
        for provider in found.providers:
            warm = _warm_from(found, provider.provider)
            if warm is None or found.days - warm < 2:
                continue
            limits[provider.provider] = [FREE] * warm + _release(plan, demand, found, provider, warm)
            smoothed[provider.provider] = found.date_of(warm)
        if limits:
            found = forecast(plan, demand, limits=limits, **words)
    return Outlook(
        forecast=found,
        smoothed=smoothed,
        planned=_planned(plan, found),
        unshaped=_unshaped(plan, demand, found),
    )


def _warm_from(found: Forecast, provider: str) -> int | None:
    """The index of the day from which all lanes of a provider are warm."""
    days = [end.warm_on for end in found.ends if end.key.provider == provider]
    if not days or any(day is None for day in days):
        return None
    latest = max(day for day in days if day is not None)
    index = (latest - found.start).days
    return max(0, index) if index < found.days else None


def _release(plan: Plan, demand: Demand, found: Forecast, provider: ProviderForecast, warm: int) -> list[int]:
    """The steadiest release of a provider from the day on which it is warm."""
    name = provider.provider
    first = (found.start - demand.start).days + warm
    flows = []
    for stream in demand.streams:
        rows = [
            row
            for other, row in stream.arrivals.items()
            if other == name or (name == OTHER and other not in plan.providers)
        ]
        arrivals = [sum(day) for day in zip(*rows, strict=True)][max(0, first) :] if rows else []
        arrivals = [0] * max(0, -first) + arrivals
        flows.append(
            Flow(name=stream.name, arrivals=arrivals, deadline=stream.deadline, priority=stream.priority)
        )
    old = provider.waiting[warm - 1] if warm else 0
    if old:
        # What has waited so far has its deadline before it: it goes first, as far as caps let it.
        flows.append(Flow(name="\x00waiting", arrivals=[old], deadline=0, priority=0))
    caps = provider.caps[warm:]
    weights = [plan.weekdays[found.date_of(warm + index).weekday()] for index in range(len(caps))]
    return list(steady(flows, caps, weights).releases)


def _weights(plan: Plan, found: Forecast) -> list[Any]:
    source = plan.sources[0].address
    weights = []
    for index in range(found.days):
        on = found.date_of(index)
        rests = all(plan.rests(source, provider, on) for provider in plan.providers)
        weights.append(0 if rests else plan.weekdays[on.weekday()])
    return weights


def _planned(plan: Plan, found: Forecast) -> Consistency | None:
    totals = [sum(day) for day in zip(*(one.released for one in found.providers), strict=True)]
    rows = []
    for index, total in enumerate(totals):
        window = window_of(plan.zone, found.date_of(index))
        rows.append(hours(shape(window, plan.zone, plan.pattern), total) if window.length else (0,) * 24)
    return consistency(totals, _weights(plan, found), hours=rows, pattern=plan.pattern.weights)


def _unshaped(plan: Plan, demand: Demand, found: Forecast) -> Consistency | None:
    counts = [0] * found.days
    by_hour = [0] * 24
    for stream in demand.streams:
        whole = 0
        for row in stream.arrivals.values():
            for index, count in enumerate(row):
                day = (demand.date_of(index) - found.start).days
                if 0 <= day < found.days:
                    counts[day] += count
                    whole += count
        weights = (stream.hours or plan.pattern).weights
        for hour, weight in enumerate(weights):
            by_hour[hour] += whole * weight // sum(weights)
    if not any(counts):
        return None
    weights_of_days = [max(weight, 0) for weight in _weights(plan, found)]
    return consistency(counts, weights_of_days, hours=[by_hour], pattern=plan.pattern.weights)
