"""Grafting a history: a lane is given a past that was lived elsewhere, so that it need not begin anew.

What is grafted are days and what was accepted on them. Judgement and growth read them as the lane's
own, and the lane is put at the step that its usual volume has earned: the level that was reached on
three of the last thirty days, so that one big day does not speak for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import attrs

from warmup.engine.context import Context
from warmup.engine.evidence import HISTORY
from warmup.engine.steer import steer
from warmup.errors import Problem, UsageError
from warmup.model import Lane, LaneKey, Learned, Ledger, Standing, Watch
from warmup.plan.calendar import window_at, window_of
from warmup.reputation.growth import step_holding
from warmup.reputation.standing import IDLE_DAYS, Adjustment, Planned
from warmup.store import Connection, history, lanes, transfer
from warmup.store.transfer import Day
from warmup.timing import Instant

__all__ = ["History", "at_volume", "graft", "usual"]

History = Mapping[str, Mapping[date, int]]
"""Deliveries accepted by provider and calendar day in the plan's zone."""

USUAL_DAYS, USUAL_TIMES = 30, 3

WEEK = 7


def usual(accepted: Mapping[date, int], today: date) -> int:
    """The most that was accepted on each of three days of the last thirty; 0 where nothing was.

    With mail on fewer days it is the least of them.
    """
    first = today.toordinal() - USUAL_DAYS
    days = sorted(
        (count for day, count in accepted.items() if count and first <= day.toordinal() < today.toordinal()),
        reverse=True,
    )
    return days[min(USUAL_TIMES, len(days)) - 1] if days else 0


def at_volume(lane: Lane, volume: int, planned: Planned, last_step: int) -> Lane:
    """The lane where it sends no more than a daily volume: at a step, or below the curve's first.

    Args:
        lane: The lane.
        volume: Deliveries a day, at least 1.
        planned: The plan's cap of the lane on a full day, by step.
        last_step: First step at which the curve carries its whole share.
    """
    step = step_holding(planned, last_step, volume)
    if planned(step) > volume:
        step -= 1
    if step < 1:
        return attrs.evolve(lane, step=1, cap_limit=volume, standing=Standing.REDUCED)
    standing = Standing.WARM if step >= last_step else Standing.RAMPING
    return attrs.evolve(lane, step=step, cap_limit=None, standing=standing)


def graft(
    context: Context,
    source: str,
    provider: str | None,
    *,
    history: History | None = None,
    other: str | None = None,
    note: str = "",
    now: bool = False,
) -> list[Adjustment]:
    """Give lanes of an address a past: that of another address's lanes, or one from a file.

    Days that a lane has lived here itself stay as they are. A lower cap acts at once, a higher one from
    the next window, or at once with ``now``.

    Args:
        context: The engine's surroundings.
        source: The address whose lanes are given a past.
        provider: Only the lane to this provider; None: each that the past speaks of.
        history: Deliveries accepted by provider and day; or
        other: another address whose lanes' past it is.
        note: Why.
        now: Whether a higher cap acts at once.

    Raises:
        UsageError: There is no such lane, the past does not fit, or it is too old to count; nothing
            was changed, and every problem is listed.
    """
    if (history is None) == (other is None):
        raise UsageError.of("graft", "needs one past", "name another address, or a file with days")
    if other is not None and other == source:
        raise UsageError.of("--from", f"{other} is the address itself", "name another one")
    today = window_at(context.plan.zone, context.clock.now()).date
    if history is not None:
        history = _checked(context, history, provider, today)
    why = f": {note}" if note else ""

    def change(connection: Connection, lane: Lane, _: Ledger | None, at: Instant) -> Adjustment | None:
        planned, last = context.nominal(lane.key), context.plan.last_step(source)
        if other is not None:
            model = _model(connection, LaneKey(other, lane.key.provider))
            if model is None and provider is None:
                return None
            changed, days = _from_lane(context, connection, lane, model, other, at)
            told = f"given the past of {other}"
        else:
            assert history is not None
            counts = history.get(lane.key.provider)
            if counts is None:
                return None
            volume = usual(counts, today)
            days = _days(context, counts, volume, planned, last)
            learned = Learned(proven=volume)
            used = max(window_of(context.plan.zone, day).ends_at for day, count in counts.items() if count)
            changed = attrs.evolve(
                at_volume(lane, volume, planned, last),
                learned=learned,
                last_used_at=max(lane.last_used_at or 0, min(used, at)),
            )
            told = f"given a past of {volume} a day"
        changed = attrs.evolve(changed, note=note or lane.note)
        if lane.standing is Standing.PAUSED:
            changed = attrs.evolve(changed, standing=lane.standing, before_pause=changed.standing)
        added = transfer.add_days(connection, lane.id, days)
        text = f"{told} by an operator, {added} days of it: {changed.standing}, step {changed.step} of {last}"
        return Adjustment(changed, f"{text}{why}")

    done = steer(context, source, provider, change, raise_now=now)
    if not done:
        raise UsageError.of(
            "--from", f"there is no past of {other} for any lane of {source}", "see: warmup lane list"
        )
    return done


