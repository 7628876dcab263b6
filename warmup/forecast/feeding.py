"""How many IPs a traffic can feed, and when each may start so that providers notice all of them.

An IP that sends a provider too little has no reputation there. AWS: providers track an IP from
which they get several hundred messages within 24 hours, and about 1,000 a day to each keep it warm
(https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip.html,
https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html). So a lane is *fed* on a day when it
sends as much as is noticed, or, while its curve is on the way, all that the step lets it send.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from warmup.errors import PlanError
from warmup.forecast.question import Answer, Binding, Frame, check_whole
from warmup.forecast.result import Forecast
from warmup.forecast.run import forecast
from warmup.model import OTHER, Lane, LaneKey, RampClock, Standing
from warmup.plan import Plan
from warmup.plan.build import TARGET_MAX
from warmup.plan.demand import Demand
from warmup.plan.sources import SOURCES_MAX
from warmup.plan.words import nearest

__all__ = ["KEPT_WARM", "NOTICED", "STAGGERED_MAX", "feedable", "staggered"]


class Unfed(NamedTuple):
    """A lane that goes unfed: to whom, when, what it sends and what it would need."""

    provider: str
    on: date
    sent: int
    need: int


NOTICED = 300
"""Deliveries a day to a provider from which an IP is noticed: the low end of "several hundred"."""

KEPT_WARM = 1_000
"""Deliveries a day to a provider that keep an IP warm there."""

STAGGERED_MAX = 50
"""IPs whose starts are looked for; each takes a run of the plan for every day tried."""

FINAL_DAYS = 14
"""The days at the end of a demand that have to feed all IPs at their full size: two weeks, so that every
weekday speaks twice."""

EVEN = "All IPs get the same share of the target, so it does not matter which of them is which."
"""Said of staggered starts: orders of IPs with shares of their own are not looked for."""

_DAY = timedelta(days=1)


def feedable(frame: Frame, volume: int, floor: int = KEPT_WARM) -> Answer:
    """How many IPs a daily volume feeds at all: each provider's part divided by what one IP needs there.

    Providers whose whole part is below the floor can feed no IP, however few there are; they are
    named and left out, and so is ``other``, which is many hosts.

    Args:
        frame: The mix.
        volume: Deliveries a day.
        floor: Deliveries a day to a provider that an IP shall have.

    Raises:
        PlanError: A figure is out of range.
    """
    check_whole("volume", volume, TARGET_MAX)
    check_whole("floor", floor, TARGET_MAX)
    parts = frame.plan(volume, 1, date(2001, 1, 1)).parts_of(volume)
    each = {provider: part // floor for provider, part in parts.items() if provider != OTHER}
    fed = {provider: count for provider, count in each.items() if count}
    thin = [provider for provider, count in each.items() if not count]
    smarthost = f"Not even one IP is fed at {', '.join(thin)}: a smarthost there, or nothing to expect."
    notes = (smarthost,) if thin else ()
    if not fed:
        best = max(each, key=lambda provider: parts[provider], default=OTHER)
        message = f"{best} gets {parts.get(best, 0):,} a day of {volume:,}, and an IP needs {floor:,} there."
        binding = Binding(code="floor", message=message, provider=best, have=parts.get(best, 0), need=floor)
        text = f"None: {volume:,} a day is below {floor:,} at every provider."
        nothing: dict[str, object] = {"ips": 0, "volume": volume, "floor": floor, "providers": each}
        return Answer(question="feed", found=False, text=text, facts=nothing, binding=binding, notes=notes)
    most = min(*fed.values(), SOURCES_MAX)
    tight = min(fed, key=lambda provider: fed[provider])
    binding = Binding(
        code="floor",
        message=f"With one more, {tight} would see {parts[tight] // (most + 1):,} a day from each, "
        f"and {floor:,} are needed.",
        provider=tight,
        have=parts[tight],
        need=(most + 1) * floor,
    )
    return Answer(
        question="feed",
        found=True,
        text=f"{volume:,} a day feed {most:,} IP{'' if most == 1 else 's'} with {floor:,} a day at each "
        "provider that can feed one.",
        facts={"ips": most, "volume": volume, "floor": floor, "providers": each},
        binding=binding,
        plan=frame.plan(volume, most, date(2001, 1, 1)),
        notes=notes,
    )


def staggered(
    frame: Frame,
    demand: Demand,
    ips: int,
    start: date,
    *,
    target: int | None = None,
    floor: int = NOTICED,
    at: Sequence[str] = (),
) -> Answer:
    """The earliest first day of each IP at which the traffic feeds all that have started, from then on.

    First, how many of the IPs the last two weeks of the demand feed once all of them are warm: each
    number is tried, the largest first, because what a target leaves to each is no monotone matter.
    All share the target evenly, so that they are alike and there is one order of them to look at.
    Then one IP after the other gets the first day on which no lane of those started goes unfed on any
    later day. A day that brings a provider less than the floor feeds nobody there, however few IPs
    there are: such days are left out, with providers that have no other, and so is ``other``.

    Args:
        frame: Curve, mix and calendar.
        demand: What arrives.
        ips: How many IPs, 1 to :data:`STAGGERED_MAX`.
        start: The first day of the first IP.
        target: What all IPs carry once warm; the largest day of the demand unless given.
        floor: Deliveries a day from which a provider notices an IP.
        at: Providers that shall notice every IP; all that the demand brings enough for unless given.

    Raises:
        PlanError: A figure is out of range, or nothing arrives for a provider that is named.
    """
    check_whole("ips", ips, STAGGERED_MAX)
    check_whole("floor", floor, TARGET_MAX)
    check_whole("target", target, TARGET_MAX)
    arrivals = demand.by_provider()
    days = (demand.start - start).days + demand.days
    if days < 1:
        raise PlanError.of("start", f"{start} is after the demand ends", "start earlier")
    sought = target or max(ips, *(sum(column) for column in zip(*arrivals.values(), strict=True)))
    if sought < ips:
        raise PlanError.of("target", f"{sought:,} a day is too little for {ips} IPs", "raise it")
    strange = [name for name in at if name not in arrivals or name == OTHER]
    if strange:
        raise PlanError.of("at", f"{strange[0]} is no provider of this demand", nearest(strange[0], arrivals))
    asked = at or [name for name in arrivals if name != OTHER]
    counted = [name for name in asked if max(arrivals[name], default=0) >= floor]
    facts = {"wanted": ips, "target": sought, "floor": floor, "demand": demand.name, "providers": counted}
    if not counted:
        best = max(arrivals, key=lambda name: max(arrivals[name], default=0), default=OTHER)
        most = max(arrivals.get(best, ()), default=0)
        message = f"{best} gets {most:,} on its largest day, and an IP needs {floor:,} there."
        binding = Binding(code="floor", message=message, provider=best, have=most, need=floor)
        return _stagger_answer(demand, [], facts, binding, None)
    tried = {
        number: _unfed_when_warm(frame, demand, counted, floor, sought, number)
        for number in range(1, ips + 1)
    }
    able = max((number for number, unfed in tried.items() if unfed is None), default=0)
    starts: list[date] = []
    blame: Unfed | None = None
    while len(starts) < able:
        found, unfed = _first_day(frame, demand, starts, start, days, sought, able, counted, floor)
        blame = unfed or blame
        if found is None:
            break
        starts.append(found)
    short = len(starts) < ips
    if short and len(starts) == able:
        blame = tried[able + 1]
    binding = Binding(
        code="none", message="No IP waits for another: the traffic feeds all from the first day."
    )
    if blame is not None:
        provider, on, sent, need = blame
        when = "With one more" if short else "A day earlier"
        message = f"{when}, an IP would send {provider} {sent:,} on {on}, and {need:,} are needed."
        binding = Binding(code="floor", message=message, provider=provider, on=on, have=sent, need=need)
    made = None
    if starts:
        share = sought if len(starts) == able else max(len(starts), sought * len(starts) // able)
        made = frame.plan(share, _named(starts), start, days=days)
    return _stagger_answer(demand, starts, facts, binding, made)


def _first_day(
    frame: Frame,
    demand: Demand,
    starts: list[date],
    start: date,
    days: int,
    target: int,
    able: int,
    counted: Iterable[str],
    floor: int,
) -> tuple[date | None, Unfed | None]:
    """The first day for one IP more, and what a day earlier would leave unfed."""
    first = starts[-1] if starts else start
    blame = None
    while first < start + days * _DAY:
        named = _named([*starts, first])
        # What is left to the later IPs is nobody's yet: the share of each is what it will be in the end.
        made = frame.plan(max(target * len(named) // able, len(named)), named, start, days=days)
        seen = forecast(made, demand, ramp=RampClock.CALENDAR, today=start, days=days, detail=True)
        unfed = _unfed(seen, demand, counted, floor, first)
        if unfed is None:
            return first, blame
        blame = unfed
        first += _DAY
    return None, blame


def _named(starts: Iterable[date]) -> list[tuple[str, date]]:
    return [(f"ip-{number}", day) for number, day in enumerate(starts, 1)]


def _stagger_answer(
    demand: Demand, starts: list[date], facts: dict[str, Any], binding: Binding, made: Plan | None
) -> Answer:
    ips = facts["wanted"]
    text = f"Not even one IP is fed by {demand.name}."
    each: list[dict[str, Any]] = []
    if made is not None:
        listed = ", ".join(f"{name} on {day}" for name, day in _named(starts))
        less = "" if len(starts) == ips else f" Only {len(starts)} of {ips} are ever fed."
        text = f"Start {listed}.{less}"
        each = _seen_by_each(made, demand, facts["providers"], facts["floor"])
    return Answer(
        question="stagger",
        found=len(starts) == ips,
        text=text,
        facts={"ips": len(starts), "starts": [day.isoformat() for day in starts], **facts, "each": each},
        binding=binding,
        plan=made,
        notes=(EVEN,) if ips > 1 and made is not None else (),
    )


def _seen_by_each(made: Plan, demand: Demand, counted: list[str], floor: int) -> list[dict[str, Any]]:
    """What each IP sends each provider a day: from when it is noticed, and the least and most at last."""
    seen = forecast(made, demand, ramp=RampClock.CALENDAR, today=made.start, days=made.days, detail=True)
    last = seen.date_of(seen.days - FINAL_DAYS)
    arrivals = demand.by_provider()
    rows: dict[tuple[str, str], list[tuple[date, int]]] = {}
    for row in seen.lane_days:
        if row.key.provider in counted and arrivals[row.key.provider][(row.on - demand.start).days] >= floor:
            rows.setdefault((row.key.source, row.key.provider), []).append((row.on, row.sent))
    each = []
    for source in made.sources:
        volumes = {}
        for provider in counted:
            days = rows.get((source.address, provider), [])
            final = [sent for on, sent in days if on >= last]
            noticed = next((on for on, sent in days if sent >= floor), None)
            volumes[provider] = {
                "noticed": None if noticed is None else noticed.isoformat(),
                "least": min(final, default=0),
                "most": max(final, default=0),
            }
        each.append({"ip": source.address, "start": source.start.isoformat(), "volumes": volumes})
    return each


def _unfed_when_warm(
    frame: Frame, demand: Demand, counted: Iterable[str], floor: int, target: int, ips: int
) -> Unfed | None:
    """What goes unfed once so many IPs are warm, in the last two weeks of a demand."""
    since = max(demand.start, demand.date_of(demand.days - FINAL_DAYS))
    made = frame.plan(target, ips, since)
    lanes = {}
    for source in made.sources:
        for provider in made.providers:
            key = LaneKey(source.address, provider)
            last = made.last_step(source.address)
            lanes[key] = Lane(id=0, key=key, standing=Standing.WARM, step=last)
    seen = forecast(made, demand, ramp=RampClock.CALENDAR, today=since, lanes=lanes, detail=True)
    return _unfed(seen, demand, counted, floor, since)


def _unfed(seen: Forecast, demand: Demand, counted: Iterable[str], floor: int, since: date) -> Unfed | None:
    """The first lane and day that goes unfed.

    A lane on its way needs what its step allows, up to the floor; once it is at its last step the
    floor itself: a cap that stays below it is no excuse.
    """
    wanted = set(counted)
    arrivals = demand.by_provider()
    last = {source.address: seen.plan.last_step(source.address) for source in seen.plan.sources}
    for row in seen.lane_days:
        provider = row.key.provider
        index = (row.on - demand.start).days
        if provider not in wanted or row.on < since or not row.cap or not 0 <= index < demand.days:
            continue
        if arrivals[provider][index] < floor:
            continue  # not even one IP alone could be noticed that day
        need = floor if row.step >= last[row.key.source] else min(floor, row.cap)
        if row.sent < need:
            return Unfed(provider, row.on, row.sent, need)
    return None
