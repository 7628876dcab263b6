"""Opening and closing windows: where days become steps.

``roll`` is idempotent and safe to run from any number of processes: it locks the open windows,
closes those that ended, judges each closed one, and opens the next. At most one step comes of a
closed window; windows that nobody saw (the engine was down) were never opened and give none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import attrs

from warmup.engine.common import look_at_all
from warmup.engine.context import Context
from warmup.engine.evidence import HISTORY, Past, histories
from warmup.engine.planned import note_plan
from warmup.model import Declaration, Lane, LaneKey, Ledger, Standing, Window
from warmup.model.window import PARTS
from warmup.plan import Plan
from warmup.plan.calendar import window_at, window_of
from warmup.plan.growth import growth_limit
from warmup.reputation import idling, judgement, standing
from warmup.reputation.standing import Adjustment
from warmup.reputation.weekdays import NAMES
from warmup.store import Connection, findings, get_meta, journal, lanes, set_meta
from warmup.store import domains as domain_store
from warmup.timing import DAY, HOUR, Instant

__all__ = ["declared", "held_to_growth", "make_lanes", "next_window", "roll"]

WINDOW_MIN = 20 * HOUR
"""After a change of zone the next window is at least this long: a short one would hold a whole cap."""

PARTIAL_PARTS = PARTS // 24
"""A lane's first window that opens after so much of the day's pattern had passed is a partial one."""


def next_window(zone: str, now: Instant, last_end: Instant | None) -> Window | None:
    """The window that ``now`` lies in, beginning no earlier than the last one ended.

    None where the clock stands before the end of a window that was closed already: a closed
    window never grants again.
    """
    window = window_at(zone, now)
    if last_end is None or window.starts_at >= last_end:
        return window
    if now < last_end:
        return None
    # The zone was changed: the day that is under way had begun before the last window ended.
    day = window.date
    while window.ends_at - last_end < WINDOW_MIN:
        day = type(day).fromordinal(day.toordinal() + 1)
        window = window_of(zone, day)
    return attrs.evolve(window, starts_at=last_end)


def declared(plan: Plan, key: LaneKey, declaration: Declaration | None) -> Lane:
    """A lane that nobody has seen yet: at step 1, or where an operator says that it stands."""
    last = plan.last_step(key.source)
    step = 1
    if declaration is not None:
        if declaration.warm:
            step = last
        elif declaration.step is not None:
            step = min(declaration.step, last)
        elif declaration.volume is not None:
            step = plan.step_for_volume(key.source, declaration.volume)
    warm = step >= last and declaration is not None
    return Lane(id=0, key=key, standing=Standing.WARM if warm else Standing.RAMPING, step=step)


def make_lanes(context: Context, connection: Connection, known: Iterable[Lane], now: Instant) -> list[Lane]:
    """Make the lanes of the plan that there are none of yet; all lanes, the plan's and older ones."""
    have = {lane.key for lane in known}
    new = [
        declared(context.plan, LaneKey(address, provider), context.declarations.get(address))
        for address in context.sources
        for provider in context.plan.providers
        if LaneKey(address, provider) not in have
    ]
    if not new:
        return list(known)
    lanes.add_lanes(connection, new)
    everything = lanes.lanes_of(connection)
    for lane in everything:
        if lane.key not in have and lane.key.source in context.declarations:
            text = f"declared by an operator: {lane.standing}, step {lane.step}"
            journal.note(connection, now, "declared", text, lane=lane.id)
    return everything


