"""How many IPs a traffic can feed, and when each may start so that providers notice all of them.

An IP that sends a provider too little has no reputation there. AWS: providers track an IP from
which they get several hundred messages within 24 hours, and about 1,000 a day to each keep it warm
(https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip.html,
https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html). So a lane is *fed* on a day when it
sends as much as is noticed, or all that its curve lets it send where that is less.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from warmup.errors import PlanError
from warmup.forecast.question import Answer, Binding, Frame, check_whole
from warmup.forecast.result import Forecast
from warmup.forecast.run import forecast
from warmup.model import OTHER, RampClock
from warmup.plan.build import TARGET_MAX
from warmup.plan.demand import Demand
from warmup.plan.sources import SOURCES_MAX

__all__ = ["KEPT_WARM", "NOTICED", "STAGGERED_MAX", "feedable", "staggered"]

NOTICED = 300
"""Deliveries a day to a provider from which an IP is noticed: the low end of "several hundred"."""

KEPT_WARM = 1_000
"""Deliveries a day to a provider that keep an IP warm there."""

STAGGERED_MAX = 50
"""IPs whose starts are looked for; each takes a run of the plan for every day tried."""

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
    frame: Frame, demand: Demand, ips: int, start: date, *, target: int | None = None, floor: int = NOTICED
) -> Answer:
    """The earliest first day of each IP at which the traffic feeds all that have started, from then on.

    One IP after the other gets the first day on which no lane of those started goes unfed on any later
    day with mail. Providers whose largest day is below the floor feed nobody and are left out, and so is
    ``other``.

    Args:
        frame: Curve, mix and calendar.
        demand: What arrives.
        ips: How many IPs, 1 to :data:`STAGGERED_MAX`.
        start: The first day of the first IP.
        target: What all IPs carry once warm; the largest day of the demand unless given.
        floor: Deliveries a day from which a provider notices an IP.

    Raises:
        PlanError: A figure is out of range.
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
    counted = [name for name, row in arrivals.items() if name != OTHER and max(row) >= floor]
    starts: list[date] = []
    worst: tuple[str, date, int, int] | None = None
    for number in range(ips):
        first = starts[-1] if starts else start
        end = start + days * _DAY
        while first < end:
            named = [*((f"ip-{n + 1}", day) for n, day in enumerate(starts)), (f"ip-{number + 1}", first)]
            # What is left to the later IPs is nobody's yet: the share of each is what it will be in the end.
            made = frame.plan(max(sought * len(named) // ips, len(named)), named, start, days=days)
            seen = forecast(made, demand, ramp=RampClock.CALENDAR, today=start, days=days, detail=True)
            unfed = _unfed(seen, demand, counted, floor, first)
            if unfed is None:
                break
            worst = unfed
            first += _DAY
        else:
            break
        starts.append(first)
    facts = {
        "ips": len(starts),
        "wanted": ips,
        "starts": [day.isoformat() for day in starts],
        "target": sought,
    }
    facts |= {"floor": floor, "demand": demand.name, "providers": counted}
    binding = Binding(
        code="none", message="No IP waits for another: the traffic feeds all from the first day."
    )
    if worst is not None and (len(starts) < ips or starts[-1] > start):
        provider, on, sent, need = worst
        message = f"A day earlier, an IP would send {provider} {sent:,} on {on}, and {need:,} are needed."
        if len(starts) < ips:
            message = f"With one more, an IP would send {provider} {sent:,} on {on}, and {need:,} are needed."
        binding = Binding(code="floor", message=message, provider=provider, on=on, have=sent, need=need)
    if not starts:
        text = f"Not even one IP is fed by {demand.name}."
        return Answer(question="stagger", found=False, text=text, facts=facts, binding=binding)
    made = frame.plan(sought, [(f"ip-{n + 1}", day) for n, day in enumerate(starts)], start, days=days)
    listed = ", ".join(f"ip-{n + 1} on {day}" for n, day in enumerate(starts))
    less = "" if len(starts) == ips else f" Only {len(starts)} of {ips} are ever fed."
    return Answer(
        question="stagger",
        found=len(starts) == ips,
        text=f"Start {listed}.{less}",
        facts=facts,
        binding=binding,
        plan=made,
    )


def _unfed(
    seen: Forecast, demand: Demand, counted: Iterable[str], floor: int, since: date
) -> tuple[str, date, int, int] | None:
    """The first lane and day that goes unfed: provider, day, what it sends and what it needs."""
    wanted = set(counted)
    arrivals = demand.by_provider()
    for row in seen.lane_days:
        provider = row.key.provider
        index = (row.on - demand.start).days
        if provider not in wanted or row.on < since or not row.cap or not 0 <= index < demand.days:
            continue
        if not arrivals[provider][index]:
            continue  # nobody is unfed on a day without mail
        need = min(floor, row.cap)
        if row.sent < need:
            return provider, row.on, row.sent, need
    return None
