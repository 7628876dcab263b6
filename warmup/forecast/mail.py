"""The mail of one provider: what comes to each stream on which day, and what waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from warmup.forecast.delay import ProviderQueue, StreamQueue
from warmup.model import OTHER
from warmup.plan import Plan
from warmup.plan.demand import Demand, DemandStream

__all__ = ["ProviderMail", "Waiting", "home", "mail_of"]


@attrs.frozen(kw_only=True)
class Waiting:
    """Mail that waits when the forecast begins.

    Attributes:
        stream: Its stream; one that the demand does not name has priority 5 and no deadline.
        provider: Whom it is for.
        count: Deliveries.
        age: Whole days since it came: 1 for what came the day before the first day.
    """

    stream: str
    provider: str
    count: int
    age: int = 1


class ProviderMail:
    """One provider's mail.

    Attributes:
        rows: The streams that have any, each with its queue and its arrivals, a row for each
            provider of the demand whose mail this one takes.
        queue: What waits.
    """

    __slots__ = ("queue", "rows")

    def __init__(
        self, streams: Iterable[tuple[DemandStream, list[tuple[int, ...]]]], old: Sequence[Waiting]
    ) -> None:
        self.rows: list[tuple[StreamQueue, DemandStream, list[tuple[int, ...]]]] = []
        for stream, rows in streams:
            mine = [one for one in old if one.stream == stream.name]
            if not rows and not mine:
                continue
            queue = StreamQueue(stream.name, stream.priority, stream.deadline)
            for one in sorted(mine, key=lambda one: -one.age):
                queue.add(-one.age, one.count)
            self.rows.append((queue, stream, rows))
        self.queue = ProviderQueue([queue for queue, _, _ in self.rows])

    def arrive(self, index: int, at: int) -> int:
        """Let a day's mail come; how much.

        Args:
            index: The day of the forecast, from 0; day 0 counts what waits already.
            at: The same day of the demand.
        """
        came = self.queue.waiting if not index else 0
        for queue, _, rows in self.rows:
            for row in rows:
                if 0 <= at < len(row):
                    queue.add(index, row[at])
                    came += row[at]
        return came

    def expire(self, before: int) -> Iterator[tuple[str, int]]:
        """Take out what had to go before a day of the forecast: streams, and how much of each."""
        for queue, _, _ in self.rows:
            if count := queue.expire(before):
                yield queue.name, count


def home(plan: Plan, provider: str) -> str:
    """The provider of the plan that takes the mail for one."""
    return provider if provider in plan.providers or OTHER not in plan.providers else OTHER


def mail_of(plan: Plan, demand: Demand, backlog: Iterable[Waiting] = ()) -> dict[str, ProviderMail]:
    """Lay out a demand, and what waits, by the providers of a plan.

    Those that the plan does not know and that have no ``other`` to go to come last.
    """
    old = list(backlog)
    wanted = (*demand.providers, *(one.provider for one in old))
    names = dict.fromkeys((*plan.providers, *(home(plan, provider) for provider in wanted)))
    streams = {stream.name: stream for stream in demand.streams}
    for stray in dict.fromkeys(one.stream for one in old):
        streams.setdefault(stray, DemandStream(name=stray, arrivals={}))
    return {
        name: ProviderMail(
            (
                (stream, [row for key, row in stream.arrivals.items() if home(plan, key) == name])
                for stream in streams.values()
            ),
            [one for one in old if home(plan, one.provider) == name],
        )
        for name in names
    }
