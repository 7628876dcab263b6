"""What a lane may do tomorrow, after what happened today.

Theory of operation. A lane stands at a step of its curve. When a window that the engine saw
closes, the ramp's clock may move it one step on, never more: progress is made of closed
windows, not of the time since the start. Bad news acts at once, good news after a full window.

* A block suspends the lane for 24 hours. It comes back *reduced*: at half the last cap that it
  used, from the last step of its curve that does not exceed that half, and climbs on from there.
* A lane that has accepted nothing for 30 days is *cold*: step 1.
* An operator's pause ends where it began, unless the lane became cold meanwhile.

A window that was partial, paused or suspended, or that had no length, is no step.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from warmup.model import Lane, Ledger, RampClock, Standing
from warmup.timing import DAY, HOUR, Instant, Span, format_instant

__all__ = [
    "IDLE_DAYS",
    "SUSPENSION",
    "USED_SHARE",
    "Adjustment",
    "block",
    "cap_of",
    "close",
    "pause",
    "reset",
    "resume",
    "wake",
]

SUSPENSION: Span = 24 * HOUR
"""How long a block suspends a lane."""

IDLE_DAYS = 30
"""Days without an accepted delivery after which a lane is cold. SendGrid and Amazon both speak of
30 days after which an unused IP has to be warmed up again."""

USED_SHARE = (3, 4)
"""A cap counts as used when at least three quarters of it were accepted."""

Planned = Callable[[int], int]
"""The plan's cap of the lane on a full day, by step."""


@attrs.frozen
class Adjustment:
    """A lane's new state, with the reason for it as a sentence.

    Attributes:
        cap_now: Cap of the open window from now on, where it falls at once; None: it is unchanged.
        quiet: Only the lane's memory changed: it is saved, and there is nothing to tell.
    """

    lane: Lane
    reason: str
    cap_now: int | None = None
    quiet: bool = False


def cap_of(lane: Lane, planned: int) -> int:
    """The cap of a lane for a window in which the plan allows ``planned``."""
    return planned if lane.cap_limit is None else min(planned, lane.cap_limit)


def _last_step_within(planned: Planned, highest: int, cap: int) -> int:
    """The last step up to ``highest`` whose cap does not exceed ``cap``; 1 where none does not."""
    low, high = 1, highest
    while low < high:
        middle = (low + high + 1) // 2
        if planned(middle) <= cap:
            low = middle
        else:
            high = middle - 1
    return low


