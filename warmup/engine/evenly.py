"""Holding warm providers' days alike: today's aim of each open window, found anew every hour.

What waits is read outside any lock; only the aims are written under it. A pool's lanes to a provider share
one aim, in proportion to their caps. While one of them is on its ramp, none is held back: a ramp is
filled by mail that goes as soon as caps let it. A relay that keeps its own queue is never held by an
aim, for only it knows what it has; what it sends counts as gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction

import attrs

from warmup.engine.context import Context
from warmup.engine.windows import roll
from warmup.model import Lane, Ledger, Standing, Stream, Window
from warmup.plan.aim import HORIZON, WEEKS, Queued, aim, expected
from warmup.plan.demand import Demand, of_streams, whole_days
from warmup.plan.share import share
from warmup.reputation import standing
from warmup.store import Connection, backlog, get_meta, history, lanes, queue, set_meta
from warmup.timing import DAY, HOUR, Instant

__all__ = ["keep_even"]

Pair = tuple[str, str]
"""A pool and a provider."""

OUT_OF_IT = frozenset((Standing.SUSPENDED, Standing.PAUSED))
"""Standings of lanes that send nothing: they neither share an aim nor keep others from it."""

MARK = "even"
"""Where it is kept how far back today's mail has to be looked for."""


@attrs.frozen
class _Mark:
    """Ids of deliveries that came before.

    Attributes:
        day: The start of the day that was looked at last.
        before: A delivery that came before that day.
        last: A delivery that came before the next day.
    """

    day: Instant
    before: int
    last: int


@attrs.frozen(kw_only=True)
class _Seen:
    """What was read: lanes with open accounts, what waits, what came today, what went before."""

    lanes: list[tuple[Lane, Ledger]]
    mark: _Mark
    waiting: list[backlog.WaitingRow]
    arrived: Mapping[tuple[str, str, str], int]
    past: Mapping[Pair, Mapping[date, int]]


def keep_even(context: Context, now: Instant) -> Instant | None:
    """Find today's aims anew if it is time to; when it is time again, or None where nothing is backlog."""
    if context.steadiness is None:
        return None
    if now < context.even_at:
        return context.even_at
    look = context.looked()
    with context.clock.busy():
        if now >= context.roll_at:
            roll_at = context.database.write(lambda connection: roll(context, connection, now))
            context.lay_down(look, {}, roll_at)
        seen = context.database.read(lambda connection: _read(context, connection, now))
        aims = _aims(context, seen)
        changed = {
            ledger.id: aims.get(ledger.id) for _, ledger in seen.lanes if ledger.aim != aims.get(ledger.id)
        }
        if changed or (seen.lanes and seen.mark.day != seen.lanes[0][1].window.starts_at):
            context.database.write(lambda connection: _write(connection, seen, changed))
    if changed:
        context.nudge(
            {
                (context.sources[lane.key.source].pool, lane.key.provider)
                for lane, ledger in seen.lanes
                if ledger.id in changed
            }
        )
    ends = [ledger.window.ends_at for _, ledger in seen.lanes]
    context.even_at = min([now - now % HOUR + HOUR, *(end for end in ends if end > now)])
    return context.even_at


def _read(context: Context, connection: Connection, now: Instant) -> _Seen:
    ledgers = lanes.ledgers_of(connection)
    mine = [
        (lane, ledgers[lane.id])
        for lane in lanes.lanes_of(connection)
        if lane.id in ledgers and lane.key.source in context.sources
    ]
    if not mine:
        return _Seen(lanes=[], mark=_Mark(0, 0, 0), waiting=[], arrived={}, past={})
    window = mine[0][1].window
    mark = _mark(connection)
    after = mark.before if mark.day == window.starts_at else mark.last if mark.day < window.starts_at else 0
    return _Seen(
        lanes=mine,
        mark=mark,
        waiting=backlog.waiting_rows(connection, window.starts_at),
        arrived=backlog.arrived(connection, window.starts_at, after),
        past=_past(context, connection, mine, window),
    )


def _past(
    context: Context, connection: Connection, mine: Iterable[tuple[Lane, Ledger]], window: Window
) -> Mapping[Pair, Mapping[date, int]]:
    """What went on each day of the last weeks; read once a day, if the operator does not say what comes."""
    if context.demand is not None:
        return {}
    if context.gone_before[0] != window.date:
        keys = {lane.id: (context.sources[lane.key.source].pool, lane.key.provider) for lane, _ in mine}
        sums: dict[Pair, dict[date, int]] = {}
        since = window.starts_at - WEEKS * 7 * DAY
        for lane, rows in history.pasts_of(connection, keys, since).items():
            days = sums.setdefault(keys[lane], {})
            for ledger, closed, _ in rows:
                if closed:
                    days[ledger.window.date] = days.get(ledger.window.date, 0) + ledger.accepted
        context.gone_before = (window.date, sums)
    return context.gone_before[1]


