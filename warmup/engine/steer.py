"""An operator's hands: pause, resume, step, reset, hold, cancel. Everything is journalled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from warmup.engine.context import Context
from warmup.engine.windows import make_lanes
from warmup.errors import UsageError
from warmup.model import DeliveryState, Lane, Ledger, Standing
from warmup.release.machine import TABLE, Event, move
from warmup.reputation import standing
from warmup.reputation.standing import Adjustment
from warmup.store import Connection, journal, lanes, queue, set_meta
from warmup.timing import Instant

__all__ = [
    "accept_clock",
    "lanes_named",
    "note",
    "pause",
    "reset",
    "resume",
    "steer",
    "steer_deliveries",
    "step",
]

Change = Callable[[Connection, Lane, Ledger | None, Instant], Adjustment | None]
"""What becomes of a lane, seen with its open window; None: it is left as it is."""


def lanes_named(
    context: Context, connection: Connection, source: str | None, provider: str | None
) -> list[Lane]:
    """The lanes of a source, of a provider, or of both, among the sources of the plan.

    Raises:
        UsageError: There is none.
    """
    found = [
        lane
        for lane in lanes.lanes_of(connection)
        if lane.key.source in context.sources
        and (source is None or lane.key.source == source)
        and (provider is None or lane.key.provider == provider)
    ]
    if not found:
        named = " ".join(part for part in (source, provider) if part)
        raise UsageError.of(
            "lane",
            f"there is no lane {named}",
            f"sources: {', '.join(context.sources)}; providers: {', '.join(context.plan.providers)}",
        )
    return found


def steer(
    context: Context,
    source: str | None,
    provider: str | None,
    change: Change,
    *,
    spoils: bool = False,
    raise_now: bool = False,
) -> list[Adjustment]:
    """Change lanes in one transaction, and what their open windows allow with them.

    Args:
        context: The engine's surroundings.
        source: The address; None: every one of the plan.
        provider: The provider; None: every one.
        change: What becomes of each lane.
        spoils: Whether the open window is no full one any more.
        raise_now: Whether a higher cap acts in the open window; a lower one always does.

    Raises:
        UsageError: There is no such lane.
    """
    now = context.clock.now()

    def job(connection: Connection) -> list[Adjustment]:
        # No window is opened or closed here: a command sees a clock that moved for the first time,
        # and only a daemon, which has watched it, can tell a jump from the passing of time.
        make_lanes(context, connection, lanes.lanes_of(connection), now)
        done = []
        ledgers = lanes.ledgers_of(connection, lock=True)
        for lane in lanes_named(context, connection, source, provider):
            ledger = ledgers.get(lane.id)
            adjustment = change(connection, lane, ledger, now)
            if adjustment is None:
                continue
            done.append(adjustment)
            lanes.save_lanes(connection, [adjustment.lane])
            journal.note(connection, now, "operator", adjustment.reason, lane=lane.id)
            if ledger is None:
                continue
            if spoils:
                lanes.spoil(connection, ledger.id)
            planned = context.planned(adjustment.lane, ledger)(adjustment.lane.step)
            cap = standing.cap_of(adjustment.lane, planned, ledger.window.date)
            lanes.lower_cap(connection, ledger.id, cap)
            if raise_now:
                lanes.raise_window(connection, ledger.id, cap, adjustment.lane.step)
        return done

    with context.clock.busy():
        done = context.database.write(job)
    context.ask_roll()
    context.nudge()
    context.announce()
    return done


def pause(context: Context, source: str | None, provider: str | None, why: str) -> list[Adjustment]:
    """Stop lanes until they are resumed. Pausing twice changes nothing but the note."""
    return steer(context, source, provider, lambda _c, lane, _l, _n: standing.pause(lane, why), spoils=True)


def resume(context: Context, source: str | None, provider: str | None, why: str = "") -> list[Adjustment]:
    """Let paused lanes go on, and end suspensions; lanes that run are left alone."""

    def change(_: Connection, lane: Lane, __: Ledger | None, now: Instant) -> Adjustment | None:
        done = standing.resume(lane, now)
        if done is None or not why:
            return done
        return attrs.evolve(done, reason=f"{done.reason} ({why})")

    return steer(context, source, provider, change)


def step(
    context: Context,
    source: str | None,
    provider: str | None,
    *,
    to: int | None = None,
    by: int = 0,
    note: str = "",
    now: bool = False,
) -> list[Adjustment]:
    """Move lanes along their curve, and leave everything else as it is.

    A paused or suspended lane stays so, and what its evidence taught is kept: it goes on from the
    other step afterwards. A limit below the curve is gone. A lower cap acts at once, a higher one from
    the next window, or at once with ``now``.

    Args:
        context: The engine's surroundings.
        source: The address; None: every one of the plan.
        provider: The provider; None: every one.
        to: The step, from 1; one past the end is the last.
        by: Else how many steps on, or back where it is negative.
        note: Why.
        now: Whether a higher cap acts at once.

    Raises:
        UsageError: There is no such lane.
    """

    def change(_: Connection, lane: Lane, __: Ledger | None, ___: Instant) -> Adjustment:
        last = context.plan.last_step(lane.key.source)
        aim = max(1, min(lane.step + by if to is None else to, last))
        stands = Standing.WARM if aim >= last else Standing.RAMPING
        changed = attrs.evolve(lane, step=aim, cap_limit=None, note=note or lane.note)
        if Standing.SUSPENDED in (lane.standing, lane.before_pause):
            # It comes back reduced, whoever moved it: at most what this step allows.
            changed = attrs.evolve(changed, cap_limit=context.nominal(lane.key)(aim))
        elif lane.standing is Standing.PAUSED:
            changed = attrs.evolve(changed, before_pause=stands)
        else:
            changed = attrs.evolve(changed, standing=stands)
        why = f": {note}" if note else ""
        return Adjustment(changed, f"moved from step {lane.step} to {aim} of {last} by an operator{why}")

    return steer(context, source, provider, change, raise_now=now)


def reset(
    context: Context,
    source: str | None,
    provider: str | None,
    *,
    step: int | None = None,
    volume: int | None = None,
    warm: bool = False,
    note: str = "",
    now: bool = False,
) -> list[Adjustment]:
    """Put lanes at a step, at the step of a daily volume, or at the end of their curve.

    Step 1 where nothing is said. Whatever held them is gone, with what their evidence taught: nothing
    that was seen up to the end of the open window is judged again.
    A lower cap acts at once, a higher one from the next window, or at once with ``now``.
    """

    def change(_: Connection, lane: Lane, ledger: Ledger | None, at: Instant) -> Adjustment:
        address = lane.key.source
        last = context.plan.last_step(address)
        to = 1
        if warm:
            to = last
        elif step is not None:
            to = step
        elif volume is not None:
            to = context.plan.step_for_volume(address, volume)
        seen = at if ledger is None else max(at, ledger.window.ends_at)
        done = standing.reset(lane, seen, to, last, note)
        # A lane that is said to be warm is known to carry what the plan gives it, whatever it sent before.
        proven = context.nominal(lane.key)(last) if done.lane.standing is Standing.WARM else 0
        learned = attrs.evolve(done.lane.learned, proven=proven)
        return attrs.evolve(done, lane=attrs.evolve(done.lane, learned=learned, backoff_reason=""))

    return steer(context, source, provider, change, raise_now=now)


def steer_deliveries(context: Context, ids: Sequence[int], event: Event) -> dict[int, str]:
    """Hold, unhold or cancel deliveries; what became of each, by id.

    One that is final, unknown, or under way is left as it is, and said so.
    """
    now = context.clock.now()

    def job(connection: Connection) -> dict[int, str]:
        rows = queue.load(connection, ids, lock=True)
        answers: dict[int, str] = {}
        for delivery in ids:
            row = rows.get(delivery)
            if row is None:
                answers[delivery] = "unknown"
            elif event not in TABLE[row.state]:
                answers[delivery] = f"left {row.state}"
            else:
                state = move(row.state, event)
                change = {"delivery": delivery, "new_state": state.value}
                if state is DeliveryState.HELD:
                    queue.set_state(connection, [change])
                elif state is DeliveryState.DEFERRED:
                    queue.set_state(connection, [change])
                    queue.set_due(connection, delivery, now)
                else:
                    queue.end(connection, [change], now)
                journal.note(connection, now, "operator", f"{row.state} to {state}", ref=delivery)
                answers[delivery] = state.value
        return answers

    with context.clock.busy():
        answers = context.database.write(job)
    context.nudge()
    context.announce()
    return answers


def note(context: Context, text: str) -> None:
    """Write a line of the journal that belongs to no lane."""
    now = context.clock.now()
    with context.clock.busy():
        context.database.write(lambda connection: journal.note(connection, now, "operator", text))


def accept_clock(context: Context) -> None:
    """Believe the clock as it stands, here and (through the database) in a daemon that runs."""
    now = context.clock.now()

    def job(connection: Connection) -> None:
        set_meta(connection, "seen_at", str(now))
        set_meta(connection, "clock_accepted", str(context.clock.real()))
        journal.note(connection, now, "operator", "the clock was accepted as it stands")

    with context.clock.busy():
        context.database.write(job)
    context.watch.accept()
    context.ask_roll()
    context.nudge()
    context.announce()
