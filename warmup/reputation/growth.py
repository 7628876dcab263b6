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

from collections.abc import Sequence

import attrs

from warmup.model import Lane, WindowEvidence
from warmup.model.lane import Learned
from warmup.plan.halving import first_holding
from warmup.reputation.evidence import carried
from warmup.reputation.policy import Policy
from warmup.reputation.standing import Planned
from warmup.reputation.weekdays import firm, noticed, share_of
from warmup.timing import DAY, HOUR, Instant

__all__ = ["along", "beyond", "bump", "grown", "step_holding"]

SLACK = 2 * HOUR
"""A day may have 23 hours: windows are counted in days less this."""

PAST = 1020
"""A wall is passed where more than so many thousandths of it went through without trouble."""

BELOW = 985
"""While a wall is waited for, the level stays at or under so many thousandths of it."""

QUIET_DAYS = (0, 2, 8, 16)
"""So many days after a limit its pace is believed: that of a guess not at all, and for longer the more
limits in succession agreed about it."""

QUICKER = (130, 130, 115, 115)
"""Then growth quickens by so many hundredths a clean window, as many entries."""

FOLLOWED = 97
"""A lane grows at so many hundredths of the pace at which a limit was seen to move."""

AGREE = 100
"""Two paces agree where they differ by no more than so many thousandths of the growth."""

DIPPED = 900
"""A limit below so many thousandths of what was carried of late may be that of a single day."""

SHORT = 850
"""Where the pace is known a limit below so many thousandths of what it promised may be that of a day, too."""

PACE_WINDOWS = 3
"""A limit's pace is what was accepted, of the most in one of so many windows before: over a weekend."""

CARRIED_WINDOWS = 7
"""What was carried in one of so many windows is carried again once the provider takes it."""

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


def _pushed(seen: WindowEvidence) -> int:
    return 1000 * seen.deferred // max(1, seen.attempted)


def _near(one: int, other: int, policy: Policy) -> bool:
    return one * 1000 <= other * policy.near and other * 1000 <= one * policy.near


def _was_pushed(at: Instant, history: Sequence[WindowEvidence], policy: Policy) -> bool:
    """Whether more was deferred in the window that began at about an instant than is taken to be borne."""
    return any(abs(seen.window.starts_at - at) <= SLACK and _pushed(seen) >= policy.borne for seen in history)


