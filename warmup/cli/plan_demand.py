"""``warmup plan --demand``: reads what must be sent, makes the plan, and shows what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

import attrs

from warmup.cli import plan_forecast
from warmup.errors import PlanError
from warmup.forecast.needs import peak_need
from warmup.forecast.outlook import Outlook, demanded, outlook
from warmup.model import RampClock
from warmup.plan import plan as make
from warmup.plan.words import read_date

if TYPE_CHECKING:
    from warmup.cli.plan_reading import Reading
    from warmup.plan.aim import Steadiness
    from warmup.plan.demand import Demand

__all__ = ["against", "due", "show"]

DEADLINE_MAX = 365

Show = Callable[[str, str, Any], Iterator[str]]


def against(
    target: int | None,
    words: dict[str, Any],
    spec: str,
    reading: Reading,
    *,
    deadline: int | None,
    steadiness: Steadiness | None,
    ramp: str,
) -> Show:
    """Run a plan forward against a demand.

    Args:
        target: The plan's target; None: what the demand's largest day needs.
        words: Arguments of :func:`warmup.plan.plan`.
        spec: The demand: a file or a description.
        reading: What it is read with.
        deadline: Days that its mail may wait; None: as the demand says, or for ever.
        steadiness: How warm providers' mail is spread; None: not at all.
        ramp: What moves a lane.

    Returns:
        What writes it in a format.
    """
    days = words["days"]
    # The plan is checked as a whole before the demand is read; its target may be what that needs.
    made = make(target or 1_000_000, **words)
    first: date = read_date("start", words["start"]) if words["start"] is not None else made.start
    read = reading.demand(spec, start=first, days=demanded(days, steadiness is not None), mix=made.mix)
    demand = due(read.demand, deadline)
    if target is None:
        shown = demand.first(days)
        largest = max((sum(column) for column in zip(*shown.by_provider().values(), strict=True)), default=0)
        if not largest:
            until = first + timedelta(days=days - 1)
            wrong = f"brings no mail from {first} to {until}"
            raise PlanError.of("demand", wrong, "look further with --days, start later, or give a --target")
        sources = len(made.sources)
        needed, provider, day = peak_need(made.mix, shown, sources)
        made = make(max(sources, needed), **words)
        if needed > largest:
            reading.notes.append(
                f"the target is above the largest day of {largest:,}, so that {provider} has room for its "
                f"{day:,}; --target says another"
            )
    seen = outlook(made, demand, ramp=RampClock(ramp), days=days, steadiness=steadiness)
    return lambda format, by, out: show(seen, reading, format, out)


def due(demand: Demand, deadline: int | None) -> Demand:
    """A demand whose mail may wait so many days; as it is where nothing was said.

    Raises:
        PlanError: So many days are out of range.
    """
    if deadline is None:
        return demand
    if not 0 <= deadline <= DEADLINE_MAX:
        raise PlanError.of("deadline", f"{deadline} is out of range", f"use 0 to {DEADLINE_MAX} days")
    return attrs.evolve(
        demand, streams=tuple(attrs.evolve(stream, deadline=deadline) for stream in demand.streams)
    )


def show(
    seen: Outlook,
    reading: Reading,
    format: str,
    out: Any,
    more: Sequence[str] = (),
    *,
    live: bool = False,
) -> Iterator[str]:
    """Write a forecast in a format.

    Args:
        seen: The forecast.
        reading: What it was made from.
        format: How it is written.
        out: Where it goes.
        more: Sentences that stand before what was read.
        live: Whether it goes on from lanes as they stand.
    """
    plan = seen.forecast.plan
    notes = [*more, *reading.sentences()]
    if format == "table":
        yield from plan_forecast.table(seen, notes, out)
        yield from reading.shares()
        from warmup.cli.output import is_ascii
        from warmup.cli.plan_table import advice

        yield from advice(plan, ascii_only=is_ascii(out))
    elif format == "csv":
        yield from plan_forecast.csv(seen)
    elif format == "svg":
        yield plan_forecast.picture(seen)
    elif format == "json":
        whole = plan.to_dict() | {"forecast": seen.to_dict() | {"notes": notes}}
        if measured := reading.facts():
            whole["measured"] = measured
        yield json.dumps(whole) + "\n"
    elif format == "ics":
        from warmup.cli.plan_calendar import calendar
        from warmup.timing import SystemClock

        yield from calendar(plan, SystemClock().now(), seen, live=live)
    else:
        from warmup.cli.plan_page import page

        yield from page(plan, chain(plan_forecast.page(seen, notes), reading.page()), live=live)
