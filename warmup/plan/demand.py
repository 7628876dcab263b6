"""What somebody wants to send: how much arrives on which day, for whom, and by when it must go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property

import attrs

from warmup.model import Stream
from warmup.plan.patterns import Pattern
from warmup.timing import DAY, Span

__all__ = ["Demand", "DemandStream", "of_streams", "whole_days"]


@attrs.frozen(kw_only=True)
class DemandStream:
    """Mail of one kind.

    Attributes:
        name: The stream's name.
        arrivals: Deliveries that arrive, by provider id: one whole number of 0 or more for each day of
            the demand, all rows equally long.
        deadline: Whole days after its arrival by whose end a delivery must have gone; 0: on the
            same day; None: whenever.
        priority: 0 (first) to 9 (last); among equals what is due earlier goes first.
        hours: When in the day it arrives; None: as the plan's pattern lets it go.
    """

    name: str = "mail"
    arrivals: Mapping[str, tuple[int, ...]]
    deadline: int | None = None
    priority: int = 5
    hours: Pattern | None = None


@attrs.frozen(kw_only=True)
class Demand:
    """Arrivals day by day, in the plan's zone.

    Attributes:
        name: Where it comes from, for people: a file's name, or the description.
        start: The calendar day of the first figure.
        streams: At least one; what each wants.
    """

    name: str
    start: date
    streams: tuple[DemandStream, ...]

    @cached_property
    def days(self) -> int:
        """How many days there are figures for."""
        return max((len(row) for stream in self.streams for row in stream.arrivals.values()), default=0)

    @cached_property
    def providers(self) -> tuple[str, ...]:
        """Everybody to whom anything arrives, in the order in which they are named."""
        return tuple(dict.fromkeys(provider for stream in self.streams for provider in stream.arrivals))

    def date_of(self, index: int) -> date:
        """The calendar day of a figure, counted from 0."""
        return self.start + timedelta(days=index)

    def first(self, days: int) -> Demand:
        """The figures of the first so many days alone."""

        def cut(stream: DemandStream) -> DemandStream:
            return attrs.evolve(stream, arrivals={name: row[:days] for name, row in stream.arrivals.items()})

        return attrs.evolve(self, streams=tuple(map(cut, self.streams)))

    def by_provider(self) -> dict[str, list[int]]:
        """Arrivals of all streams together, by provider and day."""
        sums = {provider: [0] * self.days for provider in self.providers}
        for stream in self.streams:
            for provider, row in stream.arrivals.items():
                sums[provider] = [a + b for a, b in zip(sums[provider], row, strict=True)]
        return sums


def whole_days(span: Span) -> int:
    """Days after the one of its arrival by whose end mail must have gone to go within a span for certain.

    Args:
        span: Microseconds. Two days are the day of arrival and the next: mail of the morning has no more.
    """
    return max(0, span // DAY - 1)


def of_streams(demand: Demand, streams: Mapping[str, Stream]) -> Demand:
    """A demand of the streams of a configuration, for those who send it.

    Mail of a stream that is not configured is sent as ``default``. Priorities are the configured ones, and
    so are deadlines where the demand says none; of two for one stream the shorter holds.

    Args:
        demand: What arrives.
        streams: Streams by name; ``default`` is among them.
    """
    found: dict[str, DemandStream] = {}
    for one in demand.streams:
        known = streams.get(one.name, streams["default"])
        own = None if known.deadline is None else whole_days(known.deadline)
        told = attrs.evolve(
            one,
            name=known.name,
            priority=known.priority,
            deadline=own if one.deadline is None else one.deadline,
        )
        before = found.get(known.name)
        found[known.name] = told if before is None else _merged(before, told)
    return attrs.evolve(demand, streams=tuple(found.values()))


def _merged(one: DemandStream, other: DemandStream) -> DemandStream:
    arrivals = dict(one.arrivals)
    for provider, row in other.arrivals.items():
        before = arrivals.get(provider)
        arrivals[provider] = row if before is None else tuple(a + b for a, b in zip(before, row, strict=True))
    given = [deadline for deadline in (one.deadline, other.deadline) if deadline is not None]
    return attrs.evolve(one, arrivals=arrivals, deadline=min(given, default=None))
