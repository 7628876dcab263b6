"""What binds a plan that does not do what is asked: the lane that is furthest from it, and why.

A plan is run forward from the day that is asked about, its lanes having made a step on every sending
day before. Where mail misses its deadline, the provider that misses the largest part of its mail is
looked at on the first day on which it does.
"""

from __future__ import annotations

from datetime import date

import attrs

from warmup.forecast.question import WEEK, Binding, Frame
from warmup.forecast.result import Forecast
from warmup.forecast.run import forecast
from warmup.model import Lane, LaneKey, RampClock
from warmup.plan import Plan
from warmup.plan.build import TARGET_MAX
from warmup.plan.demand import Demand
from warmup.plan.formulas import STEP_MAX

__all__ = ["missed", "run_from", "shortfall"]


def run_from(made: Plan, wanted: Demand, on: date, deadline: int, days: int = 0) -> Forecast:
    """Run a plan forward from a day on; its lanes have made a step on every sending day before."""
    lanes = {}
    known: dict[tuple[date, int], dict[str, int]] = {}
    for source in made.sources:
        alike = (source.start, made.last_step(source.address))
        if alike not in known:
            known[alike] = _steps(made, *alike, on)
        for provider, step in known[alike].items():
            key = LaneKey(source.address, provider)
            lanes[key] = Lane(id=0, key=key, step=step)
    days = days or WEEK + deadline
    return forecast(made, wanted, ramp=RampClock.CALENDAR, today=on, days=days, lanes=lanes)


def _steps(made: Plan, start: date, last: int, on: date) -> dict[str, int]:
    frame = Frame(model=made)
    if not made.pauses:
        step = max(1, frame.steps(start, on, made.providers[0], last))
        return dict.fromkeys(made.providers, step)
    return {provider: max(1, frame.steps(start, on, provider, last)) for provider in made.providers}


def shortfall(
    frame: Frame, made: Plan, wanted: Demand, on: date, deadline: int, when: str, only: str | None = None
) -> Binding:
    """What binds a plan that does not do it: the lane that is furthest from what it needs, and why."""
    return missed(run_from(made, wanted, on, deadline), when, only)


def _calendar_step(made: Plan, provider: str, on: date) -> int:
    """The step of the source that stands highest, if every sending day was one."""
    source = max(made.sources, key=lambda source: source.share)
    return max(1, Frame(model=made).steps(source.start, on, provider))


def missed(seen: Forecast, when: str, only: str | None = None) -> Binding:
    """What binds a forecast in which mail misses its deadline, or waits in the end."""
    misses = [miss for miss in seen.misses if only in (None, miss.provider)]
    if not misses:
        late = max(
            (found for found in seen.providers if only in (None, found.provider)),
            key=lambda found: found.waiting[-1],
        )
        provider, at = late.provider, seen.days - 1
        lacking = late.waiting[-1]
    else:
        by_provider = {
            name: sum(miss.count for miss in misses if miss.provider == name)
            for name in {miss.provider for miss in misses}
        }
        whole = {found.provider: max(1, sum(found.arrived)) for found in seen.providers}
        provider = max(sorted(by_provider), key=lambda name: by_provider[name] / whole[name])
        first = next(miss for miss in misses if miss.provider == provider)
        at, lacking = (first.on - seen.start).days, first.count
    row = seen.provider(provider)
    on = seen.date_of(at)
    have, need = row.released[at], row.released[at] + lacking
    alone = len({miss.provider for miss in seen.misses}) == 1
    steps = {row.step for row in seen.lane_days if row.on == on and row.key.provider == provider}
    step = max(steps) if steps else _calendar_step(seen.plan, provider, on)
    code, cause = _cause(seen, provider, on, step)
    return Binding(
        code=code,
        message=f"{when[:1].upper()}{when[1:]}, {provider} {'alone ' if alone else ''}can take {have:,} of "
        f"{need:,} on {on}: {cause}.",
        provider=provider,
        on=on,
        have=have,
        need=need,
    )


def _cause(seen: Forecast, provider: str, on: date, step: int) -> tuple[str, str]:
    """Why the lanes of a provider hold no more on a day."""
    made = seen.plan
    if provider not in made.providers:
        return "share", f"the mix has no share for {provider}, nor for other"
    source = max(made.sources, key=lambda source: source.share)
    if source.start > on:
        return "curve", "no IP has started"
    name = made.curve.name
    last = made.last_step(source.address)
    step = min(step, last)
    free = attrs.evolve(made, curve=_Unhurried(made.curve)) if made.curve.hourly(step, source.share) else made
    have = made.caps(source.address, step, on)[provider]
    if have < free.caps(source.address, step, on)[provider]:
        return "hourly", f"{name} limits each hour, and the pattern {made.pattern.name} has a busy one"
    # Where other providers' lanes still rise, this one may have all that its share gives it.
    if have < made.caps(source.address, last, on)[provider]:
        return "curve", f"it is step {step} of {last} of {name}"
    # A larger share helps where the share binds, and not where the curve does. It has to be much larger:
    # twice as much may leave a small part as it is.
    larger = attrs.evolve(made, sources=(attrs.evolve(source, share=TARGET_MAX),))
    step = max(step, _calendar_step(made, provider, on))
    at_most = larger.caps(source.address, step, on)[provider]
    if made.caps(source.address, step, on)[provider] < at_most:
        return "share", f"that is its part of {source.share:,} a day for each IP"
    if at_most < larger.caps(source.address, STEP_MAX, on)[provider]:
        return "curve", f"it is step {step} of {name}"
    end = sum(larger.nominal(source.address, STEP_MAX).values())
    return "curve-end", f"{name} ends at {end:,} a day for an IP"


@attrs.frozen
class _Unhurried:
    """A curve without its hourly limits."""

    curve: object

    @property
    def name(self) -> str:
        return self.curve.name  # type: ignore[attr-defined,no-any-return]

    def cap(self, step: int, share: int) -> int:
        return self.curve.cap(step, share)  # type: ignore[attr-defined,no-any-return]

    def hourly(self, step: int, share: int) -> int | None:
        return None
