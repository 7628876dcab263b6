"""The plan: how much each source may send to each provider on each day.

A day's cap of a source comes from its curve and its share; the weekday may lower it; the mix
splits it among the lanes; an hourly limit of the curve, split the same way, may lower a lane's
part until its busiest hour fits. Every step is integer arithmetic that rounds in one place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from warmup.errors import PlanError
from warmup.plan.calendar import shape, window_of
from warmup.plan.formulas import STEP_MAX
from warmup.plan.halving import first_holding
from warmup.plan.mix import Mix, seats
from warmup.plan.patterns import Pattern
from warmup.plan.sources import PlannedSource
from warmup.plan.words import nearest

if TYPE_CHECKING:
    from warmup.contracts import Curve
    from warmup.plan.advice import Advice
    from warmup.plan.rest import Pause

__all__ = ["Plan", "PlanRow"]

_DAY = timedelta(days=1)
_PLAIN_DAY = date(2001, 1, 1)
"""Any day of 24 hours in UTC: what a curve's steps are compared on."""

SPLITS_KEPT_MAX = 65_536
"""Splits that a plan remembers; 12 providers take about 15 MB then."""

EVERY_DAY: tuple[Fraction, ...] = (Fraction(1),) * 7


class PlanRow(NamedTuple):
    """One cell of a plan: a lane on a day.

    Attributes:
        day: From 1, counted from the plan's start.
        date: The calendar day in the plan's zone.
        ip: The source.
        provider: The provider's id.
        cap: The most deliveries the lane may send in that window.
    """

    day: int
    date: date
    ip: str
    provider: str
    cap: int


