"""What a plan makes of a demand, in one piece: run forward, smoothed once warm, and scored.

While lanes ramp, mail goes as soon as caps let it: that is what fills them. From the day on which all of a
provider's lanes are warm, its mail may be held back a little, so that every day looks like the one before
(:mod:`warmup.plan.steady`), within the deadlines and the caps.

The steadiest release lets everything go by its last day. It is therefore looked for over four weeks more
than are shown, so that the days shown do not end with a peak that only the edge of the paper made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import attrs

from warmup.forecast.mail import Waiting, mail_of
from warmup.forecast.result import Forecast
from warmup.forecast.run import DAYS_MAX, forecast, forecasts
from warmup.model import Lane, LaneKey, RampClock
from warmup.pacing import hours
from warmup.plan import Plan, shape, window_of
from warmup.plan.aim import Steadiness
from warmup.plan.consistency import Consistency, consistency
from warmup.plan.demand import Demand
from warmup.plan.steady import Flow, steady

__all__ = ["AHEAD", "Outlook", "demanded", "outlook"]

_DAY = timedelta(days=1)
FREE = 10**12
"""A limit that limits nothing."""

AHEAD = 28
"""Days looked at beyond those that are shown, for what is released on the last of these: whole weeks."""


@attrs.frozen(kw_only=True)
class Outlook:
    """A forecast with the scores of what goes and of what would have gone.

    Attributes:
        forecast: What happens.
        smoothed: Providers whose release is smoothed, with the first day on which it is; None where that
            was not asked for.
        planned: How steady the release is; None where nothing goes.
        unshaped: How steady the demand would be if it went as it comes; None where nothing comes.
    """

    forecast: Forecast
    smoothed: Mapping[str, date] | None
    planned: Consistency | None
    unshaped: Consistency | None

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return self.forecast.to_dict() | {
            "smoothed": {name: day.isoformat() for name, day in (self.smoothed or {}).items()},
            "consistency": {
                "plan": None if self.planned is None else self.planned.to_dict(),
                "unshaped": None if self.unshaped is None else self.unshaped.to_dict(),
            },
        }


def demanded(days: int, smooth: bool) -> int:
    """How many days of a demand an outlook over so many days makes use of."""
    return max(days, min(days + AHEAD, DAYS_MAX)) if smooth else days


def outlook(
    plan: Plan,
    demand: Demand,
    *,
    ramp: RampClock = RampClock.HEALTH,
    today: date | None = None,
    days: int | None = None,
    lanes: Mapping[LaneKey, Lane] | None = None,
    backlog: Iterable[Waiting] = (),
    steadiness: Steadiness | None = None,
) -> Outlook:
    """Run a plan forward against a demand.

    Args:
        plan: The plan.
        demand: What arrives. Figures for more days than are shown, :func:`demanded`, make the last of
            those as steady as the others; where there are none, nothing is taken to come.
        ramp: What moves a lane to its next step.
        today: The first day; the plan's start unless given.
        days: How many days; to the demand's last one unless given.
        lanes: The lanes as they stand before the first day.
        backlog: What waits already.
        steadiness: How a warm provider's mail is spread; None: it goes as soon as caps let it.

    Raises:
        PlanError: The number of days is out of range, or nothing lies within them.
    """
    waiting = tuple(backlog)
    words: dict[str, Any] = {"ramp": ramp, "today": today, "lanes": lanes, "backlog": waiting}
    if days is None:
        days = (demand.start - (plan.start if today is None else today)).days + demand.days
    smoothed: dict[str, date] | None = None
    if steadiness is not None:
        runs = forecasts(plan, demand, (days, demanded(days, True)), **words)
        found = next(runs)
        limits = _limits(plan, demand, found, runs, waiting, steadiness)
        if limits:
            found = forecast(plan, demand, days=days, limits=limits, **words)
        smoothed = {name: found.date_of(row.count(FREE)) for name, row in limits.items()}
    else:
        found = forecast(plan, demand, days=days, **words)
    return Outlook(
        forecast=found,
        smoothed=smoothed,
        planned=_planned(plan, found),
        unshaped=_unshaped(plan, demand, found),
    )


def _limits(
    plan: Plan,
    demand: Demand,
    found: Forecast,
    further: Iterator[Forecast],
    backlog: Iterable[Waiting],
    policy: Steadiness,
) -> dict[str, list[int]]:
    """The most that providers which become warm shall release on each day shown.

    Args:
        plan: The plan.
        demand: What arrives.
        found: What happens unsmoothed, on the days shown.
        further: Gives the same with the days beyond, which is worked out if it is needed.
        backlog: What waits on the first day.
        policy: How mail is spread.
    """
    warm = {one.provider: _warm_from(found, one.provider) for one in found.providers}
    soon = {name: at for name, at in warm.items() if at is not None and found.days - at >= 2}
    if not soon:
        return {}
    beyond = next(further)
    floor = policy.keep_warm * len(plan.sources)
    limits: dict[str, list[int]] = {}
    for name, at in soon.items():
        flows = _flows(plan, demand, beyond, name, at, backlog, policy.patience)
        if flows:
            caps = beyond.provider(name).caps[at:]
            weights = [plan.weekdays[beyond.date_of(at + ahead).weekday()] for ahead in range(len(caps))]
            release = steady(flows, caps, weights, floor=floor, patience=policy.patience).releases
            limits[name] = [FREE] * at + [max(count, floor) for count in release[: found.days - at]]
    return limits


def _warm_from(found: Forecast, provider: str) -> int | None:
    """The index of the day from which all lanes of a provider are warm."""
    days = [end.warm_on for end in found.ends if end.key.provider == provider]
    if not days or any(day is None for day in days):
        return None
    latest = max(day for day in days if day is not None)
    index = (latest - found.start).days
    return max(0, index) if index < found.days else None


def _flows(
    plan: Plan,
    demand: Demand,
    found: Forecast,
    provider: str,
    warm: int,
    backlog: Iterable[Waiting],
    patience: int,
) -> list[Flow]:
    """A provider's streams from a day on, with what waits by then and for how long it has.

    The days before are lived again with what the forecast released on them: it tells how much waits
    at their end, and this tells of which stream and from which day.
    """
    mail = mail_of(plan, demand, backlog)[provider]
    released = found.provider(provider).released
    offset = (found.start - demand.start).days
    for index in range(warm):
        mail.arrive(index, index + offset)
        if not index:
            dict(mail.expire(0))
        mail.queue.take(index, released[index])
        dict(mail.expire(index + 1))
    flows = []
    for queue, stream, rows in mail.rows:
        # Older mail than this is due at once, however old it is.
        ages = (patience if stream.deadline is None else stream.deadline) + 1
        waiting = [0] * ages
        for day, count in queue.cohorts:
            waiting[min(warm - day, ages) - 1] += count
        arrivals = [
            sum(row[at] for row in rows if 0 <= at < len(row))
            for at in range(warm + offset, found.days + offset)
        ]
        flows.append(
            Flow(
                name=stream.name,
                arrivals=arrivals,
                deadline=stream.deadline,
                priority=stream.priority,
                waiting=waiting,
            )
        )
    return flows


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
