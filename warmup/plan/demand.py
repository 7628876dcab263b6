"""What somebody wants to send: how much arrives on which day, for whom, and by when it must go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property

import attrs

from warmup.plan.patterns import Pattern

__all__ = ["Demand", "DemandStream"]


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
