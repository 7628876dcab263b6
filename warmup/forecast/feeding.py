"""How many IPs a traffic can feed at all.

An IP that sends a provider too little has no reputation there. AWS: providers track an IP from
which they get several hundred messages within 24 hours, and about 1,000 a day to each keep it warm
(https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip.html,
https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html).
"""

from __future__ import annotations

from datetime import date

from warmup.forecast.question import Answer, Binding, Frame, check_whole
from warmup.model import OTHER
from warmup.plan.build import TARGET_MAX
from warmup.plan.sources import SOURCES_MAX

__all__ = ["KEPT_WARM", "feedable"]

KEPT_WARM = 1_000
"""Deliveries a day to a provider that keep an IP warm there."""


def feedable(frame: Frame, volume: int, floor: int = KEPT_WARM) -> Answer:
    """How many IPs a daily volume feeds at all: each provider's part divided by what one IP needs there.

    Providers whose whole part is below the floor can feed no IP, however few there are; they are
    named and left out, and so is ``other``, which is many hosts.

    Args:
        frame: The mix.
        volume: Deliveries a day.
        floor: Deliveries a day to a provider that an IP shall have.

    Raises:
        PlanError: A figure is out of range.
    """
    check_whole("volume", volume, TARGET_MAX)
    check_whole("floor", floor, TARGET_MAX)
    parts = frame.plan(volume, 1, date(2001, 1, 1)).parts_of(volume)
    each = {provider: part // floor for provider, part in parts.items() if provider != OTHER}
    fed = {provider: count for provider, count in each.items() if count}
    thin = [provider for provider, count in each.items() if not count]
    smarthost = f"Not even one IP is fed at {', '.join(thin)}: a smarthost there, or nothing to expect."
    notes = (smarthost,) if thin else ()
    if not fed:
        best = max(each, key=lambda provider: parts[provider], default=OTHER)
        message = f"{best} gets {parts.get(best, 0):,} a day of {volume:,}, and an IP needs {floor:,} there."
        binding = Binding(code="floor", message=message, provider=best, have=parts.get(best, 0), need=floor)
        text = f"None: {volume:,} a day is below {floor:,} at every provider."
        nothing: dict[str, object] = {"ips": 0, "volume": volume, "floor": floor, "providers": each}
        return Answer(question="feed", found=False, text=text, facts=nothing, binding=binding, notes=notes)
    most = min(*fed.values(), SOURCES_MAX)
    tight = min(fed, key=lambda provider: fed[provider])
    binding = Binding(
        code="floor",
        message=f"With one more, {tight} would see {parts[tight] // (most + 1):,} a day from each, "
        f"and {floor:,} are needed.",
        provider=tight,
        have=parts[tight],
        need=(most + 1) * floor,
    )
    if most < fed[tight]:
        binding = Binding(code="none", message=f"{most:,} IPs are the most that a plan may have.")
    return Answer(
        question="feed",
        found=True,
        text=f"{volume:,} a day feed {most:,} IP{'' if most == 1 else 's'} with {floor:,} a day at each "
        "provider that can feed one.",
        facts={"ips": most, "volume": volume, "floor": floor, "providers": each},
        binding=binding,
        plan=frame.plan(volume, most, date(2001, 1, 1)),
        notes=notes,
    )
