"""Judgement at once: bad news lowers the cap of the open window and may end its lane's day."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs

from warmup.engine.context import Context
from warmup.engine.evidence import HISTORY, Past, fresh_in, histories
from warmup.model import Lane, Standing, WindowEvidence
from warmup.reputation import judgement
from warmup.reputation.standing import Adjustment
from warmup.store import Connection, journal, lanes, reports
from warmup.timing import Instant

__all__ = ["alarm"]


def alarm(
    context: Context,
    connection: Connection,
    lane: Lane,
    now: Instant,
    *,
    said: str = "",
    refused: bool = False,
    late: Collection[int] = (),
) -> Lane | None:
    """Look at a lane after bad news; the lane as it is now, or None where nothing changed.

    Args:
        context: The engine's surroundings.
        connection: A write transaction that holds the news already.
        lane: The lane as it stands.
        now: The time.
        said: What the provider said last, for the record.
        refused: Whether it turned the IP away.
        late: Ids of windows that the news is about, where these may be closed.
    """
    if lane.key.source not in context.sources or lane.key.provider not in context.plan.providers:
        return None
    past = histories(connection, [lane], now - HISTORY)[lane.id]
    if not past or past[-1][0].window.ends_at <= now:
        return None
    ledger, seen = past[-1]
    last_step, planned = context.plan.last_step(lane.key.source), context.nominal(lane.key)
    before = [evidence for _, evidence in past[:-1]]
    words: dict[str, Any] = {"planned": planned, "last_step": last_step, "policy": context.policy}
    adjustment: Adjustment | None
    if refused:
        adjustment, told = judgement.refuse(lane, seen, now, said=said, **words), ""
    else:
        adjustment = judgement.alarm(lane, seen, before, now, **words)
        if late and (adjustment is None or adjustment.quiet):
            looked = lane if adjustment is None else adjustment.lane
            news = _news(connection, looked, past[:-1], late)
            adjustment = judgement.review(looked, seen, before, now, late=news, **words) or adjustment
        told = f" ({said})" if said else ""
    if adjustment is None:
        return None
    changed = adjustment.lane
    if changed.note != lane.note:
        changed = attrs.evolve(changed, note=f"{changed.note}{told}")
    lanes.save_lanes(connection, [changed])
    if adjustment.cap_now is not None:
        lanes.lower_cap(connection, ledger.id, adjustment.cap_now)
    if changed.standing is not lane.standing:
        if changed.standing is Standing.SUSPENDED:
            lanes.spoil(connection, ledger.id)
        context.ask_roll()
    if not adjustment.quiet:
        kind = "cap" if changed.standing is lane.standing else "standing"
        journal.note(connection, now, kind, f"{adjustment.reason}{told}", lane=lane.id)
    return changed


def _news(connection: Connection, lane: Lane, past: Past, late: Collection[int]) -> list[WindowEvidence]:
    """Windows from before the last setback, with what was reported of them after it: nobody acted on that."""
    learned = lane.learned
    old = [(ledger, seen) for ledger, seen in past if seen.window.ends_at <= learned.judged_from]
    if not learned.setback_at or not {ledger.id for ledger, _ in old} & {*late}:
        return []
    told = reports.news_of(connection, lane.id, learned.setback_at)
    first = next((at for at, (ledger, _) in enumerate(old) if ledger.id in told), len(old))
    return [fresh_in(seen, told.get(ledger.id, {})) for ledger, seen in old[first:]]
