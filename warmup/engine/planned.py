"""The plan as a record: which one the database was last run with, and what an edit changed."""

from __future__ import annotations

import json
from typing import Any

from warmup.engine.context import Context
from warmup.plan.diff import PlanRecord, compare_plans
from warmup.store import Connection, get_meta, journal, set_meta
from warmup.timing import Instant, format_instant

__all__ = ["note_plan", "recorded"]

KEY = "plan"


def note_plan(context: Context, connection: Connection, now: Instant) -> None:
    """Keep what the plan was made from, and write down in words what an edit changed."""
    plan = context.plan
    kept = recorded(connection)
    if kept is not None and kept["fingerprint"] == plan.fingerprint:
        return
    # As it will be read back: dates and numbers through JSON are what they were.
    head = json.loads(json.dumps(plan.head()))
    if kept is None:
        text = f"planned: {plan.target} a day with {plan.curve.name} from {plan.start}"
    else:
        before, after = (PlanRecord(head=one, caps={}) for one in (kept["head"], head))
        told = [f"{what}: {old} becomes {new}" for what, old, new in compare_plans(before, after).inputs]
        text = f"plan edited: {'; '.join(told) or 'the figures of its curve'}"
    journal.note(connection, now, "plan", text)
    record = {"fingerprint": plan.fingerprint, "since": format_instant(now), "head": head}
    set_meta(connection, KEY, json.dumps(record))


def recorded(connection: Connection) -> dict[str, Any] | None:
    """The plan that the database was last run with: ``fingerprint``, ``since`` and ``head``."""
    text = get_meta(connection, KEY)
    if text is None:
        return None
    kept: dict[str, Any] = json.loads(text)
    return kept
