"""How a lane's level grows below the plan's cap: along the curve, and around a provider's limit.

Theory of operation. The *level* is the most a lane may send on a full day. While nothing went
wrong it is the plan's cap at the lane's step. After trouble it is a limit below that, and climbs
on by the curve's own pace from wherever it stands between two steps: never faster than the curve.

A provider that said "too much" has shown a *wall*: the volume it took that day. The next day stays
a little under it. Then there are two kinds of walls. One moves, because the provider's trust grows
with every clean day: the second time it is met it stands higher, and the two together say how fast
it moves; the level follows at nearly that pace. The other stands still: a ceiling. It is met again
at about the same volume, and each time it holds the lane waits longer before it tries again, 1, 2,
4, 7, 14 and 28 windows, a small step over the wall, and stays under it in between. A ceiling that
rises later is found within about as long as it stood; one that falls is met, and stepped under.
"""

from __future__ import annotations

import attrs

from warmup.model import Lane, WindowEvidence
from warmup.model.lane import Learned
from warmup.plan.halving import first_holding
from warmup.reputation.policy import Policy
from warmup.reputation.standing import Planned
from warmup.timing import DAY, HOUR, Instant

__all__ = ["along", "beyond", "bump", "grown", "step_holding"]

SLACK = 2 * HOUR
"""A day may have 23 hours: windows are counted in days less this."""

PAST = 1020
"""A wall is passed where more than so many thousandths of it went through without trouble."""

BELOW = 985
"""While a wall is waited for, the level stays at or under so many thousandths of it."""

QUICKER, QUICKEST = ((7, 103), (14, 115)), 150
"""Growth quickens by so many hundredths a window: little while the pace of a wall that was met so many
days ago is still to be believed, and more after that."""

OVER = 1030
"""The step over a wall that is tried again, in thousandths of it."""


def step_holding(planned: Planned, last_step: int, level: int) -> int:
    """The first step whose cap is at least ``level``; the last where none is."""
    return first_holding(1, last_step, lambda step: planned(step) >= level)


def along(planned: Planned, last_step: int, level: int, at: int = 1) -> int:
    """Where a level between steps stands one step further along the curve.

    It keeps its place between its two steps: from half-way between steps 3 and 4 to half-way between
    steps 4 and 5. Below the first step it grows as the curve does from its first step to its second.
    Of steps that have one cap, as those of a small share do, it stands on the first, or on step ``at``.
    """
    step = step_holding(planned, last_step, level)
    if at > step and planned(at) == planned(step):
        step = at
    here, after = planned(step), planned(min(step + 1, last_step))
    if level >= here:
        return after
    if step == 1:
        return min(after, max(level + 1, level * after // here))
    before = planned(step - 1)
    return here + (level - before) * (after - here) // (here - before)


def bump(
    learned: Learned, seen: WindowEvidence, before: int, level: int, policy: Policy
) -> tuple[int, Learned]:
    """The level after a window in which the provider said "too much", and what is learned of it.

    Args:
        learned: What the lane knew.
        seen: The window.
        before: Deliveries accepted in the window before it; 0 where that is not known.
        level: The level it was sent at.
        policy: How much the lane gives way.
    """
    took = min(seen.accepted, level)
    # Where many were deferred the provider may take offence, and add nothing for the day.
    pushed = 1000 * seen.deferred // max(1, seen.attempted)
    limit = took * (1000 - min(150, max(policy.slack, 2 * pushed))) // 1000
    wall = learned.wall
    pace = 1000 * took // before if before else 1000
    tried = not learned.bumps or seen.window.starts_at + SLACK >= learned.probe_at
    if wall is not None and not tried and took <= wall:
        # It came down to a level that was meant to stay under it: nothing was tried, and no wait grows.
        bumps, stride = learned.bumps, learned.stride
    elif wall is not None and wall * 1000 <= took * policy.near and took * 1000 <= wall * policy.near:
        # It stands where it stood.
        bumps, stride = learned.bumps + 1, max(policy.slowest, 1000 + (learned.stride - 1000) // 2)
    elif pace > policy.near:
        # It moves with what it is given: follow at a little less than its own pace.
        bumps, stride = 1, min(2000, 1000 + (pace - 1000) * 94 // 100)
        if pushed < policy.borne:
            limit = min(level, took * stride // 1000)
    else:
        bumps, stride = 1, policy.fresh
    limit = max(1, limit, level * policy.fall // 1000)
    waits = policy.probes_days
    wait = waits[min(bumps, len(waits)) - 1] * DAY - SLACK
    ended = seen.window.ends_at
    probe_at = ended + wait if tried else max(learned.probe_at, ended + DAY - SLACK)
    return limit, attrs.evolve(
        learned,
        wall=max(1, took),
        wall_at=seen.window.starts_at,
        bumps=bumps,
        stride=stride,
        probe_at=probe_at,
    )


def beyond(learned: Learned, seen: WindowEvidence, policy: Policy) -> Learned:
    """What a used window without trouble teaches: whether a wall is passed."""
    wall = learned.wall
    if learned.bumps and wall is not None and seen.accepted * 1000 < wall * PAST:
        return learned
    days = (seen.window.starts_at - learned.wall_at + SLACK) // DAY if wall is not None else 1 << 30
    quicker = next((factor for until, factor in QUICKER if days < until), QUICKEST)
    faster = min(2000, 1001 + (learned.stride - 1000) * quicker // 100)
    return attrs.evolve(learned, bumps=0, stride=faster)


def grown(lane: Lane, now: Instant, level: int, planned: Planned, last_step: int) -> int:
    """The level after a good window; the same where a wall is not to be tried yet.

    Args:
        lane: The lane, with what the window taught it.
        now: When the window was closed.
        level: The level so far, below the plan's cap.
        planned: The plan's cap by step.
        last_step: First step at which the curve carries its whole share.
    """
    learned = lane.learned
    aim = max(level + 1, level * learned.stride // 1000)
    if learned.bumps and learned.wall is not None:
        if now < learned.probe_at:
            aim = max(level, min(aim, learned.wall * BELOW // 1000))
        else:
            aim = max(aim, learned.wall * OVER // 1000 + 1)
    return min(aim, along(planned, last_step, level, lane.step))
