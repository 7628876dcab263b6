"""When each IP may start so that providers notice all of them, and in which order.

An IP that sends a provider too little has no reputation there. AWS: providers track an IP from
which they get several hundred messages within 24 hours, and about 1,000 a day to each keep it warm
(https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip.html,
https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html). So a lane is *fed* on a day when it
sends as much as is noticed, or, while its curve is on the way, all that the step lets it send.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from math import factorial
from typing import Any, NamedTuple

from warmup.errors import PlanError
from warmup.forecast.groups import ForecastDay, LaneGroup
from warmup.forecast.question import Answer, Binding, Frame, check_whole
from warmup.forecast.run import forecast
from warmup.model import OTHER, Lane, LaneKey, RampClock, Standing
from warmup.plan import Plan
from warmup.plan.build import TARGET_MAX
from warmup.plan.demand import Demand
from warmup.plan.words import nearest

__all__ = ["NOTICED", "STAGGERED_MAX", "staggered"]


class Unfed(NamedTuple):
    """A lane that goes unfed: to whom, when, what it sends and what it would need."""

    provider: str
    on: date
    sent: int
    need: int


NOTICED = 300
"""Deliveries a day to a provider from which an IP is noticed: the low end of "several hundred"."""

STAGGERED_MAX = 50
"""IPs whose starts are looked for; each takes a run of the plan for every day tried."""

FINAL_DAYS = 14
"""The days at the end of a demand that have to feed all IPs at their full size: two weeks, so that every
weekday speaks twice."""

ORDERS_MAX = 24
"""Orders of IPs with unequal shares that are tried; of more only the largest first and the smallest first."""

EVEN = "All IPs get the same share of the target, so it does not matter which of them is which."
"""Said of staggered starts without shares of their own."""

_DAY = timedelta(days=1)


def staggered(
    frame: Frame,
    demand: Demand,
    ips: int,
    start: date,
    *,
    target: int | None = None,
    floor: int = NOTICED,
    at: Sequence[str] = (),
    shares: Sequence[int] = (),
) -> Answer:
    """The earliest first day of each IP at which the traffic feeds all that have started, from then on.

    First, how many of the IPs the last two weeks of the demand feed once all of them are warm: each
    number is tried, because what a target leaves to each is no monotone matter; of unequal IPs the
    smallest stay out first, because mail falls to lanes by their size.
    Then one IP after the other gets the first day on which no lane of those started goes unfed on any
    later day. Where that leaves an IP without a day because those before it are too far ahead, all of them
    start together on the first day that feeds them so, if there is one. A day that brings a provider less
    than the floor feeds nobody there, however few IPs there are: such days are left out, with providers
    that have no other, and so is ``other``.

    Unequal IPs are tried in every order, up to :data:`ORDERS_MAX`; the one whose last start is the
    earliest is taken, and of several the one whose starts are the earliest together.

    Args:
        frame: Curve, mix and calendar.
        demand: What arrives.
        ips: How many IPs, 1 to :data:`STAGGERED_MAX`.
        start: The first day of the first IP.
        target: What all IPs carry once warm; the largest day of the demand unless given.
        floor: Deliveries a day from which a provider notices an IP.
        at: Providers that shall notice every IP; all that the demand brings enough for unless given.
        shares: How the IPs share the target: a weight for each; evenly unless given.

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
    weights = list(shares) or [1] * ips
    if len(weights) != ips or not all(0 < weight <= TARGET_MAX for weight in weights):
        told = ",".join(map(str, weights))
        raise PlanError.of("shares", f"{told} for {ips} IPs", "give a weight above 0 for each, such as 3,2,1")
    if sought * min(weights) < sum(weights):
        raise PlanError.of("shares", f"leave an IP nothing of {sought:,} a day", "raise the smallest")
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
    ranked = sorted(range(ips), key=lambda index: -weights[index])
    tried = {
        number: _unfed_when_warm(
            frame, demand, counted, floor, sought, [weights[index] for index in ranked[:number]]
        )
        for number in range(1, ips + 1)
    }
    able = max((number for number, unfed in tried.items() if unfed is None), default=0)
    fed = ranked[:able]
    orders, whole = _orders(fed, weights)
    starts: list[Start] = []
    blame: Unfed | None = None
    for order in orders:
        latest = starts[-1].on if len(starts) == able and starts else None
        found, why = _one_after_the_other(
            frame, demand, order, weights, start, days, sought, counted, floor, latest
        )
        if not starts or _better(found, starts):
            starts, blame = found, why
    if 0 < len(starts) < able:
        why = None
        for day in (start + number * _DAY for number in range(days)):
            alike = [Start(index, day) for index in sorted(fed)]
            plan = _made(frame, alike, weights, sought, fed, start, days)
            unfed = _unfed(plan, demand, counted, floor, day, today=start, days=days)
            if unfed is None:
                starts, blame = alike, why
                break
            why = unfed
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
        made = _made(frame, starts, weights, sought, fed, start, days)
    uneven = len({*weights}) > 1
    if uneven:
        facts["shares"] = weights
        note = (
            "Not every order was tried: of the largest first and the smallest first, this is done sooner."
            if not whole
            else f"Of {len(orders)} orders of these shares, this one is done first."
        )
    else:
        note = EVEN if ips > 1 else ""
    return _stagger_answer(demand, starts, facts, binding, made, note)


class Start(NamedTuple):
    """An IP, by its place among those asked about, and its first day."""

    place: int
    on: date