@attrs.frozen(kw_only=True)
class Plan:
    """Caps for every lane and day. Build one with :func:`warmup.plan.plan`, which checks everything.

    Attributes:
        curve: Cap of one source by step. A curve that has a method ``lanes(step, parts)`` gives the cap
            of each lane itself, where ``parts`` is what the mix makes of the share.
        target: Deliveries a day that all sources together shall carry once warm.
        days: How many days a preview shows; the engine goes on after them.
        start: The first day, in the plan's zone.
        zone: The zone whose calendar days are the windows.
        pattern: The shape of a day.
        weekdays: Weights of Monday to Sunday, the largest 1.
        mix: Shares of the providers.
        sources: At least one.
        holidays: Days on which the whole plan rests, sorted.
        pauses: Days on which the whole plan, a source, a provider or a lane rests.
    """

    curve: Curve
    target: int
    days: int
    start: date
    zone: str
    pattern: Pattern
    weekdays: tuple[Fraction, ...] = EVERY_DAY
    mix: Mix
    sources: tuple[PlannedSource, ...]
    holidays: tuple[date, ...] = ()
    pauses: tuple[Pause, ...] = ()

    @property
    def providers(self) -> tuple[str, ...]:
        """Ids of the providers, in the order of the mix."""
        return self.mix.providers

    @cached_property
    def _by_address(self) -> dict[str, PlannedSource]:
        return {source.address: source for source in self.sources}

    @cached_property
    def _by_provider(self) -> bool:
        return hasattr(self.curve, "lanes")

    @cached_property
    def _limited_from(self) -> int:
        """The step at which the curve's hourly limits begin."""
        first: int = getattr(self.curve, "hours_from", 1)
        return first

    @cached_property
    def _holidays(self) -> frozenset[date]:
        return frozenset(self.holidays)

    @cached_property
    def _general_pauses(self) -> tuple[Pause, ...]:
        return tuple(pause for pause in self.pauses if pause.source is None and pause.provider is None)

    @cached_property
    def _partial_pauses(self) -> tuple[Pause, ...]:
        return tuple(pause for pause in self.pauses if not (pause.source is None and pause.provider is None))

    @cached_property
    def _splits(self) -> dict[int, list[int]]:
        return {}

    @cached_property
    def _last_steps(self) -> dict[int, int]:
        return {}

    @cached_property
    def _weights(self) -> tuple[tuple[int, int], ...]:
        return tuple((weight.numerator, weight.denominator) for weight in self.weekdays)

    def source(self, address: str) -> PlannedSource:
        """Return the source with an address.

        Raises:
            PlanError: The plan has no such source.
        """
        found = self._by_address.get(address)
        if found is None:
            raise PlanError.of("ip", f"{address} is not in the plan", nearest(address, self._by_address))
        return found

    def caps(self, address: str, step: int, on: date) -> dict[str, int]:
        """Caps of a source's lanes on a day that is a given step of its ramp.

        Args:
            address: The source.
            step: From 1; steps count windows, not the days since the start.
            on: The calendar day in the plan's zone.

        Returns:
            Deliveries by provider; all 0 before the source's start, 0 on a day of rest.

        Raises:
            PlanError: There is no such source, or no such step.
        """
        source = self.source(address)
        if step < 1:
            raise PlanError.of("step", f"{step} is out of range", "steps count from 1")
        if not self._sends(source, on):
            return dict.fromkeys(self.providers, 0)
        lanes = self._lanes(source.share, step, self._weights[on.weekday()], self.zone, on)
        return self._awake(source, on, lanes)

    def rests(self, address: str, provider: str, on: date) -> bool:
        """Whether a lane rests on a day: its cap is 0, and the day is no step of any clock.

        It does on a weekday without weight, on a holiday, in a pause, and on a day that the zone
        skipped. A cap of 0 on any other day is what the curve makes of a small share, and counts
        as used.

        Args:
            address: The source.
            provider: The provider's id.
            on: The calendar day in the plan's zone.
        """
        return self.rests_everywhere(on) or any(
            pause.holds(address, provider, on) for pause in self._partial_pauses
        )

    def rests_everywhere(self, on: date) -> bool:
        """Whether the whole plan rests on a calendar day: nobody has a cap, and no lane makes a step."""
        return (
            not self._weights[on.weekday()][0]
            or on in self._holidays
            or window_of(self.zone, on).length == 0
            or any(pause.first <= on <= pause.last for pause in self._general_pauses)
        )

    def nominal(self, address: str, step: int) -> dict[str, int]:
        """Caps of a step on a plain day: 24 hours long, on the weekday with the full weight."""
        return self.lanes_of(self.source(address).share, step)

    def lanes_of(self, share: int, step: int) -> dict[str, int]:
        """Caps of a step on a plain day, for any source that shall carry ``share`` a day."""
        return dict(zip(self.providers, self._nominal(share, step), strict=True))

    def parts_of(self, total: int) -> dict[str, int]:
        """What the mix makes of a number of deliveries; the parts sum to it."""
        return dict(zip(self.providers, self._split(total), strict=True))

    def last_step(self, address: str) -> int:
        """The first step at which every lane of a source has reached the curve's final value."""
        share = self.source(address).share
        if share not in self._last_steps:
            final = self._nominal(share, STEP_MAX)
            self._last_steps[share] = first_holding(
                1, STEP_MAX, lambda step: self._nominal(share, step) == final
            )
        return self._last_steps[share]

    def step_for_volume(self, address: str, volume: int) -> int:
        """The last step whose caps together do not exceed a daily volume, 1 at least.

        Args:
            address: The source.
            volume: Deliveries a day the source is used to.
        """
        share = self.source(address).share
        last = self.last_step(address)
        return max(1, first_holding(1, last + 1, lambda step: sum(self._nominal(share, step)) > volume) - 1)

    def grid(self) -> Iterator[tuple[int, date, PlannedSource, list[int]]]:
        """The preview in bulk: (day, date, source, caps in the order of ``providers``).

        Day d of a source that starts s days later is its step d - s, where its days of rest do
        not count. Lists may be shared between sources: do not change them.
        """
        steps = [0] * len(self.sources)
        nothing = [0] * len(self.providers)
        apart = {source.address: _Lanes(self, source) for source in self.sources if self._is_apart(source)}
        for number in range(self.days):
            on = self.start + number * _DAY
            weight = self._weights[on.weekday()]
            rests = self.rests_everywhere(on)
            for index, source in enumerate(self.sources):
                caps = nothing
                if on >= source.start and not rests:
                    if source.address in apart:
                        caps = apart[source.address].next(on)
                    else:
                        step = steps[index] = steps[index] + 1
                        caps = self._lanes(source.share, step, weight, self.zone, on)
                yield number + 1, on, source, caps

    def rows(self) -> Iterator[PlanRow]:
        """The preview: a row for each day, source and provider, in that order."""
        providers = self.providers
        for day, on, source, caps in self.grid():
            address = source.address
            for provider, cap in zip(providers, caps, strict=True):
                yield PlanRow(day, on, address, provider, cap)

    def row_hours(self, row: PlanRow) -> tuple[int, ...]:
        """The 24 local hours of a row's cap; they sum to it."""
        from warmup.pacing import hours

        return hours(shape(window_of(self.zone, row.date), self.zone, self.pattern), row.cap)

    def advice(self) -> tuple[Advice, ...]:
        """What a person should know before they follow this plan."""
        from warmup.plan.advice import advise

        return advise(self)

    def head(self) -> dict[str, Any]:
        """What the plan was made from, as JSON values."""
        return {
            "curve": self.curve.name,
            "target": self.target,
            "days": self.days,
            "start": self.start.isoformat(),
            "timezone": self.zone,
            "pattern": self.pattern.name,
            "weekdays": [float(weight) for weight in self.weekdays],
            "mix": self.mix.name,
            "providers": {provider: float(share) for provider, share in self.mix.shares},
            "ips": [source.address for source in self.sources],
            "sources": [
                {"ip": source.address, "start": source.start.isoformat(), "share": source.share}
                for source in self.sources
            ],
            "holidays": [day.isoformat() for day in self.holidays],
            "pauses": [pause.name for pause in self.pauses],
        }

    def row_dict(self, row: PlanRow) -> dict[str, Any]:
        """A row and its hours as JSON values."""
        return {
            "day": row.day,
            "date": row.date.isoformat(),
            "ip": row.ip,
            "provider": row.provider,
            "cap": row.cap,
            "hours": list(self.row_hours(row)),
        }

    def to_dict(self) -> dict[str, Any]:
        """The whole preview as JSON values: ``plan``, ``days`` and ``advice``."""
        return {
            "plan": self.head(),
            "days": [self.row_dict(row) for row in self.rows()],
            "advice": [attrs.asdict(item) for item in self.advice()],
        }

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that change with anything that changes a cap or an hour.

        The length of the preview is not part of it. A table counts with its figures, so that a
        file that was edited is another plan under the same name, and one that was moved is the same.
        """
        largest = max(self.sources, key=lambda source: source.share)
        steps = range(1, self.last_step(largest.address) + 1)
        name = self.curve.name
        record = self.head() | {
            "curve": "table" if name.startswith("table:") else name,
            "days": None,
            "weekdays": [str(weight) for weight in self.weekdays],
            "providers": [(provider, str(share)) for provider, share in self.mix.shares],
            "pattern": self.pattern.weights,
            "lanes": [self._nominal(largest.share, step) for step in steps],
            "hourly": [self.curve.hourly(step, largest.share) for step in steps],
        }
        # A plan without days of rest keeps the digits it had before there were any.
        for key in ("holidays", "pauses"):
            if not record[key]:
                del record[key]
        text = json.dumps(record, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _sends(self, source: PlannedSource, on: date) -> bool:
        return on >= source.start and not self.rests_everywhere(on)

    def _is_apart(self, source: PlannedSource) -> bool:
        """Whether a source or one of its lanes rests on days of its own, and so has steps of its own."""
        return any(pause.source in (None, source.address) for pause in self._partial_pauses)

    def _awake(self, source: PlannedSource, on: date, lanes: list[int]) -> dict[str, int]:
        """Lanes by provider, those that rest at 0."""
        caps = dict(zip(self.providers, lanes, strict=True))
        for pause in self._partial_pauses:
            for provider in self.providers:
                if pause.holds(source.address, provider, on):
                    caps[provider] = 0
        return caps

    def _nominal(self, share: int, step: int) -> list[int]:
        """Caps of a step on a plain day of 24 hours whose weekday has the full weight."""
        return self._lanes(share, step, (1, 1), "UTC", _PLAIN_DAY)

    def _lanes(self, share: int, step: int, weight: tuple[int, int], zone: str, on: date) -> list[int]:
        curve = self.curve
        if not self._by_provider:
            # A plugin's curve is held to what curves promise.
            caps = self._split(_floor(min(share, max(0, curve.cap(step, share))), weight))
        else:
            parts = dict(zip(self.providers, self._split(share), strict=True))
            lanes = curve.lanes(step, parts)  # type: ignore[attr-defined]
            caps = [_floor(min(part, max(0, lanes[name])), weight) for name, part in parts.items()]
        hourly = curve.hourly(step, share)
        if hourly is None:
            if step >= self._limited_from:
                return caps
            # No lane may fall when the limits begin.
            later = self._lanes(share, self._limited_from, weight, zone, on)
            return [min(cap, then) for cap, then in zip(caps, later, strict=True)]
        from warmup.plan.hourly import of_day

        most = of_day(zone, on, self.pattern).most
        return [most(cap, part) for cap, part in zip(caps, self._split(hourly), strict=True)]

    def _split(self, total: int) -> list[int]:
        """Split a number of deliveries by the mix; the same totals come again day after day."""
        known = self._splits.get(total)
        if known is None:
            if len(self._splits) >= SPLITS_KEPT_MAX:
                self._splits.clear()
            known = self._splits[total] = seats(total, self.mix.weights)
        return known


class _Lanes:
    """The lanes of a source that do not all rest on the same days: each counts its own steps."""

    def __init__(self, plan: Plan, source: PlannedSource) -> None:
        self._plan = plan
        self._source = source
        self._steps = [0] * len(plan.providers)

    def next(self, on: date) -> list[int]:
        """Caps of the next day, which is no day of rest of the whole plan."""
        plan, source = self._plan, self._source
        caps = [0] * len(self._steps)
        by_step: dict[int, dict[str, int]] = {}
        for index, provider in enumerate(plan.providers):
            if not plan.rests(source.address, provider, on):
                step = self._steps[index] = self._steps[index] + 1
                if step not in by_step:
                    by_step[step] = plan.caps(source.address, step, on)
                caps[index] = by_step[step][provider]
        return caps


def _floor(number: int, weight: tuple[int, int]) -> int:
    """A number times a weight of at most 1, rounded down."""
    above, below = weight
    return number if above == below else number * above // below
