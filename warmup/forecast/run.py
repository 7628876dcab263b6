"""A plan run forward against a demand, in counts by day.

It does what the engine does, with providers that accept everything: caps from the plan at each
lane's step, steps moved when a day closes, mail shared as the engine shares it, deadlines kept or
missed. Mail of a day is there when the day begins, or follows the hours of its stream: what comes
late in the day is caught up at the pace of the engine, and the rest waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial

import attrs

from warmup.errors import PlanError
from warmup.forecast.delay import Delays, StreamQueue
from warmup.forecast.groups import ForecastDay, LaneGroup
from warmup.forecast.mail import ProviderMail, Waiting, mail_of
from warmup.forecast.result import Forecast, LaneDay, LaneEnd, Miss, ProviderForecast, StreamForecast
from warmup.forecast.settled import Settled, Sizes
from warmup.forecast.share import share_out
from warmup.model import PARTS, Lane, LaneKey, RampClock, Standing
from warmup.pacing import burst
from warmup.plan import Plan, shape, window_of
from warmup.plan.demand import Demand
from warmup.plan.formulas import STEP_MAX

__all__ = ["DAYS_MAX", "Waiting", "forecast", "forecasts"]

DAYS_MAX = 3_650
"""A forecast ends after ten years; so do the steps of a curve."""

_DAY = timedelta(days=1)


Observer = Callable[[ForecastDay, str, Sequence[tuple[LaneGroup, int, int]], int], bool]
"""Told of a provider's day before it is closed: the groups with what each lane sent and how many sent
one more, and the mail there was. True ends the forecast with this day."""


def forecast(
    plan: Plan,
    demand: Demand,
    *,
    ramp: RampClock = RampClock.HEALTH,
    today: date | None = None,
    days: int | None = None,
    drain: int = 0,
    lanes: Mapping[LaneKey, Lane] | None = None,
    backlog: Iterable[Waiting] = (),
    limits: Mapping[str, Sequence[int]] | None = None,
    detail: bool = False,
    observe: Observer | None = None,
) -> Forecast:
    """Run a plan forward. Pure: the same arguments give the same forecast.

    Args:
        plan: The plan; sources start when it says.
        demand: What arrives. Mail for a provider without a share of its own is ``other``'s; where the
            mix has no ``other`` it has no cap and waits. What arrives before ``today`` is left out.
        ramp: What moves a lane to its next step.
        today: The first day, in the plan's zone, as a whole day; the plan's start unless given.
        days: How many days, 1 to 3,650; to the demand's last one unless given.
        drain: After that, at most so many more days until nothing waits.
        lanes: The lanes as they stand before the first day; one that is not named is at step 1, as new.
        backlog: What waits already.
        limits: At most so many releases, by provider and day: a smoother's answer. Days beyond a row
            are not limited.
        detail: Keep every lane on every day.
        observe: Watches each provider's day, and may end the forecast.

    Raises:
        PlanError: The number of days is out of range, or nothing lies within them.
    """
    first = plan.start if today is None else today
    if days is None:
        days = (demand.start - first).days + demand.days
    if not 1 <= days <= DAYS_MAX or not 0 <= drain <= DAYS_MAX:
        raise PlanError.of("days", f"{days:,} is out of range", f"use a number from 1 to {DAYS_MAX:,}")
    run = _Run(plan, demand, ramp, first, lanes or {}, backlog, limits or {}, detail, observe is not None)
    for index in range(days + drain):
        if index >= days and not any(one.mail.queue.waiting for one in run.desks):
            break
        if run.day(index, observe):
            break
    return run.result()


def forecasts(
    plan: Plan,
    demand: Demand,
    stops: Sequence[int],
    *,
    ramp: RampClock,
    today: date | None = None,
    lanes: Mapping[LaneKey, Lane] | None = None,
    backlog: Iterable[Waiting] = (),
) -> Iterator[Forecast]:
    """Run a plan forward once, and tell how things stand after each of several numbers of days.

    Args:
        plan: As for :func:`forecast`, as is all that is not named here.
        demand: What arrives.
        stops: Numbers of days, 1 to 3,650, ascending.
        ramp: What moves a lane to its next step.
        today: The first day.
        lanes: The lanes as they stand.
        backlog: What waits already.

    Raises:
        PlanError: A number of days is out of range.
    """
    wrong = [days for days in stops if not 1 <= days <= DAYS_MAX]
    if wrong:
        raise PlanError.of("days", f"{wrong[0]:,} is out of range", f"use a number from 1 to {DAYS_MAX:,}")
    first = plan.start if today is None else today
    run = _Run(plan, demand, ramp, first, lanes or {}, backlog, {}, detail=False, watched=False)
    for days in stops:
        for index in range(run.days, days):
            run.day(index, None)
        yield run.result()


class _Desk:
    """One provider: its lanes, its mail and its figures."""

    __slots__ = (
        "arrived", "caps", "groups", "limit", "mail", "overflow", "place", "provider", "released",
        "settled", "waiting",
    )  # fmt: skip

    def __init__(self, provider: str, place: int, limit: Sequence[int], mail: ProviderMail) -> None:
        self.provider, self.place, self.limit, self.mail = provider, place, limit, mail
        self.groups: list[LaneGroup] = []
        self.settled: Settled | None = None
        self.arrived: list[int] = []
        self.caps: list[int] = []
        self.released: list[int] = []
        self.waiting: list[int] = []
        self.overflow: list[int] = []


class _Run:
    def __init__(
        self,
        plan: Plan,
        demand: Demand,
        ramp: RampClock,
        first: date,
        lanes: Mapping[LaneKey, Lane],
        backlog: Iterable[Waiting],
        limits: Mapping[str, Sequence[int]],
        detail: bool,
        watched: bool,
    ) -> None:
        self.plan, self.demand, self.ramp, self.first, self.detail = plan, demand, ramp, first, detail
        self.offset = (first - demand.start).days
        self.days = 0
        self.misses: list[Miss] = []
        self.lane_days: list[LaneDay] = []
        self.desks = [
            _Desk(name, place if place < len(plan.providers) else -1, limits.get(name, ()), mail)
            for place, (name, mail) in enumerate(mail_of(plan, demand, backlog).items())
        ]
        self._groups(lanes)
        self._known: dict[tuple[int, int], list[int]] = {}
        # Who looks at every lane gets to see every lane; what hangs on the day itself is worked out each day.
        self._quick = not (detail or watched or plan.pauses) and not any(
            plan.curve.hourly(step, source.share) is not None
            for source in plan.sources
            for step in (plan.last_step(source.address), STEP_MAX)
        )

    def _groups(self, lanes: Mapping[LaneKey, Lane]) -> None:
        plan = self.plan
        kinds: dict[tuple[object, ...], int] = {}
        self.speakers: list[str] = []
        for desk in self.desks[: len(plan.providers)]:
            found: dict[tuple[object, ...], LaneGroup] = {}
            for index, source in enumerate(plan.sources):
                own = source.address if self._stands_out(source.address) else ""
                kind = kinds.setdefault((source.share, source.start, own), len(kinds))
                if kind == len(self.speakers):
                    self.speakers.append(source.address)
                lane = lanes.get(LaneKey(source.address, desk.provider))
                state = (
                    None
                    if lane is None
                    else attrs.evolve(lane, id=0, key=LaneKey("", desk.provider), note="")
                )
                group = found.get((kind, state))
                if group is None:
                    last = plan.last_step(source.address)
                    group = LaneGroup([], source.address, desk.provider, kind, source.start, last)
                    if lane is not None:
                        group.adopt(lane)
                    found[kind, state] = group
                group.members.append(index)
            desk.groups = list(found.values())

    def _stands_out(self, address: str) -> bool:
        """Whether the calendar says something of this source alone."""
        return any(pause.source == address for pause in self.plan.pauses)

    def _caps(self, day: ForecastDay, kind: int, step: int) -> list[int]:
        """The plan's caps of a class of sources at a step, in the order of the providers."""
        found = self._known.get((kind, step))
        if found is None:
            found = self._known[kind, step] = list(self.plan.caps(self.speakers[kind], step, day.on).values())
        return found

    def day(self, index: int, observe: Observer | None) -> bool:
        """Live one day; whether the observer has seen enough."""
        plan = self.plan
        on = self.first + index * _DAY
        window = window_of(plan.zone, on)
        day = ForecastDay(
            index=index,
            on=on,
            window=window,
            middle=(window.starts_at + window.ends_at) // 2,
            zone=plan.zone,
            shape=partial(shape, window, plan.zone, plan.pattern),
        )
        self._known.clear()
        self.days = index + 1
        enough = False
        at = index + self.offset
        for desk in self.desks:
            desk.caps.append(0)
            came = desk.mail.arrive(index, at)
            # What waits already may have missed its deadline before the first day.
            gone = 0 if index else self._expire(desk, 0, on - _DAY, window.starts_at)
            went = 0
            quick = self._settled(desk, day, at) if desk.settled is not None else None
            if quick is not None:
                went = quick
                desk.mail.queue.take(index, went)
            elif window.length and desk.groups:
                shares, went = self._release(desk, day, at)
                if observe is not None and observe(day, desk.provider, shares, desk.mail.queue.waiting):
                    enough = True
                desk.mail.queue.take(index, went)
                desk.groups = self._close(desk, day, shares)
            gone += self._expire(desk, index + 1, on, window.ends_at)
            desk.arrived.append(came)
            desk.released.append(went)
            desk.overflow.append(gone)
            desk.waiting.append(desk.mail.queue.waiting)
        return enough

    def _settled(self, desk: _Desk, day: ForecastDay, at: int) -> int | None:
        """What goes on a day of lanes that are all settled; None: they have to be looked at one by one."""
        settled, plan = desk.settled, self.plan
        assert settled is not None
        want = whole = 0
        if not plan.rests_everywhere(day.on):
            weight = plan.weekdays[day.on.weekday()]
            sizes = settled.sizes.get(weight)
            if sizes is None:
                lanes = [
                    (self._caps(day, group.kind, group.step)[desk.place], len(group.members))
                    for group in desk.groups
                ]
                sizes = settled.sizes[weight] = Sizes.of(lanes)
            whole = sizes.whole
            want = self._want(desk, day, at, whole, sizes.lanes)
            if want and not (sizes.feeds_all(want) and (not settled.fades or sizes.keeps_warm(want))):
                want = -1
            elif want:
                settled.send(day, sizes, want)
        if want < 0 or (not want and not settled.rest(day)):
            settled.wake()
            desk.settled = None
            return None
        desk.caps[-1] = whole
        return want

    def _release(
        self, desk: _Desk, day: ForecastDay, at: int
    ) -> tuple[list[tuple[LaneGroup, int, int]], int]:
        """What each lane sends: (group, by each, lanes that send one more); and the sum."""
        place, on = desk.place, day.on
        total = cap = 0
        sizes = []
        rests, known, apart = self.plan.rests, self._known, bool(self.plan.pauses)
        still = rests(desk.groups[0].address, desk.provider, on)
        for group in desk.groups:
            if on < group.first:
                group.stay_closed()
                sizes.append((0, len(group.members)))
                continue
            if apart:
                still = rests(group.address, desk.provider, on)
            caps = known.get((group.kind, group.step)) or self._caps(day, group.kind, group.step)
            if group.lane is None:
                allowed = group.open(day, caps[place], still)
            else:
                allowed = group.open_odd(day, self._planned(day, group.kind, place), still)
            count = len(group.members)
            sizes.append((allowed, count))
            total += allowed * count
            cap += group.cap * count
        desk.caps[-1] = cap
        want = self._want(desk, day, at, total, sizes)
        parts = share_out(want, sizes)
        shares = [(group, each, more) for group, (each, more) in zip(desk.groups, parts, strict=True)]
        return shares, want

    def _want(self, desk: _Desk, day: ForecastDay, at: int, total: int, sizes: list[tuple[int, int]]) -> int:
        """How much goes, where the lanes together may send a total."""
        want = min(desk.mail.queue.waiting, total)
        if day.index < len(desk.limit):
            want = min(want, max(0, desk.limit[day.index]))
        if want and any(stream.hours is not None for _, stream, _ in desk.mail.rows):
            want = min(want, self._in_time(desk, day, at, total, sizes))
        return want

    def _planned(self, day: ForecastDay, kind: int, place: int) -> Callable[[int], int]:
        return lambda step: self._caps(day, kind, step)[place]

    def _nominal(self, kind: int, place: int) -> Callable[[int], int]:
        nominal, speaker, name = self.plan.nominal, self.speakers[kind], self.plan.providers[place]
        return lambda step: nominal(speaker, step)[name]

    def _in_time(
        self, desk: _Desk, day: ForecastDay, at: int, total: int, sizes: list[tuple[int, int]]
    ) -> int:
        """The most that can go where mail comes in the course of the day.

        From any moment on no more goes than what is caught up at one and a half times the pattern's
        pace, and before it no more than had come; both run straight between the edges of the day's
        hours, so that the smallest sum of the two lies at an edge.
        """
        window, plan = day.window, self.plan
        there = desk.mail.queue.waiting
        flows = []
        for _, stream, rows in desk.mail.rows:
            count = sum(row[at] for row in rows if 0 <= at < len(row))
            if stream.hours is not None and count:
                flows.append((count, shape(window, plan.zone, stream.hours)))
                there -= count
        if not flows:
            return total
        pace = day.shape()
        bursts = sum(burst(cap) * count for cap, count in sizes if cap)
        edges = {*pace.edges, *(edge for _, flow in flows for edge in flow.edges)}
        most = total
        for edge in edges:
            came = sum(count * flow.parts(edge) for count, flow in flows)
            behind = 3 * total * (PARTS - pace.parts(edge))
            most = min(most, there + (2 * came + behind) // (2 * PARTS) + bursts)
        return most

    def _close(
        self, desk: _Desk, day: ForecastDay, shares: Sequence[tuple[LaneGroup, int, int]]
    ) -> list[LaneGroup]:
        groups: list[LaneGroup] = []
        for group, each, more in shares:
            if day.on < group.first:
                groups.append(group)
                continue
            if self.detail:
                self._note(day, group, each, more)
            nominal = self._nominal(group.kind, desk.place)
            if more and group.differ(each, self.ramp):
                ahead = group.split(more)
                ahead.close(day, each + 1, self.ramp, nominal)
                groups.append(ahead)
            group.close(day, each, self.ramp, nominal)
            groups.append(group)
        if self._quick and all(group.settled for group in groups):
            desk.settled = Settled(groups, fades=self.ramp is not RampClock.CALENDAR)
        return groups

    def _note(self, day: ForecastDay, group: LaneGroup, each: int, more: int) -> None:
        for place, member in enumerate(group.members):
            key = LaneKey(self.plan.sources[member].address, group.provider)
            sent = each + (place < more)
            self.lane_days.append(LaneDay(day.on, key, group.step, group.cap, sent, group.began))

    def _expire(self, desk: _Desk, before: int, on: date, ends_at: int) -> int:
        gone = 0
        for stream, count in desk.mail.expire(before):
            gone += count
            self.misses.append(
                Miss(stream=stream, provider=desk.provider, on=on, deadline=ends_at, count=count)
            )
        return gone

    def _ends(self) -> Iterator[tuple[int, int, LaneEnd]]:
        last = self.first + (self.days - 1) * _DAY
        for place, desk in enumerate(self.desks):
            for group in desk.groups:
                why, reason = _why(group, last)
                for member in group.members:
                    end = LaneEnd(
                        key=LaneKey(self.plan.sources[member].address, desk.provider),
                        step=group.step,
                        last_step=group.last,
                        standing=group.standing,
                        warm_on=None if why else group.warm_on,
                        why=why,
                        reason=reason,
                    )
                    yield member, place, end

    def result(self) -> Forecast:
        """What came of it."""
        return Forecast(
            plan=self.plan,
            demand=self.demand.name,
            ramp=self.ramp,
            start=self.first,
            days=self.days,
            providers=tuple(
                ProviderForecast(
                    provider=desk.provider,
                    arrived=tuple(desk.arrived),
                    caps=tuple(desk.caps),
                    released=tuple(desk.released),
                    waiting=tuple(desk.waiting),
                    overflow=tuple(desk.overflow),
                    delays=sum((_delays(queue) for queue in desk.mail.queue.streams), Delays({})),
                )
                for desk in self.desks
            ),
            streams=tuple(
                StreamForecast(
                    stream=queue.name,
                    provider=desk.provider,
                    arrived=queue.arrived,
                    released=queue.released,
                    overflow=queue.missed,
                    waiting=queue.waiting,
                    oldest=None if queue.oldest is None else self.days - 1 - queue.oldest,
                    delays=_delays(queue),
                )
                for desk in self.desks
                for queue in desk.mail.queue.streams
            ),
            misses=tuple(self.misses),
            ends=tuple(end for _, _, end in sorted(self._ends(), key=lambda item: item[:2])),
            lane_days=tuple(self.lane_days),
        )


def _delays(queue: StreamQueue) -> Delays:
    return Delays(dict(sorted(queue.delays.items())))


def _why(group: LaneGroup, last: date) -> tuple[str, str]:
    """Why lanes are not warm, as a code and in words; what they are where they are."""
    if group.standing is Standing.WARM:
        return "", f"warm from {group.warm_on}"
    if group.faded and group.warm_on is not None:
        return "", f"warm from {group.warm_on}, and less since for want of mail"
    place = f"step {group.step} of {group.last}"
    if group.first > last:
        return "not-started", f"it starts on {group.first}"
    if group.standing is Standing.PAUSED:
        return "paused", f"{place}, paused by an operator"
    if group.standing is Standing.SUSPENDED:
        return "suspended", f"{place}, suspended"
    if group.standing is Standing.COLD:
        return "cold", f"{place}, nothing was accepted for 30 days"
    if group.stalled:
        days = "1 day was" if group.stalled == 1 else f"{group.stalled:,} days were"
        return "unused", f"{place}, {days} no step: the mail did not use the cap"
    return "horizon", f"{place}, the days were too few"