def _orders(fed: Sequence[int], weights: Sequence[int]) -> tuple[list[tuple[int, ...]], bool]:
    """The orders to try, those alike once, and whether these are all there are; fed comes largest first."""
    count = factorial(len(fed))
    for same in Counter(weights[index] for index in fed).values():
        count //= factorial(same)
    if count > ORDERS_MAX:
        return [tuple(fed), tuple(reversed(fed))], False
    found: dict[tuple[int, ...], tuple[int, ...]] = {}
    for sizes in _arrangements(Counter(weights[index] for index in fed), len(fed)):
        left: dict[int, list[int]] = {}
        for index in fed:
            left.setdefault(weights[index], []).append(index)
        found[sizes] = tuple(left[size].pop(0) for size in sizes)
    return list(found.values()), True


def _arrangements(sizes: Counter[int], length: int) -> Iterator[tuple[int, ...]]:
    """Every order of a bag of sizes, each once."""
    if not length:
        yield ()
    for size in sizes:
        if sizes[size]:
            for rest in _arrangements(sizes - Counter([size]), length - 1):
                yield (size, *rest)


def _better(found: list[Start], best: list[Start]) -> bool:
    """Whether more IPs start, or all sooner."""

    def rank(starts: list[Start]) -> tuple[int, int, int]:
        days = [one.on.toordinal() for one in starts]
        return -len(days), max(days, default=0), sum(days)

    return rank(found) < rank(best)


def _one_after_the_other(
    frame: Frame,
    demand: Demand,
    order: Sequence[int],
    weights: Sequence[int],
    start: date,
    days: int,
    target: int,
    counted: Iterable[str],
    floor: int,
    latest: date | None,
) -> tuple[list[Start], Unfed | None]:
    """The starts of IPs in one order, none after ``latest``, and what binds the last that waits."""
    starts: list[Start] = []
    blame: Unfed | None = None
    for index in order:
        first = starts[-1].on if starts else start
        found = None
        while first < start + days * _DAY and (latest is None or first <= latest):
            tried = [*starts, Start(index, first)]
            # What is left to the later IPs is nobody's yet: the share of each is what it will be in the end.
            made = _made(frame, tried, weights, target, order, start, days)
            unfed = _unfed(made, demand, counted, floor, first, today=start, days=days)
            if unfed is None:
                found = Start(index, first)
                break
            blame = unfed
            first += _DAY
        if found is None:
            break
        starts.append(found)
    return starts, blame


def _made(
    frame: Frame,
    starts: Sequence[Start],
    weights: Sequence[int],
    target: int,
    fed: Sequence[int],
    start: date,
    days: int,
) -> Plan:
    """The plan of IPs that have started, each with the share that it has once all that are fed have."""
    mine = [weights[one.place] for one in starts]
    share = max(len(starts), target * sum(mine) // sum(weights[index] for index in fed))
    return frame.plan(share, _named(starts), start, days=days, weights=mine)


def _named(starts: Iterable[Start]) -> list[tuple[str, date]]:
    return [(f"ip-{one.place + 1}", one.on) for one in starts]


def _stagger_answer(
    demand: Demand,
    starts: list[Start],
    facts: dict[str, Any],
    binding: Binding,
    made: Plan | None,
    note: str = "",
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
        facts={"ips": len(starts), "starts": [one.on.isoformat() for one in starts], **facts, "each": each},
        binding=binding,
        plan=made,
        notes=(note,) if note and made is not None else (),
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
        each.append(
            {
                "ip": source.address,
                "start": source.start.isoformat(),
                "share": source.share,
                "volumes": volumes,
            }
        )
    return each


def _unfed_when_warm(
    frame: Frame, demand: Demand, counted: Iterable[str], floor: int, target: int, weights: Sequence[int]
) -> Unfed | None:
    """What goes unfed once IPs of such shares are warm, in the last two weeks of a demand."""
    since = max(demand.start, demand.date_of(demand.days - FINAL_DAYS))
    made = frame.plan(target, len(weights), since, weights=weights)
    lanes = {}
    for source in made.sources:
        for provider in made.providers:
            key = LaneKey(source.address, provider)
            last = made.last_step(source.address)
            lanes[key] = Lane(id=0, key=key, standing=Standing.WARM, step=last)
    return _unfed(made, demand, counted, floor, since, lanes=lanes, today=since)


def _unfed(
    made: Plan,
    demand: Demand,
    counted: Iterable[str],
    floor: int,
    since: date,
    *,
    lanes: Mapping[LaneKey, Lane] | None = None,
    today: date,
    days: int | None = None,
) -> Unfed | None:
    """The first lane and day that goes unfed; the plan is run forward no further than to it.

    A lane on its way needs what its step allows, up to the floor; once it is at its last step the
    floor itself: a cap that stays below it is no excuse.
    """
    wanted = set(counted)
    arrivals = demand.by_provider()
    found: list[Unfed] = []

    def watch(
        day: ForecastDay, provider: str, shares: Sequence[tuple[LaneGroup, int, int]], waiting: int
    ) -> bool:
        index = (day.on - demand.start).days
        if provider not in wanted or day.on < since or not 0 <= index < demand.days:
            return False
        if arrivals[provider][index] < floor:
            return False  # not even one IP alone could be noticed that day
        for group, each, more in shares:
            need = floor if group.step >= group.last else min(floor, group.cap)
            if not group.cap or each >= need:
                continue
            sent = each + 1 if more and each + 1 < need else each
            found.append(Unfed(provider, day.on, sent, need))
            return True
        return False

    forecast(made, demand, ramp=RampClock.CALENDAR, today=today, days=days, lanes=lanes, observe=watch)
    return found[0] if found else None