def block(lane: Lane, now: Instant, cap: int, planned: Planned, reply: str) -> Adjustment:
    """Suspend a lane that the provider blocked; a block during a suspension extends it.

    Args:
        lane: The lane as it stands.
        now: When the block was seen.
        cap: The cap in force when it came: the last one used.
        planned: The plan's cap by step.
        reply: What the provider said.
    """
    until = now + SUSPENSION
    if lane.standing is Standing.SUSPENDED or lane.before_pause is Standing.SUSPENDED:
        # One incident, many replies: the cap was halved when the first of them came.
        suspended = attrs.evolve(lane, until=max(lane.until or 0, until))
        return Adjustment(suspended, f"blocked again: suspended until {format_instant(until)} ({reply})")
    half = max(1, cap // 2)
    changed = attrs.evolve(
        lane,
        standing=Standing.SUSPENDED if lane.standing is not Standing.PAUSED else lane.standing,
        before_pause=Standing.SUSPENDED if lane.standing is Standing.PAUSED else lane.before_pause,
        until=until,
        cap_limit=half,
        step=_last_step_within(planned, lane.step, half),
        note=reply,
    )
    end = format_instant(until)
    reason = f"blocked: suspended until {end}, then at most {half} a day, half of {cap} ({reply})"
    return Adjustment(changed, reason, cap_now=half)


def wake(lane: Lane, now: Instant) -> Adjustment | None:
    """Bring a lane back whose suspension is over; None where there is nothing to do."""
    if lane.standing is not Standing.SUSPENDED or lane.until is None or now < lane.until:
        return None
    back = attrs.evolve(lane, standing=Standing.REDUCED, until=None)
    return Adjustment(back, f"back from suspension, reduced to at most {lane.cap_limit} a day")


def _used(ledger: Ledger) -> bool:
    part, whole = USED_SHARE
    return ledger.accepted * whole >= ledger.cap * part


def _is_step(lane: Lane, ledger: Ledger, ramp: RampClock) -> bool:
    if ledger.step != lane.step or ledger.partial or lane.standing in (Standing.PAUSED, Standing.SUSPENDED):
        return False
    if ramp is RampClock.CALENDAR:
        return True
    if ramp is RampClock.SENDING_DAY:
        return ledger.accepted > 0
    return _used(ledger)


def idle(lane: Lane, now: Instant) -> Adjustment | None:
    """A lane that has accepted nothing for :data:`IDLE_DAYS` becomes cold; None where nothing changes."""
    idle_since = lane.last_used_at
    if idle_since is None or now - idle_since < IDLE_DAYS * DAY:
        return None
    if lane.standing is Standing.COLD and lane.step == 1:
        return None
    if lane.until is not None and now < lane.until:
        return None  # bad news first: the suspension runs to its end, and a later window makes it cold
    paused = lane.standing is Standing.PAUSED
    cold = attrs.evolve(
        lane,
        standing=Standing.PAUSED if paused else Standing.COLD,
        before_pause=Standing.COLD if paused else None,
        step=1,
        cap_limit=None,
        until=None,
    )
    return Adjustment(cold, f"cold: nothing accepted since {format_instant(idle_since)}, back to step 1")


def close(
    lane: Lane, ledger: Ledger, now: Instant, ramp: RampClock, last_step: int, planned: Planned
) -> Adjustment | None:
    """Judge a closed window; None where nothing changes.

    Args:
        lane: The lane as it stands.
        ledger: The account of the window that closed.
        now: When it was closed, at or after its end.
        ramp: What moves the ramp.
        last_step: First step at which the curve carries its whole share.
        planned: The plan's cap by step.
    """
    cold = idle(lane, now)
    if cold is not None or (lane.standing is Standing.COLD and lane.step == 1 and not ledger.accepted):
        return cold
    if not _is_step(lane, ledger, ramp):
        return None
    step = min(lane.step + 1, last_step) if lane.step < last_step else lane.step
    if lane.standing is Standing.COLD and ledger.accepted == 0:
        return None
    standing, limit = lane.standing, lane.cap_limit
    if limit is not None and planned(step) >= limit and _used(ledger):
        # The reduced cap was used for a full window: from here the curve leads again.
        limit = None
    if limit is None:
        standing = Standing.WARM if step >= last_step else Standing.RAMPING
    moved = attrs.evolve(lane, step=step, standing=standing, cap_limit=limit)
    if moved == lane:
        return None
    if step != lane.step:
        return Adjustment(
            moved, f"step {lane.step} to {step} of {last_step}: {ledger.accepted} of {ledger.cap} accepted"
        )
    return Adjustment(moved, f"{lane.standing} to {standing}: {ledger.accepted} of {ledger.cap} accepted")


def pause(lane: Lane, note: str) -> Adjustment:
    """Stop a lane until an operator resumes it. Pausing a paused lane only changes the note."""
    before = lane.before_pause if lane.standing is Standing.PAUSED else lane.standing
    paused = attrs.evolve(lane, standing=Standing.PAUSED, before_pause=before, note=note)
    return Adjustment(paused, f"paused by an operator{f': {note}' if note else ''}")


def resume(lane: Lane, now: Instant) -> Adjustment | None:
    """Undo a pause, or end a suspension early; None where the lane is neither paused nor suspended.

    A suspended lane comes back reduced, whoever ends the suspension.
    """
    if lane.standing is Standing.PAUSED:
        back = attrs.evolve(lane, standing=lane.before_pause or Standing.RAMPING, before_pause=None, note="")
        return Adjustment(back, f"resumed by an operator: {back.standing}")
    if lane.standing is Standing.SUSPENDED:
        back = attrs.evolve(lane, standing=Standing.REDUCED, until=None, note="")
        return Adjustment(back, f"suspension ended by an operator, reduced to at most {lane.cap_limit} a day")
    return None


def reset(lane: Lane, step: int, last_step: int, note: str) -> Adjustment:
    """Put a lane at a step, as an operator says; whatever held it is gone."""
    step = max(1, min(step, last_step))
    standing = Standing.WARM if step >= last_step else Standing.RAMPING
    changed = attrs.evolve(
        lane,
        standing=standing,
        step=step,
        cap_limit=None,
        until=None,
        before_pause=None,
        backoff_until=0,
        note=note,
    )
    return Adjustment(
        changed, f"put at step {step} of {last_step} by an operator{f': {note}' if note else ''}"
    )