def _checked(context: Context, given: History, provider: str | None, today: date) -> History:
    problems = []
    known = ", ".join(context.plan.providers)
    for name, counts in given.items():
        if name not in context.plan.providers:
            problems.append(Problem("provider", f"{name!r} has no share of the plan", f"use one of: {known}"))
            continue
        late = [day for day in counts if day >= today]
        if late:
            problems.append(
                Problem("date", f"{min(late)} is not over in {context.plan.zone}", "a past ends yesterday")
            )
        elif provider in (None, name) and not any(
            count and (today - day).days <= IDLE_DAYS for day, count in counts.items()
        ):
            problems.append(
                Problem(
                    name,
                    f"nothing was accepted within {IDLE_DAYS} days",
                    "such a past counts for nothing: leave it out",
                )
            )
    wanted = {name: counts for name, counts in given.items() if provider in (None, name)}
    if not wanted:
        problems.append(
            Problem("provider", f"the past says nothing of {provider}", f"it speaks of {', '.join(given)}")
        )
    if problems:
        raise UsageError(problems=problems)
    return wanted


def _days(
    context: Context, counts: Mapping[date, int], volume: int, planned: Planned, last_step: int
) -> list[Day]:
    """Each day as a closed window whose cap was what it accepted, at the step of that."""
    zone, now = context.plan.zone, context.clock.now()
    days = []
    for day, count in counts.items():
        window = window_of(zone, day)
        if window.length == 0 or window.ends_at <= now - HISTORY:
            continue
        step = min(last_step, step_holding(planned, last_step, max(1, count)))
        ledger = Ledger(id=0, window=window, zone=zone, step=step, cap=count, used=count, accepted=count)
        days.append(Day(ledger=ledger, evidence={"attempted": count, "accepted": count} if count else {}))
    return days


def _model(connection: Connection, key: LaneKey) -> Lane | None:
    return next((one for one in lanes.lanes_of(connection, key.provider) if one.key == key), None)


def _from_lane(
    context: Context, connection: Connection, lane: Lane, model: Lane | None, other: str, now: Instant
) -> tuple[Lane, list[Day]]:
    """The lane as the other one stands, with that one's closed days."""
    key = LaneKey(other, lane.key.provider)
    if model is None:
        raise UsageError.of("--from", f"there is no lane {key}", "see: warmup lane list")
    stands = model.before_pause if model.standing is Standing.PAUSED else model.standing
    if stands in (Standing.SUSPENDED, Standing.COLD) or model.last_used_at is None:
        word = "has sent nothing" if model.last_used_at is None else f"is {stands}"
        raise UsageError.of("--from", f"{key} {word}", "there is nothing to be had from it now")
    planned, last = context.nominal(lane.key), context.plan.last_step(lane.key.source)
    past = history.pasts_of(connection, [model.id], now - HISTORY)[model.id]
    if model.key.source in context.sources:
        level = context.nominal(model.key)(model.step)
    else:
        # Its curve is not of this plan any more: what its days were allowed of late says what it was worth.
        level = max((ledger.cap for ledger, _, _ in past[-WEEK:]), default=0)
    level = min(level, model.cap_limit) if model.cap_limit is not None else level
    changed = at_volume(lane, max(1, level), planned, last)
    if model.cap_limit is not None and changed.cap_limit is None:
        # It was below its curve for a reason, which goes with it.
        step = step_holding(planned, last, level)
        changed = attrs.evolve(changed, step=step, cap_limit=level, standing=Standing.REDUCED)
    changed = attrs.evolve(
        changed,
        learned=attrs.evolve(model.learned, watch=Watch()),
        last_used_at=max(lane.last_used_at or 0, model.last_used_at),
    )
    days = [Day(ledger=ledger, evidence=counts) for ledger, closed, counts in past if closed]
    return changed, days
