"""How many IPs a demand needs, and the target that its largest day asks for.

Here mail comes as it comes, and lanes step as their clock says: nothing rises with everything else, so that
every number of IPs is tried. Questions about a steady volume are in :mod:`warmup.forecast.solve`.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from warmup.forecast.binding import missed
from warmup.forecast.question import Answer, Binding, Frame, check_whole, many_ips
from warmup.forecast.result import Forecast
from warmup.forecast.run import forecast
from warmup.forecast.solve import SCAN_MAX
from warmup.model import RampClock
from warmup.plan import Plan
from warmup.plan.build import TARGET_MAX
from warmup.plan.demand import Demand
from warmup.plan.halving import first_holding
from warmup.plan.mix import Mix, seats
from warmup.plan.sources import SOURCES_MAX
from warmup.plan.steady import PATIENCE

__all__ = ["how_many_ips_for", "peak_need", "peak_target"]


def how_many_ips_for(
    frame: Frame,
    demand: Demand,
    start: date,
    *,
    target: int | None = None,
    ramp: RampClock = RampClock.HEALTH,
    ips_max: int = SCAN_MAX,
) -> Answer:
    """The fewest IPs with which no deadline of a demand is missed.

    Mail without a deadline has to be gone a week after the last arrival, other mail by its deadline. The
    number of IPs that divide a target is no monotone matter, so that every number is run forward, the
    smallest first.

    Args:
        frame: Curve, mix and calendar.
        demand: What arrives.
        start: The first day of the ramp.
        target: Deliveries a day that all IPs share once warm; what so many need on the largest day
            unless given, or what the limit of each leaves them.
        ramp: What moves a lane.
        ips_max: Where the search ends.

    Raises:
        PlanError: A figure is out of range.
    """
    check_whole("target", target, TARGET_MAX)
    check_whole("ips-max", ips_max, SOURCES_MAX)
    end = max(0, (demand.start - start).days + demand.days)
    longest = max(stream.deadline or 0 for stream in demand.streams)
    patient = {stream.name for stream in demand.streams if stream.deadline is None}
    facts: dict[str, object] = {"start": start.isoformat(), "demand": demand.name, "ramp": str(ramp)}

    def run(made: Plan, detail: bool = False) -> tuple[Forecast, Counter[str]]:
        """A plan run forward, and what of it is too late, by provider."""
        words: dict[str, Any] = {"ramp": ramp, "today": start, "detail": detail}
        seen = forecast(made, demand, days=max(1, end + PATIENCE), **words)
        late: Counter[str] = Counter()
        for one in seen.streams:
            late[one.provider] += one.overflow + (one.waiting if one.stream in patient else 0)
        if longest > PATIENCE and not +late:
            seen = forecast(made, demand, days=max(1, end + longest), **words)
            for one in seen.streams:
                late[one.provider] += one.overflow
        return seen, +late

    def binding(made: Plan | None) -> Binding:
        if made is None:
            return Binding(code="none", message="No smaller number comes into question.")
        seen, late = run(made, detail=True)
        only = None if seen.misses else late.most_common(1)[0][0]
        return missed(seen, f"with {many_ips(len(made.sources))}", only)

    least = target or peak_target(frame.mix, demand)
    last: Plan | None = None
    for ips in range(1, min(ips_max, least) + 1):
        # Where IPs share, rounding may take more than a message from a provider.
        most = target or peak_target(frame.mix, demand, ips)
        if frame.per_ip is not None:
            most = min(most, ips * frame.per_ip)
        if most < least and target is not None:
            continue
        # Mail that may wait is spread: less than its largest day may be enough.
        made = frame.plan(most, ips, start, days=max(1, end + PATIENCE))
        seen, late = run(made)
        if late:
            last = made
            continue
        if most > least:
            smaller = frame.plan(least, ips, start, days=made.days)
            less, late = run(smaller)
            if not late:
                made, seen = smaller, less
        return Answer(
            question="ips",
            found=True,
            text=f"{many_ips(ips)}, planned with --target {made.target}, "
            f"{'misses' if ips == 1 else 'miss'} no deadline of {demand.name}.",
            facts={"ips": ips, "target": made.target, **facts, "delay": seen.delays.to_dict()},
            binding=binding(last),
            plan=made,
        )
    none = Binding(code="share", message=f"{many_ips(ips_max)} cannot carry {least:,} a day.")
    return Answer(
        question="ips",
        found=False,
        text=f"Up to {ips_max:,} IPs, no number keeps every deadline of {demand.name}.",
        facts={"ips": None, "target": least, **facts},
        binding=none if last is None else binding(last),
    )


def peak_target(mix: Mix, demand: Demand, ips: int = 1) -> int:
    """The least target of which IPs with even shares hold the largest day of every provider."""
    return peak_need(mix, demand, ips)[0]


def peak_need(mix: Mix, demand: Demand, ips: int = 1) -> tuple[int, str, int]:
    """The least target of :func:`peak_target`; the provider that needs that much, and its largest day."""
    arrivals = demand.by_provider()
    peaks = []
    for provider in mix.providers:
        named = [
            row for name, row in arrivals.items() if (name if name in mix.providers else "other") == provider
        ]
        peaks.append(max((sum(column) for column in zip(*named, strict=True)), default=0))

    def missing(target: int) -> list[int]:
        each, more = divmod(target, ips)
        shares = zip(peaks, seats(each, mix.weights), seats(each + 1, mix.weights), strict=True)
        return [peak - (ips - more) * part - more * larger for peak, part, larger in shares]

    target = first_holding(max(1, sum(peaks)), TARGET_MAX, lambda target: max(missing(target)) <= 0)
    less = missing(target - 1)
    place = less.index(max(less))
    return target, mix.providers[place], peaks[place]
