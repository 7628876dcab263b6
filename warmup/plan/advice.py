"""What a person should know before they follow a plan. Findings, not verdicts; few, and each one true.

Figures come from AWS's guide to dedicated IPs: providers track an IP from which they get several
hundred messages within 24 hours, and about 1,000 a day to each provider keep an IP warm.
https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip.html
https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import attrs

from warmup.model import OTHER
from warmup.plan.formulas import Ses
from warmup.plan.mix import PROFILES, parse_mix

if TYPE_CHECKING:
    from warmup.plan.plan import Plan

__all__ = ["Advice", "advise"]

TRACKED = 300
"""The low end of "several hundred a day": below it a provider may not know the IP at all."""

KEPT_WARM = 1_000
STEEP_FROM = 50
"""Steps between smaller caps look steep and matter to nobody."""


@attrs.frozen
class Advice:
    """One finding.

    Attributes:
        level: ``info`` explains; ``warning`` asks for a second thought.
        code: Stable, for scripts.
        message: A sentence or two.
    """

    level: Literal["info", "warning"]
    code: str
    message: str


def advise(plan: Plan) -> tuple[Advice, ...]:
    """Return what is worth saying of a plan, warnings first."""
    found = [*_reach(plan), *_volume(plan), *_steps(plan), *_hourly(plan), *_mix(plan), *_model(plan)]
    return tuple(sorted(found, key=lambda item: item.level != "warning"))


def _reach(plan: Plan) -> Iterator[Advice]:
    """Whether and when the sources carry what they shall."""
    short = [source for source in plan.sources if _final(plan, source.address) < source.share]
    if short:
        source = short[0]
        yield Advice(
            "warning",
            "target-not-reached",
            f"{plan.curve.name} ends at {_final(plan, source.address):,} a day for {source.address}, whose "
            f"share is {source.share:,}. The last step holds from there on; more IPs or another curve carry "
            "more.",
        )
    ends = max((source.start - plan.start).days + plan.last_step(source.address) for source in plan.sources)
    if ends > plan.days:
        yield Advice(
            "info", "preview-ends-early", f"The last step is reached on day {ends:,}, after this preview."
        )


def _final(plan: Plan, address: str) -> int:
    return sum(plan.nominal(address, plan.last_step(address)).values())


def _volume(plan: Plan) -> Iterator[Advice]:
    """Lanes too thin for a reputation of their own."""
    source = max(plan.sources, key=lambda source: source.share)
    final = plan.nominal(source.address, plan.last_step(source.address))
    thin = [provider for provider, cap in final.items() if cap < TRACKED and provider != OTHER]
    cool = [provider for provider, cap in final.items() if TRACKED <= cap < KEPT_WARM and provider != OTHER]
    if thin:
        yield Advice(
            "warning",
            "below-tracking",
            f"Even when warm, an IP sends fewer than {TRACKED} a day to {_listed(thin)}. AWS says that "
            "providers track an IP that sends them several hundred in a day; with less, expect no reputation "
            "there. Fewer IPs help.",
        )
    if cool:
        yield Advice(
            "info",
            "below-keep-warm",
            f"When warm, an IP sends between {TRACKED} and {KEPT_WARM:,} a day to {_listed(cool)}; AWS "
            f"advises about {KEPT_WARM:,} a day to each provider to stay warm.",
        )


def _steps(plan: Plan) -> Iterator[Advice]:
    source = max(plan.sources, key=lambda source: source.share)
    before = 0
    worst = (1, 1, 0)
    for step in range(1, plan.last_step(source.address) + 1):
        cap = sum(plan.nominal(source.address, step).values())
        if before >= STEEP_FROM and cap > 2 * before and cap * worst[0] > worst[1] * before:
            worst = (before, cap, step)
        before = cap
    if worst[2]:
        low, high, step = worst
        yield Advice(
            "warning",
            "steep-step",
            f"Step {step} of {plan.curve.name} jumps from {low:,} to {high:,} a day for one IP: "
            "more than double.",
        )


def _hourly(plan: Plan) -> Iterator[Advice]:
    """An hourly limit that takes something off the days."""
    source = max(plan.sources, key=lambda source: source.share)
    last = plan.last_step(source.address)
    cut = [
        step
        for step in range(1, last + 1)
        if plan.curve.hourly(step, source.share) is not None
        and sum(plan.nominal(source.address, step).values()) < plan.curve.cap(step, source.share)
    ]
    if cut:
        yield Advice(
            "info",
            "hourly-limit",
            f"{plan.curve.name} limits each hour: under the pattern {plan.pattern.name} the busiest hour "
            f"lowers the day's cap on {len(cut)} of {last} steps. The pattern flat loses least.",
        )


def _mix(plan: Plan) -> Iterator[Advice]:
    if OTHER not in plan.providers:
        yield Advice(
            "warning",
            "no-other",
            "The mix has no share for other: mail to anybody who is not named has no cap, and waits.",
        )
    if plan.mix.name in PROFILES:
        return
    from difflib import get_close_matches

    known = {provider for name in PROFILES for provider in parse_mix(name).providers}
    for provider in plan.providers:
        close = [] if provider in known else get_close_matches(provider, known, n=1, cutoff=0.8)
        if close:
            yield Advice("warning", "mix-name", f"The mix names {provider}; was {close[0]} meant?")


def _model(plan: Plan) -> Iterator[Advice]:
    if isinstance(plan.curve, Ses):
        yield Advice(
            "info",
            "ses-model",
            "AWS publishes only that an IP reaches at most 50,000 a day within 45 days; the daily steps are "
            "our model.",
        )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
