"""``warmup plan --from-db``: the future from today's real state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from warmup.cli.opening import opened
from warmup.cli.plan import problems_of_options
from warmup.cli.plan_demand import due, show
from warmup.cli.plan_reading import Reading
from warmup.errors import PlanError
from warmup.forecast.mail import Waiting
from warmup.forecast.outlook import demanded, outlook
from warmup.plan.aim import Steadiness
from warmup.plan.consistency import consistency
from warmup.plan.demand import Demand, DemandStream, of_streams

if TYPE_CHECKING:
    from warmup.model import Stream

__all__ = ["from_now"]

_DAY = timedelta(days=1)

NAMES = {"keep_warm": "keep-warm"}
"""Options that are called otherwise than what they set."""


def from_now(
    config: Path | None,
    spec: str | None,
    *,
    days: int,
    deadline: int | None,
    words: dict[str, Any],
    smooth: bool | None,
    spread: Mapping[str, int],
    format: str,
    out: Any,
) -> Iterator[str]:
    """Run the plan of a configuration forward from its database, from tomorrow on.

    Args:
        config: The configuration's file.
        spec: What will arrive besides what waits; None: nothing.
        days: How many days.
        deadline: Days that the demand's mail may wait.
        words: How files are read, see :data:`warmup.cli.plan_reading.OPTIONS`.
        smooth: Whether warm providers' mail is spread; None: as the configuration says.
        spread: What is said of it otherwise than in the configuration: ``keep_warm``, ``patience``.
        format: How it is written.
        out: Where it goes.
    """
    with opened(config) as wm:
        state = wm.engine.present()
        plan, ramp = wm.config.plan, wm.config.ramp
        streams = wm.config.streams
        steadiness = wm.config.steadiness
        with problems_of_options(NAMES):
            until = state.tomorrow + demanded(days, True) * _DAY
            told = wm.config.expects(until) if spec is None else None
    if smooth is not None:
        steadiness = (steadiness or Steadiness()) if smooth else None
    if steadiness is not None:
        with problems_of_options(NAMES):
            steadiness = attrs.evolve(steadiness, **spread)
    elif spread:
        raise PlanError.of(
            f"--{next(iter(spread)).replace('_', '-')}", "given, but nothing is spread", "add --smooth"
        )
    reading = Reading.of(words, plan.zone)
    notes = [f"from the database as it stands; today goes on, and this begins on {state.tomorrow}"]
    if told is not None:
        demand = told
    elif spec is None:
        nothing = dict.fromkeys(plan.providers, (0,) * days)
        demand = Demand(
            name="what waits now",
            start=state.tomorrow,
            streams=(DemandStream(name="default", arrivals=nothing),),
        )
    else:
        with problems_of_options(NAMES):
            far = demanded(days, steadiness is not None)
            read = reading.demand(spec, start=state.tomorrow, days=far, mix=plan.mix)
            demand = due(read.demand, deadline)
            reading.settle()
    demand = _configured(demand, streams, [stream for stream, _, _, _ in state.waiting])
    backlog = [
        Waiting(stream=stream, provider=provider, count=count, age=age + 1)
        for stream, provider, age, count in state.waiting
    ]
    with problems_of_options(NAMES):
        seen = outlook(
            plan,
            demand,
            ramp=ramp,
            today=state.tomorrow,
            days=days,
            lanes=state.lanes,
            backlog=backlog,
            steadiness=steadiness,
        )
    # What was really sent is judged from its first day on, not from before there was any.
    first = next((at for at, count in enumerate(state.sent) if count), len(state.sent))
    yesterday = state.tomorrow - 2 * _DAY
    days_of = [yesterday - (len(state.sent) - 1 - at) * _DAY for at in range(first, len(state.sent))]
    score = consistency(state.sent[first:], [plan.weekdays[on.weekday()] for on in days_of])
    if score is not None:
        notes.append(
            f"consistency of what was sent in the last {len(state.sent) - first} days: {score.score:g}"
        )
    yield from show(seen, reading, format, out, notes, live=True)


def _configured(demand: Demand, streams: Mapping[str, Stream], waiting: Sequence[str]) -> Demand:
    """A demand whose streams, and those of the mail that waits, are as the configuration has them."""
    named = {one.name for one in demand.streams}
    strays = [
        DemandStream(name=name, arrivals={}) for name in sorted(dict.fromkeys(waiting)) if name not in named
    ]
    return of_streams(attrs.evolve(demand, streams=(*demand.streams, *strays)), streams)
