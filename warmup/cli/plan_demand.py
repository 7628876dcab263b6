"""``warmup plan --demand``: reads what must be sent, makes the plan, and shows what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import attrs

from warmup.cli import plan_forecast
from warmup.cli.reading import Inputs, read_demand
from warmup.errors import PlanError
from warmup.forecast.outlook import Outlook, demanded, outlook
from warmup.forecast.solve import peak_target
from warmup.model import RampClock
from warmup.plan import parse_mix
from warmup.plan import plan as make
from warmup.plan.words import read_date

if TYPE_CHECKING:
    from warmup.plan.demand import Demand

__all__ = ["against", "due", "show"]

DEADLINE_MAX = 365

Show = Callable[[str, str, Any], Iterator[str]]


def against(
    target: int | None,
    words: dict[str, Any],
    spec: str,
    *,
    deadline: int | None,
    growth: str | None,
    smooth: bool,
    ramp: str,
    notes: list[str],
) -> Show:
    """Run a plan forward against a demand.

    Args:
        target: The plan's target; None: what the demand's largest day needs.
        words: Arguments of :func:`warmup.plan.plan`.
        spec: The demand: a file or a description.
        deadline: Days that its mail may wait; None: as the demand says, or for ever.
        growth: Growth of a forecast from past sends.
        smooth: Whether warm providers' mail is spread.
        ramp: What moves a lane.
        notes: Sentences that were gathered so far.

    Returns:
        What writes it in a format.
    """
    if deadline is not None and not 0 <= deadline <= DEADLINE_MAX:
        raise PlanError.of("deadline", f"{deadline} is out of range", f"use 0 to {DEADLINE_MAX} days")
    zone, days = words["timezone"], words["days"]
    # The plan is checked as a whole before anything is read; its target may be what the demand needs.
    made = make(target or 1_000_000, **words)
    inputs = Inputs(zone=zone)
    first: date = read_date("start", words["start"]) if words["start"] is not None else made.start
    far = demanded(days, smooth)
    read = read_demand(spec, inputs, start=first, days=far, mix=parse_mix(words["mix"]), growth=growth)
    demand = due(read.demand, deadline)
    if target is None:
        made = make(max(len(made.sources), peak_target(made.mix, demand.first(days))), **words)
    seen = outlook(made, demand, ramp=RampClock(ramp), days=days, smooth=smooth)
    return lambda format, by, out: show(seen, [*notes, *read.notes], format, out)


def due(demand: Demand, deadline: int | None) -> Demand:
    """A demand whose mail may wait so many days; as it is where nothing was said."""
    if deadline is None:
        return demand
    return attrs.evolve(
        demand, streams=tuple(attrs.evolve(stream, deadline=deadline) for stream in demand.streams)
    )


def show(seen: Outlook, notes: Sequence[str], format: str, out: Any) -> Iterator[str]:
    """Write a forecast in a format."""
    plan = seen.forecast.plan
    if format == "table":
        yield from plan_forecast.table(seen, notes, out)
        from warmup.cli.output import is_ascii
        from warmup.cli.plan_table import advice

        yield from advice(plan, ascii_only=is_ascii(out))
    elif format == "csv":
        yield from plan_forecast.csv(seen)
    elif format == "svg":
        yield plan_forecast.picture(seen)
    elif format == "json":
        whole = plan.to_dict() | {"forecast": seen.to_dict() | {"notes": list(notes)}}
        yield json.dumps(whole) + "\n"
    elif format == "ics":
        from warmup.cli.plan_calendar import calendar
        from warmup.timing import SystemClock

        yield from calendar(plan, SystemClock().now(), seen)
    else:
        from warmup.cli.plan_page import page

        yield from page(plan, plan_forecast.page(seen, notes))
