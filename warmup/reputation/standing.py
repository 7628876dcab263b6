"""A lane's standing: how it comes back, grows cold, and obeys an operator.

What evidence makes of it is in :mod:`warmup.reputation.judgement`. Here is what needs none: the end of a
suspension, thirty days without an accepted delivery (*cold*: step 1), and an operator's word. A
pause ends where it began, unless the lane became cold meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import attrs

from warmup.model import Lane, Standing
from warmup.model.lane import Learned
from warmup.reputation.weekdays import share_of
from warmup.timing import DAY, Instant, format_instant

__all__ = [
    "IDLE_DAYS",
    "USED_SHARE",
    "Adjustment",
    "cap_of",
    "idle",
    "pause",
    "reset",
    "resume",
    "wake",
]

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


def cap_of(lane: Lane, planned: int, on: date | None = None) -> int:
    """The cap of a lane for a window in which the plan allows ``planned``.

    Args:
        lane: The lane.
        planned: The plan's cap.
        on: The window's date, where its weekday is to count; None: a full day.
    """
    cap = planned if lane.cap_limit is None else min(planned, lane.cap_limit)
    if on is None or not lane.learned.slow or cap <= 0:
        return cap
    return max(1, cap * share_of(lane.learned, on) // 1000)


def wake(lane: Lane, now: Instant) -> Adjustment | None:
    """Bring a lane back whose suspension is over; None where there is nothing to do."""
    if lane.standing is not Standing.SUSPENDED or lane.until is None or now < lane.until:
        return None
    back = attrs.evolve(lane, standing=Standing.REDUCED, until=None)
    return Adjustment(back, f"back from suspension, reduced to at most {lane.cap_limit} a day")


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


def pause(lane: Lane, note: str) -> Adjustment:
    """Stop a lane until an operator resumes it. Pausing a paused lane only changes the note."""
    before = lane.before_pause if lane.standing is Standing.PAUSED else lane.standing
    paused = attrs.evolve(lane, standing=Standing.PAUSED, before_pause=before, note=note)
    return Adjustment(paused, f"paused by an operator{f': {note}' if note else ''}")


def resume(lane: Lane, now: Instant) -> Adjustment | None:
    """Undo a pause, end a suspension or a silence early; None where nothing holds the lane.

    A suspended lane comes back reduced, whoever ends the suspension.
    """
    if lane.standing is Standing.PAUSED:
        back = attrs.evolve(lane, standing=lane.before_pause or Standing.RAMPING, before_pause=None, note="")
        return Adjustment(back, f"resumed by an operator: {back.standing}")
    if lane.standing is Standing.SUSPENDED:
        back = attrs.evolve(lane, standing=Standing.REDUCED, until=None, note="")
        return Adjustment(back, f"suspension ended by an operator, reduced to at most {lane.cap_limit} a day")
    if now < lane.backoff_until:
        heard = attrs.evolve(lane, backoff_until=now, backoff_reason="")
        return Adjustment(heard, f"silence ended by an operator: {lane.backoff_reason}")
    return None


def reset(lane: Lane, now: Instant, step: int, last_step: int, note: str) -> Adjustment:
    """Put a lane at a step, as an operator says; what held it is gone, and so is what it learned."""
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
        learned=Learned(judged_from=now),
    )
    return Adjustment(
        changed, f"put at step {step} of {last_step} by an operator{f': {note}' if note else ''}"
    )