def _write(connection: Connection, seen: _Seen, changed: Mapping[int, int | None]) -> None:
    lanes.set_aims(connection, changed)
    start = seen.lanes[0][1].window.starts_at
    if seen.mark.day != start:
        before = seen.mark.last if seen.mark.day < start else 0
        set_meta(connection, MARK, f"{start} {before} {queue.last_id(connection)}")


def _mark(connection: Connection) -> _Mark:
    kept = get_meta(connection, MARK)
    return _Mark(*map(int, kept.split())) if kept else _Mark(0, 0, 0)


def _aims(context: Context, seen: _Seen) -> dict[int, int]:
    """Aims by window id, of those that are held to one."""
    policy = context.steadiness
    pairs: dict[Pair, list[tuple[Lane, Ledger]]] = {}
    for lane, ledger in seen.lanes:
        if lane.standing not in OUT_OF_IT:
            pairs.setdefault((context.sources[lane.key.source].pool, lane.key.provider), []).append(
                (lane, ledger)
            )
    aims: dict[int, int] = {}
    ahead = _Ahead(context)
    wanted = None if context.demand is None else of_streams(context.demand, context.streams)
    deadlines = {name: _patience(stream) for name, stream in context.streams.items()}
    if wanted is not None:
        deadlines |= {one.name: one.deadline for one in wanted.streams}
    for pair, members in pairs.items():
        if any(lane.standing is not Standing.WARM for lane, _ in members):
            continue
        today = members[0][1].window.date
        rows = [ahead.caps(lane, ledger) for lane, ledger in members]
        caps = [sum(day) for day in zip(*rows, strict=True)]
        found = aim(
            _queued(seen, pair),
            _coming(context, wanted, seen, pair, today),
            deadlines,
            gone=sum(ledger.used for _, ledger in members),
            caps=caps,
            weights=ahead.weights(today),
            lanes=len(members),
            policy=policy,
        )
        # What was held out in the morning stays: an aim rises in the course of a day and never falls.
        found = max(found, sum(ledger.aim or 0 for _, ledger in members))
        parts = share(min(found, caps[0]), [ledger.cap for _, ledger in members])
        aims |= {ledger.id: part for (_, ledger), part in zip(members, parts, strict=True)}
    return aims


def _patience(stream: Stream) -> int | None:
    return None if stream.deadline is None else whole_days(stream.deadline)


def _queued(seen: _Seen, pair: Pair) -> list[Queued]:
    return [
        Queued(row.stream, row.age, None if row.due is None else max(0, row.due - 1), row.count)
        for row in seen.waiting
        if (row.pool, row.provider) == pair
    ]


def _coming(
    context: Context, wanted: Demand | None, seen: _Seen, pair: Pair, today: date
) -> dict[str, list[int]]:
    """What is expected by stream; of today, what has not come yet."""
    pool, provider = pair
    came = {stream: count for (*of, stream), count in seen.arrived.items() if tuple(of) == pair}
    if wanted is None:
        row = expected(seen.past.get(pair, {}), today, HORIZON)
        row[0] = max(0, row[0] - sum(came.values()))
        return {"": row}
    rows: dict[str, list[int]] = {}
    first = (today - wanted.start).days
    for stream in wanted.streams:
        if context.streams[stream.name].pool != pool:
            continue
        row = rows[stream.name] = [0] * HORIZON
        for name, counts in stream.arrivals.items():
            if context.label(name) == provider:
                for day in range(max(0, -first), HORIZON):
                    if first + day < len(counts):
                        row[day] += counts[first + day]
        row[0] = max(0, row[0] - came.get(stream.name, 0))
    return rows


class _Ahead:
    """Caps and weights of the days to come; lanes of like sources have the same."""

    def __init__(self, context: Context) -> None:
        self._plan = context.plan
        self._known: dict[tuple[object, ...], dict[str, int]] = {}
        self._weights: dict[date, list[Fraction]] = {}

    def weights(self, today: date) -> list[Fraction]:
        """The days' weights, from today on."""
        found = self._weights.get(today)
        if found is None:
            plan = self._plan
            days = [today + timedelta(days=day) for day in range(HORIZON)]
            found = self._weights[today] = [
                Fraction(0) if plan.rests_everywhere(on) else plan.weekdays[on.weekday()] for on in days
            ]
        return found

    def caps(self, lane: Lane, ledger: Ledger) -> list[int]:
        """A warm lane's caps, from today on; what governs its growth today governs it on."""
        today = ledger.window.date
        days = [today + timedelta(days=day) for day in range(HORIZON)]
        full = [standing.cap_of(lane, self._cap(lane, on), on) for on in days]
        governed = ledger.cap < full[0]
        return [ledger.cap, *(min(cap, ledger.cap) if governed else cap for cap in full[1:])]

    def _cap(self, lane: Lane, on: date) -> int:
        plan, key = self._plan, lane.key
        source = plan.source(key.source)
        alike = key.source if plan.pauses else (source.share, source.start)
        place = (alike, lane.step, on)
        if place not in self._known:
            self._known[place] = plan.caps(key.source, lane.step, on)
        return self._known[place][key.provider]
