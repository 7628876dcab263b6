"""What is left of a lane's warmth after days without mail, and the short way back.

Theory of operation. Providers remember an address for about 30 days: SendGrid, Braze and MailWizz all ask
for a new warm-up after that, Amazon for several hundred messages a day at least once a month; Braze sees
addresses cool within days of much lower volume. Nobody publishes how fast the memory fades before it is
gone. Ours is the plainest that fits: whole for a week, since nobody asks weekly senders to warm up again,
then evenly less each day, and nothing on the thirtieth.

A lane is *idle* since the last day on which it carried at least the tenth part of its cap, or of the most
it carried on one of the last 30 days. What fades is the cap that it used then: the level falls to
``kept(cap, idle)``, a little each day, so that mail starts at what is left whenever it comes. On the
thirtieth day without any mail the lane is *cold* and starts at step 1, as a new one does.

The level that it had is remembered for 60 days all the same, and the way back is shorter than the first
was: a used day without trouble may double the level, until the old one is reached. Above that the lane
climbs as any other. Bad news ends the short way at once: the provider has forgotten, or changed its mind.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from warmup.model import Lane, Standing, WindowEvidence
from warmup.model.lane import Learned
from warmup.reputation import standing
from warmup.reputation.evidence import since as seen_since
from warmup.reputation.growth import step_holding
from warmup.reputation.standing import IDLE_DAYS, Adjustment, Planned
from warmup.timing import DAY, Instant, Span

__all__ = ["FORGOTTEN_DAYS", "LOW", "WHOLE_DAYS", "kept", "lapse", "reached", "shortcut", "spoiled"]

WHOLE_DAYS = 7
"""So long an idle lane keeps all it had."""

FORGOTTEN_DAYS = 60
"""So long the level that it had is remembered: twice as long as providers are said to. Ours."""

LOW = 10
"""A day on which a lane carries less than the tenth part is an idle one. Ours."""


def kept(volume: int, idle: Span) -> int:
    """What is left of a volume.

    Args:
        volume: Deliveries a day.
        idle: How long it has not been carried, microseconds.

    Returns:
        Deliveries a day: all of them up to 7 days, none from 30 days on, evenly less in between.
    """
    left = min(IDLE_DAYS * DAY - idle, (IDLE_DAYS - WHOLE_DAYS) * DAY)
    return volume * max(0, left) // ((IDLE_DAYS - WHOLE_DAYS) * DAY)


def _last_used(windows: Sequence[WindowEvidence]) -> tuple[Instant, int] | None:
    """When a lane was last used, and the highest cap that it used in the week before."""
    most = max((seen.accepted for seen in windows), default=0)
    used = [seen for seen in windows if seen.accepted and seen.accepted * LOW >= min(most, seen.cap)]
    if not used:
        return None
    since = used[-1].window.ends_at
    # Of a week, since caps differ by the day of the week.
    return since, max(seen.cap for seen in used if seen.window.ends_at > since - WHOLE_DAYS * DAY)


def _busy(windows: Sequence[WindowEvidence], since: Instant) -> bool:
    """Whether a tenth of a cap was used since an instant: the quick answer for nearly every lane."""
    for seen in reversed(windows):
        if seen.window.ends_at < since:
            return False
        if seen.accepted and seen.accepted * LOW >= seen.cap:
            return True
    return False


def lapse(
    lane: Lane,
    windows: Sequence[WindowEvidence],
    now: Instant,
    *,
    planned: Planned,
    last_step: int,
    fades: bool = True,
) -> Adjustment | None:
    """What idleness makes of a lane; None where it changes nothing.

    It never raises a cap. A suspended lane is left alone until it is back.

    Args:
        lane: The lane as it stands.
        windows: Its windows, oldest first, as far as they are known; those of 37 days are looked at.
        now: The time.
        planned: The plan's cap of the lane on a full day, by step.
        last_step: First step at which the curve carries its whole share.
        fades: Whether it loses anything before it is cold: a ramp that moves by the calendar alone does not.
    """
    level = standing.cap_of(lane, planned(lane.step))
    cold = standing.idle(lane, now)
    if cold is not None:
        learned = _remember(lane.learned, level, lane.last_used_at or now)
        fresh = Learned(volume=learned.volume, volume_at=learned.volume_at)
        short = f"; a used day may double that until it carries {learned.volume} a day again"
        text = cold.reason + (short if learned.volume > planned(1) else "")
        return Adjustment(attrs.evolve(cold.lane, learned=fresh), text)
    if not fades or {Standing.SUSPENDED, Standing.COLD} & {lane.standing, lane.before_pause}:
        return None
    if _busy(windows, now - WHOLE_DAYS * DAY):
        return None
    windows = seen_since(windows, now - (IDLE_DAYS + WHOLE_DAYS) * DAY)
    last = _last_used(windows)
    if last is None or now - last[0] <= WHOLE_DAYS * DAY:
        return None
    since, cap = last
    left = max(kept(cap, now - since), planned(1), 1)
    if left >= level:
        return None
    learned = _remember(lane.learned, level, since)
    step = min(lane.step, step_holding(planned, last_step, left))
    changed = attrs.evolve(lane, step=step, cap_limit=left, learned=learned)
    if lane.standing is Standing.PAUSED:
        changed = attrs.evolve(changed, before_pause=Standing.REDUCED)
    else:
        changed = attrs.evolve(changed, standing=Standing.REDUCED)
    text = (
        f"from {level} to {left} a day: idle for {(now - since) // DAY} days, and less each further day; "
        f"a used day may double it until it carries {learned.volume} again"
    )
    return Adjustment(changed, text, quiet=lane.learned.volume_at == since)


def _remember(learned: Learned, level: int, at: Instant) -> Learned:
    """Keep the higher of a level and the one remembered already."""
    return learned if learned.volume >= level else attrs.evolve(learned, volume=level, volume_at=at)


def shortcut(learned: Learned, level: int, now: Instant) -> int:
    """The level that the short way back allows after a good window; 0 where there is none."""
    if now - learned.volume_at >= FORGOTTEN_DAYS * DAY or level >= learned.volume:
        return 0
    return min(2 * level, learned.volume)


def reached(learned: Learned, level: int, now: Instant) -> Learned:
    """What a lane remembers at a level: the old one until it is reached, or forgotten."""
    over = level >= learned.volume or now - learned.volume_at >= FORGOTTEN_DAYS * DAY
    return spoiled(learned) if over else learned


def spoiled(learned: Learned) -> Learned:
    """What a lane remembers after bad news: nothing of the level that it had."""
    return attrs.evolve(learned, volume=0, volume_at=0) if learned.volume else learned
