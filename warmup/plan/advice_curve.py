"""Findings about the curve: its steps, its hours, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from warmup.plan.advice import Advice
from warmup.plan.curves import PUBLISHED
from warmup.plan.formulas import Geometric, Ses

if TYPE_CHECKING:
    from warmup.plan.plan import Plan

__all__ = ["RULES"]

STEEP_FROM = 50
"""Steps between smaller caps look steep and matter to nobody."""

EVEN = Fraction("1.3")
"""Growth of the even curve that is offered: what Mailtrap's table grows by, and less than SendGrid's."""


def steep(plan: Plan) -> Iterator[Advice]:
    """Steps that more than double. Gmail's guide for senders asks not to double volume suddenly.

    https://support.google.com/a/answer/81126
    """
    source = max(plan.sources, key=lambda source: source.share)
    before = 0
    worst = (1, 1, 0)
    count = 0
    for step in range(1, plan.last_step(source.address) + 1):
        cap = sum(plan.lanes_of(source.share, step).values())
        if before >= STEEP_FROM and cap > 2 * before:
            count += 1
            if cap * worst[0] > worst[1] * before:
                worst = (before, cap, step)
        before = cap
    if not worst[2]:
        return
    low, high, step = worst
    even = Geometric(max(STEEP_FROM, sum(plan.lanes_of(source.share, 1).values())), EVEN)
    days = next(day for day in range(1, 400) if even.cap(day, before) == before)
    yield Advice(
        "warning",
        "steep-step",
        f"Step {step} of {plan.curve.name} jumps from {low:,} to {high:,} a day for one IP: "
        f"x{high / low:.1f}, "
        + ("the only step that" if count == 1 else f"one of {count} steps that each")
        + " more than doubles. Providers warn of spikes; Gmail asks senders not to double suddenly.",
        f"--curve {even.name} grows evenly and is at {before:,} on day {days}",
    )


def hourly(plan: Plan) -> Iterator[Advice]:
    """An hourly limit that takes something off the days."""
    source = max(plan.sources, key=lambda source: source.share)
    last = plan.last_step(source.address)
    cut = [
        step
        for step in range(1, last + 1)
        if plan.curve.hourly(step, source.share) is not None
        and sum(plan.lanes_of(source.share, step).values()) < plan.curve.cap(step, source.share)
    ]
    if cut:
        flat = plan.pattern.name == "flat"
        yield Advice(
            "info",
            "hourly-limit",
            f"{plan.curve.name} limits each hour: under the pattern {plan.pattern.name} the busiest hour "
            f"lowers the day's cap on {len(cut)} of {last} steps.",
            "" if flat else "the pattern flat loses least",
        )


def origin(plan: Plan) -> Iterator[Advice]:
    """What a published schedule was published for, and by whom."""
    name = plan.curve.name
    if isinstance(plan.curve, Ses):
        yield Advice(
            "info",
            "ses-model",
            "AWS publishes only that an IP reaches at most 50,000 a day within 45 days; the daily steps are "
            "our model.",
        )
    if name not in PUBLISHED:
        return
    from warmup.plan.published import about

    facts = about(name)
    subject, grade = facts["subject"], facts["grade"]
    if subject != "ip":
        yield Advice(
            "warning",
            "not-for-an-ip",
            f"{facts['vendor']} published {name} for a {subject}, not for an IP: it says little of how "
            "fast a new IP may go.",
            "compare it with those for an IP: warmup plan curves",
        )
    if grade != "first-party":
        how = (
            "others say that the vendor publishes it"
            if grade == "second-hand"
            else "it was found in source code"
        )
        yield Advice(
            "info",
            "second-hand",
            f"No page of {facts['vendor']} shows {name}: {how}.",
            f"warmup plan curves {name} says where",
        )


RULES = (steep, hourly, origin)
