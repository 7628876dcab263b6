"""What a configuration says of how its plan is followed, in words: for comparisons and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from warmup.model import Declaration, EgressSource, RampClock, Stream
from warmup.plan.aim import Steadiness
from warmup.plan.growth import GrowthPolicy
from warmup.timing import format_span

__all__ = ["settings_of"]

DEMAND_SHOWN = 200
"""Characters of a description that are compared and kept, as a demand's name has them."""


def settings_of(
    *,
    ramp: RampClock,
    growth: GrowthPolicy | None,
    steadiness: Steadiness | None,
    demand: str,
    sources: Iterable[EgressSource],
    declarations: Mapping[str, Declaration],
    streams: Mapping[str, Stream],
) -> dict[str, str]:
    """What moves, limits and spreads a plan, by name; its caps are made from none of it.

    Args:
        ramp: What moves a lane to its next step.
        growth: How fast a warm lane may grow; None: as the plan says.
        steadiness: How warm lanes' mail is spread; None: not at all.
        demand: What is expected to arrive, in the operator's words; empty: what the last weeks had.
        sources: The addresses that mail leaves from.
        declarations: What they are used to, by address.
        streams: By name.
    """
    found = {
        "ramp": str(ramp),
        "growth": "off" if growth is None else f"{float(growth.factor):g}",
        "smooth": "no" if steadiness is None else "yes",
        "demand": " ".join(demand.split())[:DEMAND_SHOWN],
    }
    if steadiness is not None:
        found |= {"keep_warm": str(steadiness.keep_warm), "patience": str(steadiness.patience)}
    for source in sources:
        said = declarations.get(source.address)
        if said is not None:
            words = {"warm": said.warm or "", "step": said.step or "", "volume": said.volume or ""}
            told = ", ".join(
                name if word is True else f"{name} {word}" for name, word in words.items() if word
            )
            found[f"IP {source.address} is used to"] = told
        found[f"IP {source.address} is in pool"] = source.pool
    for name, stream in streams.items():
        hours = "any hour" if stream.hours is None else f"{stream.hours.text} ({stream.hours.zone})"
        deadline = "no deadline" if stream.deadline is None else f"deadline {format_span(stream.deadline)}"
        found[f"stream {name}"] = f"priority {stream.priority}, pool {stream.pool}, {deadline}, {hours}"
    return found
