"""Mail that waits, day by day, and how long it waited.

What arrived on the same day in the same stream is one cohort: nothing inside it needs to be told
apart. The order is the engine's: priority first, then what is due earlier, then what came earlier.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby

import attrs

__all__ = ["Delays", "ProviderQueue", "StreamQueue"]


@attrs.frozen
class Delays:
    """How many deliveries waited how many days; 0 is the day of arrival.

    Attributes:
        counts: Deliveries by whole days, ascending.
    """

    counts: Mapping[int, int]

    @property
    def total(self) -> int:
        """Deliveries counted."""
        return sum(self.counts.values())

    def quantile(self, share: Fraction) -> int | None:
        """The smallest number of days within which at least a share of them went; None without any."""
        total, sum_ = self.total, 0
        for days, count in sorted(self.counts.items()):
            sum_ += count
            if sum_ >= share * total:
                return days
        return None

    @property
    def median(self) -> int | None:
        """Half of them waited no longer than this."""
        return self.quantile(Fraction(1, 2))

    @property
    def most(self) -> int | None:
        """95 % of them waited no longer than this."""
        return self.quantile(Fraction(95, 100))

    @property
    def worst(self) -> int | None:
        """None waited longer than this."""
        return max(self.counts, default=None)

    def __add__(self, other: Delays) -> Delays:
        return Delays(dict(sorted((Counter(self.counts) + Counter(other.counts)).items())))

    def to_dict(self) -> dict[str, int | None]:
        """Median, 95 % and worst, in days."""
        return {"median": self.median, "p95": self.most, "worst": self.worst}


class StreamQueue:
    """Mail of one stream to one provider.

    Attributes:
        name: The stream.
        priority: 0 goes first.
        deadline: Days after arrival by whose end it must go; None: whenever.
    """

    def __init__(self, name: str, priority: int, deadline: int | None) -> None:
        self.name, self.priority, self.deadline = name, priority, deadline
        self.arrived = self.released = self.missed = 0
        self.delays: Counter[int] = Counter()
        self._cohorts: deque[list[int]] = deque()  # [day of arrival, how many]

    @property
    def waiting(self) -> int:
        """What has neither gone nor missed its deadline."""
        return self.arrived - self.released - self.missed

    @property
    def oldest(self) -> int | None:
        """The day on which the oldest of it arrived."""
        return self._cohorts[0][0] if self._cohorts else None

    @property
    def cohorts(self) -> Iterator[tuple[int, int]]:
        """What waits, the oldest first: the day on which it arrived, and how much of it is left."""
        return ((day, count) for day, count in self._cohorts)

    def add(self, day: int, count: int) -> None:
        """Let mail arrive; days never go back."""
        if count:
            self.arrived += count
            self._cohorts.append([day, count])

    def urgency(self) -> tuple[float, int]:
        """When the first of it is due, and when it came; infinity stands for never."""
        day = self._cohorts[0][0]
        return (float("inf") if self.deadline is None else day + self.deadline, day)

    def take(self, day: int, most: int) -> int:
        """Let the oldest cohort go, up to a number; how many went."""
        cohort = self._cohorts[0]
        gone = min(most, cohort[1])
        self.delays[day - cohort[0]] += gone
        self.released += gone
        cohort[1] -= gone
        if not cohort[1]:
            self._cohorts.popleft()
        return gone

    def expire(self, before: int) -> int:
        """Take out what had to go before a day; how many."""
        gone = 0
        if self.deadline is not None:
            while self._cohorts and self._cohorts[0][0] + self.deadline < before:
                gone += self._cohorts.popleft()[1]
        self.missed += gone
        return gone


class ProviderQueue:
    """Everything that waits for one provider."""

    def __init__(self, streams: Sequence[StreamQueue]) -> None:
        self.streams = tuple(streams)
        ordered = sorted(streams, key=lambda stream: stream.priority)
        self._ranks = [list(rank) for _, rank in groupby(ordered, key=lambda stream: stream.priority)]

    @property
    def waiting(self) -> int:
        """Deliveries of all streams."""
        return sum(stream.waiting for stream in self.streams)

    def take(self, day: int, count: int) -> None:
        """Let a number of deliveries go, no more than wait."""
        for rank in self._ranks:
            while count:
                full = [stream for stream in rank if stream.waiting]
                if not full:
                    break
                first = full[0] if len(full) == 1 else min(full, key=StreamQueue.urgency)
                count -= first.take(day, count)