def roll(context: Context, connection: Connection, now: Instant) -> Instant:
    """Bring every lane's window up to now; the instant at which to roll again."""
    known = make_lanes(context, connection, lanes.lanes_of(connection), now)
    ledgers = lanes.ledgers_of(connection, lock=True)
    changed: dict[int, Lane] = {}
    closing: list[int] = []
    opening: list[tuple[int, Ledger]] = []
    wakes: list[Instant] = []

    mine: list[Lane] = []
    over = {lane: ledger for lane, ledger in ledgers.items() if ledger.window.ends_at <= now}
    since = min([now - HISTORY, *(ledger.window.starts_at for ledger in over.values())])
    pasts = histories(connection, [lane for lane in known if lane.id in over], since)
    ours = [
        lane
        for lane in known
        if lane.key.source in context.sources and lane.key.provider in context.plan.providers
    ]
    beside: dict[str, str] = {}
    if over:
        ending = [(lane, pasts[lane.id]) for lane in ours if lane.id in over]
        still = [lane for lane in ours if lane.id in ledgers and lane.id not in over]
        beside = look_at_all(context, connection, now, ending, still)
    for lane in known:
        ended = over.get(lane.id)
        if ended is not None:
            del ledgers[lane.id]
            closing.append(ended.id)
        if lane.key.source not in context.sources or lane.key.provider not in context.plan.providers:
            continue
        today = lane
        past = pasts.get(lane.id, [])
        why = beside.get(lane.key.source, "")
        for adjustment in _judged(context, lane, ended, past, now, why, opens=lane.id not in ledgers):
            if not adjustment.quiet:
                kind = "step" if adjustment.lane.step != today.step else "standing"
                journal.note(connection, now, kind, adjustment.reason, lane=lane.id)
            today = changed[lane.id] = adjustment.lane
        if (proven := _proven(context, today)) is not None:
            today = changed[lane.id] = proven
        if today.until is not None:
            wakes.append(today.until)
        mine.append(today)
    context.troubled = {LaneKey(one.source, one.provider) for one in findings.open_findings(connection)}
    lanes.close_windows(connection, closing)
    lanes.save_lanes(connection, changed.values())

    running = {lane.key.source: ledgers[lane.id] for lane in mine if lane.id in ledgers}
    for lane in mine:
        ledger = ledgers.get(lane.id)
        if ledger is not None:
            wakes.append(ledger.window.ends_at)
            allowed = _cap(context, lane, ledger)
            if allowed < ledger.cap:
                lanes.lower_cap(connection, ledger.id, allowed)
                text = f"cap {ledger.cap} lowered to {allowed}: the plan was edited"
                journal.note(connection, now, "cap", text, lane=lane.id)
            continue
        starts_at = context.starts_at(lane.key.source)
        if now < starts_at:
            wakes.append(starts_at)
            continue
        last_end = lanes.last_end(connection, lane.id)
        fresh = _open(context, lane, now, last_end, running.get(lane.key.source))
        if fresh is not None:
            _tell_slow_day(context, connection, lane, fresh, now)
            fresh = _governed(context, connection, lane, fresh, pasts.get(lane.id, []), now)
            opening.append((lane.id, fresh))
            wakes.append(fresh.window.ends_at)
    lanes.open_windows(connection, opening)
    if not context.plan_noted:
        note_plan(context, connection, now)
        context.plan_noted = True
    if opening and not running:
        _move_reclassified(context, connection)
    _see(connection, now)
    return min((wake for wake in wakes if wake > now), default=now + DAY)


def _judged(
    context: Context, lane: Lane, ended: Ledger | None, past: Past, now: Instant, beside: str, *, opens: bool
) -> Iterator[Adjustment]:
    """What the end of a window and the end of a suspension mean for a lane, one after the other."""
    if ended is not None:
        before = [seen for ledger, seen in past if ledger.id != ended.id]
        seen = next(seen for ledger, seen in past if ledger.id == ended.id)
        if context.plan.rests(lane.key.source, lane.key.provider, ended.window.date):
            # Edited into rest while it was open: a day of rest is no step, whatever had gone by then.
            seen = attrs.evolve(seen, partial=True)
        adjustment = judgement.close(
            lane,
            seen,
            before,
            now,
            ramp=context.ramp,
            last_step=context.plan.last_step(lane.key.source),
            planned=context.nominal(lane.key),
            policy=context.policy,
            beside=beside,
        )
        if adjustment is not None:
            yield adjustment
            lane = adjustment.lane
    elif opens:
        # Its last window ended while it was in no plan.
        nominal, last = context.nominal(lane.key), context.plan.last_step(lane.key.source)
        cold = idling.lapse(lane, (), now, planned=nominal, last_step=last)
        if cold is not None:
            yield cold
            lane = cold.lane
    back = standing.wake(lane, now)
    if back is not None:
        yield back


