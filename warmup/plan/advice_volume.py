"""Findings about volume: whether the target is reached, and whether providers will know the IPs.

AWS says that providers track an IP from which they get several hundred messages within 24 hours, and
that about 1,000 a day to each provider keep an IP warm.
https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip.html
https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from warmup.model import OTHER
from warmup.plan.advice import Advice, listed
from warmup.plan.formulas import STEP_MAX

if TYPE_CHECKING:
    from warmup.plan.plan import Plan
    from warmup.plan.sources import PlannedSource

__all__ = ["KEPT_WARM", "RULES", "TRACKED", "warm_volumes"]

TRACKED = 300
"""The low end of "several hundred a day": below it a provider may not know the IP at all."""

KEPT_WARM = 1_000

SHORT_RAMP = 14
"""A ramp of two weeks is short enough for anybody."""

TRIES_MAX = 64


def _largest(plan: Plan) -> PlannedSource:
    return max(plan.sources, key=lambda source: source.share)


def warm_volumes(plan: Plan) -> Mapping[str, int]:
    """What the source with the largest share sends to each provider on a full day once it is warm."""
    source = _largest(plan)
    return plan.nominal(source.address, plan.last_step(source.address))


def reached(plan: Plan) -> Iterator[Advice]:
    """Whether the sources carry what they shall, and when."""
    finals = {source.share: sum(plan.lanes_of(source.share, STEP_MAX).values()) for source in plan.sources}
    short = [source for source in plan.sources if finals[source.share] < source.share]
    if short:
        source = short[0]
        ends = finals[source.share]
        enough = _ips_that_carry(plan, ends)
        yield Advice(
            "warning",
            "target-not-reached",
            f"{plan.curve.name} ends at {ends:,} a day for {source.address}, whose share is "
            f"{source.share:,}. The last step holds from there on.",
            f"{enough:,} IPs carry {plan.target:,} a day under this curve"
            if enough
            else "take another curve",
        )
    ends_on = max(
        (source.start - plan.start).days + plan.last_step(source.address) for source in plan.sources
    )
    rests = plan.holidays or plan.pauses or not all(plan.weekdays)
    if ends_on > plan.days:
        yield Advice(
            "info",
            "preview-ends-early",
            f"The last step is reached on day {ends_on:,}{' or later' if rests else ''}, after this preview.",
            f"--days {min(ends_on, STEP_MAX)}",
        )


def _ips_that_carry(plan: Plan, ends: int) -> int:
    """How many even shares the curve carries; 0 where none of a few tries does."""
    if not ends:
        return 0
    count = -(-plan.target // ends)
    for more in range(TRIES_MAX):
        share = -(-plan.target // (count + more))
        if sum(plan.lanes_of(share, STEP_MAX).values()) >= share:
            return count + more
    return 0


def bound(plan: Plan) -> Iterator[Advice]:
    """Single providers whose own limit keeps a source from its share."""
    source = _largest(plan)
    parts, final = plan.parts_of(source.share), plan.lanes_of(source.share, STEP_MAX)
    short = [provider for provider in plan.providers if final[provider] < parts[provider]]
    if not short or len(short) == len(plan.providers):
        return
    by = "row" if hasattr(plan.curve, "lanes") else "part of the hourly limit"
    first = max(short, key=lambda provider: parts[provider] - final[provider])
    who = f"{first} alone binds" if len(short) == 1 else f"{listed(short)} bind"
    yield Advice(
        "warning",
        "provider-binds",
        f"{who} the plan: the {by} of {first} ends at {final[first]:,} a day, where the share wants "
        f"{parts[first]:,}. The other providers reach theirs.",
        f"send the rest of the mail to {first} from more IPs or through a smarthost, or take another curve",
    )


def known(plan: Plan) -> Iterator[Advice]:
    """Lanes too thin for a reputation of their own."""
    final = warm_volumes(plan)
    named = {provider: cap for provider, cap in final.items() if provider != OTHER}
    thin = [provider for provider, cap in named.items() if cap < TRACKED]
    cool = [provider for provider, cap in named.items() if TRACKED <= cap < KEPT_WARM]
    several = len(plan.sources) > 1
    if thin:
        volumes = listed([f"{provider} ({named[provider]:,})" for provider in thin])
        yield Advice(
            "warning",
            "below-tracking",
            f"Even when warm, an IP sends fewer than {TRACKED} a day to {volumes}: too little for a "
            "provider to track it (several hundred a day, says AWS). There the domain, its authentication "
            "and what recipients do decide, and no reputation of the IP's own.",
            ("use fewer IPs, or " if several else "")
            + "where such a provider does not take the mail, a smarthost with a reputation of its own is the "
            "honest way to it",
        )
    if cool:
        yield Advice(
            "info",
            "below-keep-warm",
            f"When warm, an IP sends between {TRACKED} and {KEPT_WARM:,} a day to {listed(cool)}; AWS "
            f"advises about {KEPT_WARM:,} a day to each provider to stay warm.",
            "use fewer IPs, and send every day" if several else "send every day rather than in bursts",
        )


def crowded(plan: Plan) -> Iterator[Advice]:
    """More IPs than the mail can make known."""
    count = len(plan.sources)
    if count == 1:
        return
    parts = {p: part for p, part in plan.parts_of(plan.target).items() if p != OTHER and part >= TRACKED}
    if not parts:
        best = 1
    else:
        thinnest = min(parts, key=lambda provider: parts[provider])
        best = parts[thinnest] // TRACKED
    carrying = _ips_that_carry(plan, sum(plan.lanes_of(plan.target, STEP_MAX).values())) or 1
    enough = max(best, carrying)
    if enough >= count:
        return
    why = (
        f"with {count:,} an IP sends {parts[thinnest] // count:,} a day to {thinnest}"
        if parts
        else f"no provider but other gets {TRACKED} a day, even from one IP"
    )
    yield Advice(
        "warning",
        "too-many-ips",
        f"{plan.target:,} a day cannot make {count:,} IPs known: {why}.",
        f"{enough:,} IP{'s' if enough > 1 else ''} would be enough; start more when there is more mail",
    )


def small(plan: Plan) -> Iterator[Advice]:
    """A ramp that nobody watches."""
    source = _largest(plan)
    last = plan.last_step(source.address)
    if source.share > KEPT_WARM or last <= SHORT_RAMP:
        return
    yield Advice(
        "info",
        "long-ramp",
        f"For {source.share:,} a day a ramp of {last} steps gains little: no provider sees enough mail to "
        "follow it (Oracle asks for no warm-up where fewer than 10,000 addresses are with a provider). "
        "What counts is the same volume every day, SPF, DKIM, DMARC, reverse DNS, and mail that is wanted.",
        "--curve linear:days=7 is slow enough",
    )


RULES = (reached, bound, known, crowded, small)
