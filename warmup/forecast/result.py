"""What a forecast found: by provider and day, by stream, and by lane."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cached_property, reduce
from operator import add
from typing import Any, NamedTuple

import attrs

from warmup.forecast.delay import Delays
from warmup.model import LaneKey, RampClock, Standing
from warmup.plan import Plan
from warmup.timing import Instant, format_instant

__all__ = ["Forecast", "LaneDay", "LaneEnd", "Miss", "ProviderForecast", "StreamForecast"]


class LaneDay(NamedTuple):
    """A lane on a day.

    Attributes:
        on: The calendar day in the plan's zone.
        key: The lane.
        step: The step it stood at.
        cap: The most it could send in that window.
        sent: What it sent.
        standing: As the day began.
    """

    on: date
    key: LaneKey
    step: int
    cap: int
    sent: int
    standing: Standing


@attrs.frozen(kw_only=True)
class Miss:
    """Mail that is not gone when its deadline passes: it leaves the queue as overflow.

    Attributes:
        on: The day at whose end the deadline lies.
        deadline: That end.
        count: Deliveries.
    """

    stream: str
    provider: str
    on: date
    deadline: Instant
    count: int

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "stream": self.stream,
            "provider": self.provider,
            "date": self.on.isoformat(),
            "deadline": format_instant(self.deadline),
            "count": self.count,
        }


@attrs.frozen(kw_only=True)
class StreamForecast:
    """What became of the mail of one stream to one provider. arrived = released + overflow + waiting.

    Attributes:
        arrived: Deliveries that came within the forecast, and those that waited at its start.
        released: Those that went, all of them accepted.
        overflow: Those that were not gone when their deadline passed.
        waiting: Those left at the end.
        oldest: Days that the oldest of them has waited by then; None where none is left.
        delays: Of those that went.
    """

    stream: str
    provider: str
    arrived: int
    released: int
    overflow: int
    waiting: int
    oldest: int | None
    delays: Delays

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return attrs.asdict(self, filter=lambda field, _: field.name != "delays") | {
            "delay": self.delays.to_dict()
        }


@attrs.frozen(kw_only=True)
class ProviderForecast:
    """A provider's days: each row has a figure for each day.

    Attributes:
        arrived: Deliveries that came; the first day holds what waited already.
        caps: Of all lanes together.
        released: What went.
        waiting: What is left when the day ends.
        overflow: What was not gone when its deadline passed, at the end of the day. It goes down the
            overflow chain of its stream; a stream without one lets it expire.
    """

    provider: str
    arrived: tuple[int, ...]
    caps: tuple[int, ...]
    released: tuple[int, ...]
    waiting: tuple[int, ...]
    overflow: tuple[int, ...]
    delays: Delays

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "provider": self.provider,
            "arrived": list(self.arrived),
            "cap": list(self.caps),
            "released": list(self.released),
            "backlog": list(self.waiting),
            "overflow": list(self.overflow),
            "delay": self.delays.to_dict(),
        }


@attrs.frozen(kw_only=True)
class LaneEnd:
    """Where a lane stands after the last day.

    Attributes:
        last_step: The step that carries its whole share.
        warm_on: The first day on which it may send all of that; None: not within the forecast.
        why: Why it is not warm: ``horizon`` (the days were too few), ``unused`` (days on which its mail
            did not use the cap), ``not-started``, ``paused``, ``suspended``, ``cold``; empty where it is.
        reason: The same as a sentence.
    """

    key: LaneKey
    step: int
    last_step: int
    standing: Standing
    warm_on: date | None
    why: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "ip": self.key.source,
            "provider": self.key.provider,
            "step": self.step,
            "last_step": self.last_step,
            "standing": str(self.standing),
            "warm": None if self.warm_on is None else self.warm_on.isoformat(),
            "why": self.why or None,
            "reason": self.reason,
        }


@attrs.frozen(kw_only=True)
class Forecast:
    """A plan run forward against a demand.

    Attributes:
        plan: The plan.
        demand: The demand's name.
        ramp: What moved the lanes.
        start: The first day.
        days: How many.
        providers: In the plan's order, then those without a share and without ``other``: nothing goes there.
        streams: By stream and provider, where any mail was.
        misses: By day.
        ends: Where each lane stands in the end, in the plan's order.
        lane_days: Every lane on every day, where that was asked for.
    """

    plan: Plan
    demand: str
    ramp: RampClock
    start: date
    days: int
    providers: tuple[ProviderForecast, ...]
    streams: tuple[StreamForecast, ...]
    misses: tuple[Miss, ...]
    ends: tuple[LaneEnd, ...]
    lane_days: tuple[LaneDay, ...] = ()

    def date_of(self, index: int) -> date:
        """The calendar day of a figure, counted from 0."""
        return self.start + timedelta(days=index)

    def provider(self, name: str) -> ProviderForecast:
        """A provider's days.

        Raises:
            KeyError: Nothing is known of it.
        """
        for found in self.providers:
            if found.provider == name:
                return found
        raise KeyError(name)

    @cached_property
    def delays(self) -> Delays:
        """Of everything that went."""
        return reduce(add, (found.delays for found in self.providers), Delays({}))

    @cached_property
    def totals(self) -> dict[str, int]:
        """Deliveries; arrived = released + overflow + backlog."""
        return {
            "arrived": sum(sum(found.arrived) for found in self.providers),
            "released": sum(sum(found.released) for found in self.providers),
            "overflow": sum(sum(found.overflow) for found in self.providers),
            "backlog": sum(found.waiting[-1] for found in self.providers),
        }

    @property
    def warm_on(self) -> date | None:
        """The day from which every lane is warm; None where one is not."""
        days = [end.warm_on for end in self.ends]
        return max((day for day in days if day is not None), default=None) if None not in days else None

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "plan": self.plan.head(),
            "demand": self.demand,
            "ramp": str(self.ramp),
            "start": self.start.isoformat(),
            "days": self.days,
            "totals": self.totals,
            "delay": self.delays.to_dict(),
            "warm": None if self.warm_on is None else self.warm_on.isoformat(),
            "providers": [found.to_dict() for found in self.providers],
            "streams": [found.to_dict() for found in self.streams],
            "misses": [miss.to_dict() for miss in self.misses],
            "lanes": [end.to_dict() for end in self.ends],
        }

    def summary(self) -> Iterator[str]:
        """A few sentences for people."""
        totals, delays = self.totals, self.delays
        last = self.date_of(self.days - 1)
        yield (
            f"{self.start} to {last}: {totals['arrived']:,} arrive, {totals['released']:,} go, "
            f"{totals['overflow']:,} miss their deadline, {totals['backlog']:,} wait at the end."
        )
        if delays.total:
            latest = f"{'after' if delays.worst else 'within'} {_days(delays.worst)}"
            yield (
                f"Of what goes, half leaves within {_days(delays.median)}, 95 % within "
                f"{_days(delays.most)}, the last {latest}."
            )
        if self.misses:
            first = self.misses[0]
            yield (
                f"The first deadline missed is {format_instant(first.deadline)}: {first.count:,} of "
                f"{first.stream} to {first.provider}."
            )
        short = [found for found in self.providers if found.waiting[-1]]
        if short:
            worst = max(short, key=lambda found: found.waiting[-1])
            yield f"Most of what waits in the end is for {worst.provider}: {worst.waiting[-1]:,}."
        cold = [end for end in self.ends if end.warm_on is None]
        if not cold:
            yield f"Every lane is warm from {self.warm_on}."
        else:
            yield (
                f"{len(cold):,} of {len(self.ends):,} lanes are not warm by {last}; "
                f"{cold[0].key}: {cold[0].reason}."
            )


def _days(number: int | None) -> str:
    return "the day" if not number else f"{number} day" if number == 1 else f"{number:,} days"
