"""What nobody else cleans up: claims of dead workers, expired mail, old contents. Each pass is bounded."""

from __future__ import annotations

from typing import Any

from warmup.engine.context import Context
from warmup.engine.record import settle_row, unknown_verdict
from warmup.model import Attempt, DeliveryState, Outcome, Reply, Stage
from warmup.release.machine import Event, move
from warmup.store import Connection, admissions, findings, journal, lanes, queue, reports, retention
from warmup.timing import DAY, Instant, Span, format_instant

__all__ = ["ADMISSIONS_KEPT", "BODIES_KEPT", "HISTORY_KEPT", "sweep"]

SWEEP_MAX = 500
"""Deliveries, contents and attempts dealt with in one pass of each kind."""

BODIES_KEPT: Span = DAY
"""How long contents are kept after the last delivery of a message ended."""

HISTORY_KEPT: Span = 90 * DAY
"""How long finished messages with their keys, single attempts and reservations are kept. The days'
accounts and the evidence stay for good."""

JOURNAL_KEPT: Span = 400 * DAY
"""How long the journal is kept: a lane's story reaches back over a year."""

WINDOWS_MAX = 100
"""Windows whose reservations are dropped in one pass."""

LOOKED_AT_MAX = 5_000
"""Messages looked at in one pass for what may be forgotten of them."""

ADMISSIONS_KEPT: Span = 31 * DAY
"""How long a relay's message is remembered after it was last asked about: longer than any window, so
that no unit is taken twice, and than relays try."""


def sweep(context: Context) -> int:
    """Clean up a bounded part; how many deliveries changed their state."""
    if context.watch.complaint() is not None:
        return 0  # what expires, and what is forgotten, is not decided by a clock that is not believed
    now = context.clock.now()
    real = context.clock.real()

    def job(connection: Connection) -> tuple[int, int]:
        changed = _lapsed(context, connection, now, real)
        changed += _expired(connection, now)
        stopped_at = retention.forget_messages(
            connection,
            context.swept,
            LOOKED_AT_MAX,
            bodies_before=now - BODIES_KEPT,
            all_before=now - HISTORY_KEPT,
        )
        retention.forget_attempts(connection, now - HISTORY_KEPT, SWEEP_MAX)
        retention.forget_reservations(connection, now - HISTORY_KEPT, WINDOWS_MAX)
        retention.forget_journal(connection, now - JOURNAL_KEPT, SWEEP_MAX)
        retention.forget_holds(connection, now - DAY)
        reports.forget_reports(connection, now - HISTORY_KEPT, SWEEP_MAX)
        findings.forget_findings(connection, now - JOURNAL_KEPT)
        admissions.prune(connection, now - ADMISSIONS_KEPT, SWEEP_MAX)
        return changed, stopped_at

    with context.clock.busy():
        changed, context.swept = context.database.write(job)
    if changed:
        context.nudge()
    return changed


def _lapsed(context: Context, connection: Connection, now: Instant, real: Instant) -> int:
    rows = queue.lapsed(connection, real, context.node, context.incarnation, SWEEP_MAX)
    by_id = {lane.id: lane for lane in lanes.lanes_of(connection)}
    homes = lanes.lanes_of_windows(connection, [row.window for row in rows if row.window is not None])
    outcomes: list[dict[str, Any]] = []
    tries: list[dict[str, Any]] = []
    spent: list[tuple[int, int]] = []
    for row in rows:
        assert row.window is not None
        if row.state is DeliveryState.LEASED:
            kept = not lanes.void(connection, row.window, row.id)
            state = move(row.state, Event.GIVE_BACK if row.attempts == 0 else Event.GIVE_BACK_RETRY)
            outcomes.append(
                {
                    "delivery": row.id,
                    "new_state": state.value,
                    "due": row.due_at,
                    "tried": row.attempts,
                    "first": row.first_attempt_at,
                    "in_window": row.window if kept else None,
                    "pin": row.pin_source,
                    "pin_end": row.pin_until,
                }
            )
            continue
        lane = by_id[homes[row.window]]
        verdict = unknown_verdict("worker-lost")
        attempt = Attempt(
            stage=Stage.DOT,
            reply=Reply(0, "", "the worker that was sending it is gone; whether it was taken is not known"),
            outcome=Outcome.UNKNOWN,
            mail_written=True,
            started_at=now,
            ended_at=now,
        )
        spent.append((row.window, row.id))
        tries.append(journal.attempt_values(row.id, lane.id, row.window, attempt, verdict, applied=True))
        outcomes.append(
            settle_row(context, connection, row, lane.key.source, verdict, now, window=row.window)
        )
    lanes.post(connection, spent)
    queue.settle(connection, outcomes)
    journal.add_attempts(connection, tries)
    return len(rows)


def _expired(connection: Connection, now: Instant) -> int:
    rows = queue.due_deadlines(connection, now, SWEEP_MAX)
    expired = [{"delivery": row.id, "new_state": move(row.state, Event.EXPIRE).value} for row in rows]
    queue.end(connection, expired, now)
    for row in rows:
        text = f"expired unsent: its deadline was {format_instant(row.deadline)}"
        journal.note(connection, now, "expired", text, ref=row.id)
    return len(rows)