def _proven(context: Context, lane: Lane) -> Lane | None:
    """A lane that has just become warm is known to carry what its ramp ended with."""
    if lane.standing is not Standing.WARM or lane.learned.proven:
        return None
    volume = standing.cap_of(lane, context.nominal(lane.key)(lane.step))
    return attrs.evolve(lane, learned=attrs.evolve(lane.learned, proven=volume))


def _tell_slow_day(context: Context, connection: Connection, lane: Lane, fresh: Ledger, now: Instant) -> None:
    """Write down why a window opens with less than the lane's level, where that is for its weekday."""
    full = standing.cap_of(lane, context.planned(lane, fresh)(fresh.step))
    if lane.learned.slow and fresh.cap < full:
        name = NAMES[fresh.window.date.weekday()]
        text = f"cap {fresh.cap} and not {full}: the provider took less on {name} of late"
        journal.note(connection, now, "cap", text, lane=lane.id)


def _governed(
    context: Context, connection: Connection, lane: Lane, fresh: Ledger, past: Past, now: Instant
) -> Ledger:
    """A warm lane's window, held to the growth that its past bears out: a plan may have been raised."""
    cap = held_to_growth(context, lane, fresh.cap, past, fresh.window.date)
    if cap == fresh.cap:
        return fresh
    text = f"cap {cap} and not {fresh.cap}: it grows from what it sent until a week ago"
    journal.note(connection, now, "cap", text, lane=lane.id)
    return attrs.evolve(fresh, cap=cap)


def held_to_growth(context: Context, lane: Lane, cap: int, past: Past, day: date) -> int:
    """A lane's cap on a day; a warm one's is held to the growth that its past bears out."""
    if context.growth is None or lane.standing is not Standing.WARM or cap <= lane.learned.proven:
        return cap
    first = day.toordinal() - HISTORY // DAY
    accepted = [0] * (day.toordinal() - first)
    for ledger, seen in past:
        if 0 <= (place := ledger.window.date.toordinal() - first) < len(accepted):
            accepted[place] += seen.accepted
    limit = growth_limit(accepted, context.growth, proven=lane.learned.proven)
    return cap if limit is None else min(cap, limit)


def _cap(context: Context, lane: Lane, ledger: Ledger) -> int:
    # The step of the window, not the lane's: what an operator raises now acts from the next window.
    return standing.cap_of(lane, context.planned(lane, ledger)(ledger.step), ledger.window.date)


def _open(
    context: Context, lane: Lane, now: Instant, last_end: Instant | None, sibling: Ledger | None
) -> Ledger | None:
    zone = context.plan.zone
    if sibling is not None and (last_end is None or last_end <= sibling.window.starts_at):
        # A provider was added in mid-window, or came back. Its mail was counted elsewhere until now, so
        # a cap of its own would be a second allowance for the same day: it waits for the next window.
        return Ledger(id=0, window=sibling.window, zone=sibling.zone, step=lane.step, cap=0, partial=True)
    window = next_window(zone, now, last_end)
    if window is None:
        return None
    ledger = Ledger(id=0, window=window, zone=zone, step=lane.step, cap=0)
    ledger = attrs.evolve(ledger, cap=_cap(context, lane, ledger))
    late = last_end is None and context.pace(lane, ledger).shape.parts(now) > PARTIAL_PARTS
    held = lane.standing in (Standing.SUSPENDED, Standing.PAUSED)
    rests = context.plan.rests(lane.key.source, lane.key.provider, window.date)
    return attrs.evolve(ledger, partial=late or held or rests)


def _move_reclassified(context: Context, connection: Connection) -> None:
    """Mail whose domain turned out to belong elsewhere changes lanes at a window's start."""
    named = " ".join(context.plan.providers)
    if get_meta(connection, "providers") != named:
        domain_store.expect_moves(connection)
        set_meta(connection, "providers", named)
    domain_store.move_reclassified(connection, context.plan.providers)


def _see(connection: Connection, now: Instant) -> None:
    seen = int(get_meta(connection, "seen_at") or 0)
    if now > seen:
        set_meta(connection, "seen_at", str(now))
