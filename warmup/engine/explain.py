"""The story of a delivery, and the wait of anything that waits, derived when asked."""

from __future__ import annotations

from typing import Any

import attrs

from warmup.engine.context import Context
from warmup.engine.release import HOLD_RECHECK, views_of
from warmup.errors import UsageError
from warmup.model import DeliveryState, Limit, Wait, WaitReason
from warmup.release.hours import stream_limits
from warmup.release.limits import LaneView, limits_of, soonest, wait_of
from warmup.store import Connection, domains, journal, lanes, queue
from warmup.store.queue import DeliveryRow
from warmup.timing import Instant, format_instant

__all__ = ["Story", "explain_delivery", "wait_facts", "wait_for"]


@attrs.frozen(kw_only=True)
class Story:
    """What is told of a delivery or a lane.

    Attributes:
        title: One line.
        lines: Sentences in the order of time, the present last.
        facts: The same for machines.
        wait: What it waits for, if it waits.
    """

    title: str
    lines: tuple[str, ...]
    facts: dict[str, Any]
    wait: Wait | None = None


def wait_for(context: Context, connection: Connection, row: DeliveryRow, now: Instant) -> Wait | None:
    """Why a waiting delivery does not go now; None where it goes at the next release, or does not wait."""
    if row.state is DeliveryState.HELD:
        return Wait(Limit(WaitReason.PAUSED, None, "it was set aside for a person: warmup queue unhold"))
    if row.state not in (DeliveryState.QUEUED, DeliveryState.DEFERRED):
        return None
    complaint = context.watch.complaint()
    if complaint is not None:
        return Wait(Limit(WaitReason.CLOCK, now + HOLD_RECHECK, f"the clock is not believed: {complaint}"))
    if row.site is None:
        domain = domains.known(connection, [row.domain]).get(row.domain)
        at = max(now, domain.retry_at) if domain is not None else now
        trouble = f": {domain.trouble}" if domain is not None and domain.trouble else ""
        return Wait(
            Limit(WaitReason.RESOLVING, at, f"DNS has not named the servers of {row.domain}{trouble}")
        )
    if row.provider not in context.plan.providers:
        ends = [ledger.window.ends_at for ledger in lanes.ledgers_of(connection).values()]
        text = (
            f"{row.provider} has no share of the plan any more: its mail changes lanes with the next window"
        )
        return Wait(Limit(WaitReason.WINDOW_END, min((end for end in ends if end > now), default=now), text))
    views = [
        view for view in views_of(context, connection, now, row.provider) if view.source.pool == row.pool
    ]
    if not views and row.pool in context.pools:
        return Wait(Limit(WaitReason.NOT_STARTED, now, f"{row.provider} has no lane yet: a worker makes it"))
    if not views:
        return Wait(
            Limit(WaitReason.NO_SOURCE, None, f"no source of pool {row.pool!r} sends to {row.provider}")
        )
    ahead = 0
    if row.state is DeliveryState.QUEUED:
        ahead = queue.ahead_of(connection, row)
    windows = [view.ledger.id for view in views if view.ledger is not None]
    units = lanes.held_units(connection, windows, [row.id]).get(row.id, frozenset())
    stream = context.streams.get(row.stream)
    closed = () if stream is None else stream_limits(stream, now)
    waits = []
    for view in views:
        limits = (*_limits(view, now, row, ahead // len(views), units), *closed)
        if not limits:
            return None
        waits.append(wait_of(limits))
    return soonest(waits)


def _limits(
    view: LaneView, now: Instant, row: DeliveryRow, ahead: int, units: frozenset[int]
) -> tuple[Limit, ...]:
    spent = view.ledger is not None and view.ledger.id in units
    limits = limits_of(view, now, site=row.site or "", ahead=ahead, unit=not spent)
    if row.state is DeliveryState.DEFERRED and row.due_at > now:
        text = (
            f"tried {row.attempts} time{'s' if row.attempts != 1 else ''}; the retry schedule says when next"
        )
        limits = (*limits, Limit(WaitReason.RETRY, row.due_at, text, view.lane.key))
    pinned = row.pin_source is not None and row.pin_until is not None and now < row.pin_until
    if pinned and row.pin_source != view.source.address and row.pin_until is not None:
        text = f"greylisted on {row.pin_source}, which the server has seen"
        limits = (*limits, Limit(WaitReason.RETRY, row.pin_until, text, view.lane.key))
    return limits


def explain_delivery(context: Context, delivery: int) -> Story:
    """Tell what happened to a delivery, and what it waits for.

    Raises:
        UsageError: There is no such delivery.
    """
    now = context.clock.now()

    def job(connection: Connection) -> Story:
        row = queue.load(connection, [delivery]).get(delivery)
        if row is None:
            raise UsageError.of("id", f"there is no delivery {delivery}", "see: warmup queue list")
        names = {lane.id: lane.key for lane in lanes.lanes_of(connection)}
        told: list[tuple[Instant, str]] = [
            (row.submitted_at, f"submitted to stream {row.stream} by <{row.sender}>, {row.size} octets")
        ]
        attempts = journal.attempts_of(connection, delivery)
        for attempt in attempts:
            said = " ".join(f"{attempt.code or ''} {attempt.enhanced} {attempt.text}".split())
            by = f"from {names[attempt.lane].source} " if attempt.lane in names else ""
            told.append(
                (
                    attempt.ended_at,
                    f"tried {by}{f'at {attempt.host} ' if attempt.host else ''}- {attempt.outcome} "
                    f"({attempt.category}) at {attempt.stage}: {said}",
                )
            )
        told.extend((entry.at, entry.text) for entry in journal.entries_of(connection, ref=delivery))
        wait = wait_for(context, connection, row, now)
        lines = [f"{format_instant(at)}  {text}" for at, text in sorted(told, key=lambda one: one[0])]
        lines.append(_present(row, wait))
        facts = {
            "id": row.id,
            "message_id": row.message_id,
            "recipient": row.recipient,
            "provider": row.provider,
            "site": row.site,
            "stream": row.stream,
            "state": row.state.value,
            "attempts": [attrs.asdict(attempt) for attempt in attempts],
            "wait": None if wait is None else wait_facts(wait),
        }
        title = f"delivery {row.id} to {row.recipient} ({row.provider}): {row.state}"
        return Story(title=title, lines=tuple(lines), facts=facts, wait=wait)

    with context.clock.busy():
        return context.database.read(job)


def _present(row: DeliveryRow, wait: Wait | None) -> str:
    if wait is not None:
        others = "".join(f"\n  also: {limit.text}" for limit in wait.others)
        return f"now  {wait}{others}"
    if row.state in (DeliveryState.QUEUED, DeliveryState.DEFERRED):
        return "now  goes at the next release"
    return f"now  {row.state}"


def wait_facts(wait: Wait) -> dict[str, Any]:
    """A wait for machines."""
    return {
        "reason": wait.reason.value,
        "not_before": wait.not_before,
        "limit": wait.limit.text,
        "others": [limit.text for limit in wait.others],
    }
