"""The plan as a record: which one the database was last run with, and what an edit changed."""

from __future__ import annotations

import json
from typing import Any

from warmup.engine.context import Context
from warmup.plan.diff import PlanRecord, compare_plans
from warmup.plan.settings import settings_of
from warmup.store import Connection, get_meta, journal, set_meta
from warmup.timing import Instant, format_instant

__all__ = ["note_plan", "recorded"]

KEY = "plan"


def note_plan(context: Context, connection: Connection, now: Instant) -> None:
    """Keep what the plan was made from, and write down in words what an edit changed."""
    plan = context.plan
    settings = settings_of(
        ramp=context.ramp,
        growth=context.growth,
        steadiness=context.steadiness,
        demand="" if context.demand is None else context.demand.name,
        sources=context.sources.values(),
        declarations=context.declarations,
        streams=context.streams,
    )
    kept = recorded(connection)
    if kept is not None and (kept["fingerprint"], kept.get("settings")) == (plan.fingerprint, settings):
        return
    # As it will be read back: dates and numbers through JSON are what they were.
    head = json.loads(json.dumps(plan.head()))
    if kept is None:
        text = f"planned: {plan.target} a day with {plan.curve.name} from {plan.start}"
    else:
        text = _edited(
            PlanRecord(
                head=kept["head"], caps={}, fingerprint=kept["fingerprint"], settings=kept.get("settings")
            ),
            PlanRecord(head=head, caps={}, fingerprint=plan.fingerprint, settings=settings),
        )
    if text:
        journal.note(connection, now, "plan", text)
    record = {
        "fingerprint": plan.fingerprint,
        "since": format_instant(now),
        "head": head,
        "settings": settings,
    }
    set_meta(connection, KEY, json.dumps(record))


def _edited(before: PlanRecord, after: PlanRecord) -> str:
    """What was edited, in words; empty where only a program that kept less wrote the one before."""
    told = [
        f"{what}: {'nothing' if old == '' else old} becomes {'nothing' if new == '' else new}"
        for what, old, new in compare_plans(before, after).inputs
    ]
    return f"plan edited: {'; '.join(told)}" if told else ""


def recorded(connection: Connection) -> dict[str, Any] | None:
    """The plan that the database was last run with: ``fingerprint``, ``since``, ``head`` and ``settings``."""
    text = get_meta(connection, KEY)
    if text is None:
        return None
    kept: dict[str, Any] = json.loads(text)
    return kept