def bump(
    learned: Learned, seen: WindowEvidence, history: Sequence[WindowEvidence], level: int, policy: Policy
) -> tuple[int, Learned]:
    """The level after a window in which the provider said "too much", and what is learned of it.

    Args:
        learned: What the lane knew.
        seen: The window.
        history: The windows before it, oldest first.
        level: The level it was sent at.
        policy: How much the lane gives way.
    """
    took = min(seen.accepted, level)
    # Where many were deferred the provider may take offence, and add nothing for the day.
    pushed = _pushed(seen)
    borne = pushed < policy.borne
    limit = took * (1000 - min(150, max(policy.slack, 2 * pushed))) // 1000
    wall, on, at = learned.wall, seen.window.date, seen.window.starts_at
    before, best = carried(history, PACE_WINDOWS), carried(history, CARRIED_WINDOWS)
    pace = 1000 * took // before if before else 1000
    tried = not learned.bumps or at + SLACK >= learned.probe_at
    full = level if wall is None or not learned.bumps else min(level, wall)
    if share_of(learned, on) < 1000:
        # A slow weekday, slower still: that is all it says.
        return level, noticed(learned, on, took, full)
    bumps, stride, sure = 1, learned.stride, learned.sure
    short = sure > 0 and took * 1000 < level * SHORT
    if wall is not None and not tried and wall >= took > wall * DIPPED // 1000:
        # It came down to a level that was meant to stay under it: nothing was tried, and no wait grows.
        bumps = learned.bumps
    elif wall is not None and _near(wall, took, policy) and (learned.bumps or not short):
        # It stands where it stood.
        bumps = learned.bumps + 1
        if bumps > 2:
            learned = attrs.evolve(learned, slow=firm(learned))
        if not (sure and _was_pushed(learned.wall_at, history, policy)):
            stride, sure = max(policy.slowest, 1000 + (learned.stride - 1000) // 2), 0
    elif pace > policy.near and not short:
        # It moves with what it is given: follow at a little less than its own pace.
        stride = min(2000, 1000 + (pace - 1000) * FOLLOWED // 100)
        agree = abs(stride - learned.pace) * 1000 <= AGREE * (stride - 1000)
        sure = min(len(QUIET_DAYS) - 1, learned.sure + 1) if agree else 1
        if borne:
            limit = min(level, took * stride // 1000)
    elif (took * 1000 < best * DIPPED or short) and _was_pushed(at - DAY, history, policy):
        # It may take less for having been pushed: where it falls with what is tried, go well under it.
        limit = min(limit, took * policy.under // 1000) if learned.sure else limit
    elif took * 1000 < best * DIPPED or short:
        # It takes much less than it did of late, and may tomorrow take what it took before.
        again = at - learned.dip_at <= DAY + SLACK and _near(learned.dip, took, policy)
        learned = attrs.evolve(noticed(learned, on, took, full), dip=took, dip_at=at)
        if not again:
            return level if borne else max(1, limit, level * policy.fall // 1000), learned
        bumps, sure = 2, 0
    else:
        stride, sure = policy.fresh, 0
    limit = max(1, limit, level * policy.fall // 1000)
    waits = policy.probes_days
    wait = waits[min(bumps, len(waits)) - 1] * DAY - SLACK
    ended = seen.window.ends_at
    probe_at = ended + wait if tried else max(learned.probe_at, ended + DAY - SLACK)
    return limit, attrs.evolve(
        learned,
        wall=max(1, took),
        wall_at=at,
        bumps=bumps,
        stride=stride,
        pace=stride if sure else 0,
        sure=sure,
        probe_at=probe_at,
    )


def beyond(learned: Learned, seen: WindowEvidence, policy: Policy) -> Learned:
    """What a used window without trouble teaches: whether a wall is passed."""
    wall = learned.wall
    if learned.bumps and wall is not None and seen.accepted * 1000 < wall * PAST:
        return learned
    stride = learned.stride
    if learned.bumps > 1 and not learned.sure:
        # It stood for long and is gone: what it said of the pace is gone with it.
        stride = max(stride, policy.fresh)
    sure = min(learned.sure, len(QUIET_DAYS) - 1)
    if wall is None or seen.window.starts_at - learned.wall_at + SLACK >= QUIET_DAYS[sure] * DAY:
        stride = min(2000, 1001 + (stride - 1000) * QUICKER[sure] // 100)
    return attrs.evolve(learned, bumps=0, stride=stride)


def grown(
    lane: Lane,
    now: Instant,
    level: int,
    history: Sequence[WindowEvidence],
    planned: Planned,
    last_step: int,
    policy: Policy,
) -> int:
    """The level after a good window; the same where a wall is not to be tried yet.

    Args:
        lane: The lane, with what the window taught it.
        now: When the window was closed.
        level: The level so far, below the plan's cap.
        history: Closed windows, oldest first.
        planned: The plan's cap by step.
        last_step: First step at which the curve carries its whole share.
        policy: What a provider is taken to bear.
    """
    learned = lane.learned
    aim = max(level + 1, level * learned.stride // 1000)
    if learned.bumps and learned.wall is not None:
        if now < learned.probe_at:
            aim = max(level, min(aim, learned.wall * BELOW // 1000))
        elif learned.bumps > 1 or not learned.sure:
            aim = max(aim, learned.wall * OVER // 1000 + 1)
    # The way back to what was carried a few days ago is no way into the unknown.
    lately = carried(history, CARRIED_WINDOWS)
    wall = learned.wall
    if learned.dip_at > learned.wall_at:
        back = min(lately, 2 * level)
        if learned.bumps and wall is not None and now < learned.probe_at:
            back = min(back, wall * BELOW // 1000)
        aim = max(aim, back)
    elif (
        wall is not None
        and not _was_pushed(learned.wall_at, history, policy)
        and (not learned.bumps or (now >= learned.probe_at and wall * 1000 < lately * DIPPED))
    ):
        aim = max(aim, min(lately, 2 * level))
    return min(aim, along(planned, last_step, level, lane.step))
